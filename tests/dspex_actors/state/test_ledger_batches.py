"""Drafts that are written together get what they would get one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dspex_actors.serialization import Serializer
from dspex_actors.state import (
    Incremental,
    StateDeletedError,
    StorageUnavailableError,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._codec import Codec
from dspex_actors.state._ledger import Draft, Ledger
from dspex_actors.state._line import Line
from tests.dspex_actors.state._backends import Hooked, Script, ticking

CODEC = Codec(Serializer())


def ledger_on(backend):
    return Ledger(Line(backend), CODEC, Incremental(), now_us=ticking())


def save(name, state, expected=None):
    return Draft(id=name, packed=CODEC.pack(state), expected=expected)


def delete(name, expected=None):
    return Draft(id=name, packed=None, expected=expected)


def shown(results):
    return [getattr(result, "revision", None) or type(result) for result in results]


def test_saves_of_one_batch_follow_each_other_and_others_are_not_held_up():
    results = ledger_on(Hooked()).write([save("a", 1), save("b", 1), save("a", 2), delete("a"), save("a", 3)])
    assert shown(results) == [1, 1, 2, 3, 4]


def test_an_expectation_within_a_batch_is_of_the_save_before_it():
    drafts = [save("a", 1, expected=0), save("a", 2, expected=1), save("a", 3, expected=1), save("a", 4)]
    assert shown(ledger_on(Hooked()).write(drafts)) == [1, 2, VersionConflictError, 3]


def test_a_draft_is_not_refused_because_of_another_one_that_is_not_stored_in_the_end():
    backend = Hooked()
    ledger = ledger_on(backend)
    ledger.write([save("a", 1)])
    backend.hook = Script("append", "refused")
    results = ledger.write([save("a", "fails"), save("a", "is right", expected=1)])
    assert shown(results) == [StorageUnavailableError, 2]


def test_deletions_of_one_batch_know_of_each_other():
    results = ledger_on(Hooked()).write(
        [delete("a"), save("a", 1), delete("a"), delete("a"), save("a", 2, 0)]
    )
    assert [type(result) for result in (results[0], results[3])] == [VersionNotFoundError, StateDeletedError]
    assert [results[at].revision for at in (1, 2, 4)] == [1, 2, 3]


@st.composite
def plans(draw):
    name, expected = draw(st.sampled_from("ab")), draw(st.none() | st.integers(0, 4))
    return ("save", name, expected) if draw(st.booleans()) else ("delete", name, expected)


@given(st.lists(plans(), max_size=12))
def test_a_batch_ends_as_if_its_drafts_had_been_written_one_by_one(plan):
    def made(kind, name, expected):
        return save(name, 1, expected) if kind == "save" else delete(name, expected)

    together, alone = ledger_on(Hooked()), ledger_on(Hooked())
    batch = [made(*each) for each in plan]
    assert shown(together.write(batch)) == shown(
        [result for draft in batch for result in alone.write([draft])]
    )


@pytest.mark.parametrize("others", [1, 5])
def test_a_head_that_others_have_moved_is_read_again_before_anybody_is_refused(others):
    backend = Hooked()
    mine, theirs = ledger_on(backend), ledger_on(backend)
    mine.write([save("a", 1)])
    for number in range(others):
        theirs.write([save("a", number)])
    assert shown(mine.write([save("a", 2, expected=others + 1)])) == [others + 2]
    theirs.write([save("a", 3)])
    assert shown(mine.write([save("a", 4, expected=others + 2)])) == [VersionConflictError]
    assert shown(mine.write([save("a", 5)])) == [others + 4]
