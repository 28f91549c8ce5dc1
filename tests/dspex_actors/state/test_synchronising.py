"""Two stores that went on alone: what one has more is copied, and where both went on a resolver decides."""

from __future__ import annotations

import pytest

from dspex_actors.serialization import Serializer
from dspex_actors.state import (
    Synchronised,
    UnresolvedConflictError,
    last_writer_wins,
    merge_disjoint,
    synchronise,
)
from tests.dspex_actors.state._backends import opened


@pytest.fixture(params=["same serializer", "another"])
def pair(request):
    """Two stores that have the first version of `a` in common."""
    other = (
        Serializer() if request.param == "same serializer" else Serializer(format="json", compression="none")
    )
    with opened() as mine, opened(serializer=other) as theirs:
        mine.save("a", {"x": 1, "y": 1}, metadata={"n": 1}, schema_version="4")
        synchronise(mine, theirs)
        yield mine, theirs


def both(pair, name="a"):
    return [states.load(name).state for states in pair]


def test_a_version_that_was_copied_says_the_same_on_both_sides(pair):
    mine, theirs = (states.list_versions("a")[0] for states in pair)
    assert (mine.write, mine.label, mine.saved_us, mine.metadata, mine.schema_version) == (
        theirs.write,
        theirs.label,
        theirs.saved_us,
        theirs.metadata,
        theirs.schema_version,
    )
    assert both(pair) == [{"x": 1, "y": 1}] * 2
    assert synchronise(*pair) == [Synchronised("a")]


def test_what_one_side_has_more_is_copied_to_the_other_in_both_directions(pair):
    mine, theirs = pair
    mine.save("a", 2)
    mine.save("a", 3)
    theirs.save("b", 1)
    theirs.delete("b")
    theirs.save("c", 1)
    assert synchronise(mine, theirs) == [
        Synchronised("a", pushed=2),
        Synchronised("b", pulled=2),
        Synchronised("c", pulled=1),
    ]
    assert both(pair) == [3, 3]
    assert both(pair, "c") == [1, 1]
    assert [states.list_ids(deleted=True) for states in pair] == [["b"], ["b"]]
    assert all(not done.pushed and not done.pulled for done in synchronise(mine, theirs))


def test_where_both_went_on_the_resolver_decides_from_the_common_state(pair):
    mine, theirs = pair
    mine.save("a", {"x": 2, "y": 1})
    theirs.save("a", {"x": 1, "y": 3})
    theirs.save("a", {"x": 1, "y": 2})
    assert synchronise(mine, theirs, conflict_resolver=merge_disjoint) == [Synchronised("a", merged=True)]
    assert both(pair) == [{"x": 2, "y": 2}] * 2
    assert synchronise(mine, theirs) == [Synchronised("a")]
    mine.save("a", {"x": 5, "y": 2})
    theirs.save("a", {"x": 2, "y": 5})
    synchronise(theirs, mine, conflict_resolver=merge_disjoint)
    assert both(pair) == [{"x": 5, "y": 5}] * 2


def test_without_a_choice_both_sides_stay_as_they_were(pair):
    mine, theirs = pair
    mine.save("a", 2)
    theirs.save("a", 3)
    with pytest.raises(UnresolvedConflictError):
        synchronise(mine, theirs)
    assert both(pair) == [2, 3]
    synchronise(mine, theirs, conflict_resolver=last_writer_wins)
    assert both(pair)[0] == both(pair)[1]


def test_a_deletion_against_a_change_is_not_decided_and_two_deletions_are_one(pair):
    mine, theirs = pair
    mine.delete("a")
    theirs.save("a", 3)
    with pytest.raises(UnresolvedConflictError, match="deleted"):
        synchronise(mine, theirs, conflict_resolver=last_writer_wins)
    theirs.delete("a")
    synchronise(mine, theirs)
    assert synchronise(mine, theirs) == [Synchronised("a")]
    assert [states.list_ids(deleted=True) for states in pair] == [["a"], ["a"]]
