"""Saving: each save is one more version, expectations are kept, and labels follow the strategy."""

from __future__ import annotations

import pytest

from dspex_actors import ConfigError, ValueEncodeError
from dspex_actors.serialization import TooLargeError, content_hash
from dspex_actors.state import (
    Bump,
    Memory,
    Semantic,
    StateDeletedError,
    UnresolvedConflictError,
    VersionConflictError,
    VersionNotFoundError,
    bump_by_shape,
    first_of,
    last_writer_wins,
    merge_disjoint,
    reject,
)
from tests.dspex_actors.state._backends import START_US, opened


@pytest.fixture
def states():
    with opened() as store:
        yield store


def test_each_save_is_one_more_version_with_all_that_was_said_about_it(states):
    first = states.save("a", {"x": 1}, metadata={"by": "me"}, schema_version="3")
    second = states.save("a", {"x": 2})

    assert (first.id, first.revision, first.saved_us, first.deleted) == ("a", 1, START_US, False)
    assert (first.metadata, first.schema_version) == ({"by": "me"}, "3")
    assert (second.revision, second.metadata, second.schema_version) == (2, {}, None)
    assert states.list_versions("a") == [second, first]
    assert first.write != second.write


def test_a_state_may_be_changed_once_save_has_returned_or_the_future_is_there(states):
    state = {"x": [1]}
    future = states.submit_save("a", state)
    state["x"].append(2)
    future.result()
    assert states.load("a").state == {"x": [1]}


@pytest.mark.parametrize("state", [None, 0, (1, {2: {"three"}}), b"", {"x": float("inf"), (1, True): 2**70}])
def test_states_of_any_shape_come_back_exactly(states, state):
    states.save("a", state)
    assert states.load("a").state == state


def test_ids_do_not_know_of_each_other(states):
    states.save("a", 1)
    states.save("b", 2)
    assert [states.load(each).state for each in "ab"] == [1, 2]
    assert [states.load(each).revision for each in "ab"] == [1, 1]


@pytest.mark.parametrize("saved", [0, 1, 3])
def test_a_save_that_expects_the_newest_revision_is_done_and_any_other_is_a_conflict(states, saved):
    for number in range(saved):
        states.save("a", number)
    for wrong in {0, 1, 2, 3, 4} - {saved}:
        with pytest.raises(VersionConflictError) as caught:
            states.save("a", "x", expected=wrong)
        assert (caught.value.id, caught.value.expected, caught.value.actual) == ("a", wrong, saved)
    assert states.save("a", "y", expected=saved).revision == saved + 1


def test_a_deleted_id_is_as_one_without_a_state_and_its_revisions_go_on(states):
    states.save("a", 1)
    gone = states.delete("a")
    assert (gone.revision, gone.deleted, gone.size) == (2, True, 0)
    with pytest.raises(StateDeletedError):
        states.delete("a")
    assert states.save("a", 2, expected=0).revision == 3
    with pytest.raises(VersionConflictError):
        states.save("a", 3, expected=1)  # the revision of before the deletion


def test_what_was_never_saved_cannot_be_deleted(states):
    with pytest.raises(VersionNotFoundError, match="nothing was saved"):
        states.delete("a")


def test_a_deletion_that_expects_another_revision_is_a_conflict(states):
    states.save("a", 1)
    states.save("a", 2)
    with pytest.raises(VersionConflictError):
        states.delete("a", expected=1)
    assert states.delete("a", expected=2).deleted


@pytest.mark.parametrize("name", ["", "x" * 257, "é" * 129, "a\0b", "\ud800", 7, None])
def test_ids_that_no_database_could_keep_are_refused_before_anything_is_sent(states, name):
    with pytest.raises(ConfigError, match="1 to 256 UTF-8 bytes"):
        states.save(name, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"expected": -1}, {"expected": "1"}, {"metadata": [1]}, {"metadata": {1: 2}}, {"bump": "major"}],
)
def test_arguments_of_a_save_that_make_no_sense_are_refused(states, wrong):
    with pytest.raises(ConfigError):
        states.save("a", 1, **wrong)
    assert states.list_versions("a") == []


def test_a_state_or_metadata_that_cannot_be_stored_fails_its_own_save_alone(states):
    with pytest.raises(ValueEncodeError):
        states.save("a", object())
    with pytest.raises(ValueEncodeError):
        states.save("a", 1, metadata={"x": object()})
    with pytest.raises(TooLargeError, match="1048576"):
        states.save("a", 1, metadata={"x": "y" * 2**20})
    assert states.save("a", 1, metadata={"x": "y" * 10**6}).revision == 1


# -- labels


def test_labels_are_times_unless_another_strategy_is_chosen(states):
    versions = [states.save("a", number) for number in range(3)]
    assert [version.label for version in versions] == [str(version.saved_us) for version in versions]


def test_times_go_on_where_the_clock_is_set_back():
    times = iter([START_US, START_US - 60_000_000, START_US - 59_000_000])
    with opened(now_us=lambda: next(times)) as states:
        versions = [states.save("a", number) for number in range(3)]
    assert [version.saved_us - START_US for version in versions] == [0, 1, 2]
    assert [version.clock_behind_us for version in versions] == [0, 60_000_001, 59_000_002]


def test_incremental_labels_count_and_go_on_after_a_deletion():
    with opened(versioning="incremental") as states:
        states.save("a", 1)
        states.delete("a")
        assert states.save("a", 2).label == "3"


def test_hash_based_labels_are_equal_for_equal_states_and_find_the_newest():
    with opened(versioning="hash_based") as states:
        labels = [states.save("a", state).label for state in ({"x": 1, "y": 2}, {"x": 2}, {"y": 2, "x": 1})]
        assert labels[0] == labels[2] == content_hash({"x": 1, "y": 2}) != labels[1]
        assert states.load("a", labels[0]).revision == 3


def test_semantic_labels_grow_as_the_caller_says_also_after_a_deletion():
    with opened(versioning="semantic") as states:
        labels = [states.save("a", 1).label]
        labels += [states.save("a", 1, bump=bump).label for bump in (None, Bump.MINOR, Bump.MAJOR)]
        states.delete("a")
        labels.append(states.save("a", 1).label)
    assert labels == ["1.0.0", "1.0.1", "1.1.0", "2.0.0", "2.0.1"]


def test_a_rule_of_semantic_labels_compares_with_the_state_before():
    with opened(versioning=Semantic(rule=bump_by_shape)) as states:
        labels = [states.save("a", state).label for state in ({"x": 1}, {"x": 2}, {"x": 2, "y": 1}, {"y": 1})]
    assert labels == ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]


def test_a_bump_for_labels_that_have_no_parts_is_refused(states):
    with pytest.raises(ConfigError, match="do not grow by parts"):
        states.save("a", 1, bump=Bump.MAJOR)
    with opened(versioning="hash_based") as hashed, pytest.raises(ConfigError, match="do not grow by parts"):
        hashed.save("a", 1, bump=Bump.MAJOR)


# -- conflicts


@pytest.fixture
def diverged(states):
    """Return a store with an id that somebody else changed after revision 1."""
    states.save("a", {"x": 1, "y": 1})
    states.save("a", {"x": 1, "y": 2})
    return states


def test_a_resolver_merges_a_save_with_what_was_saved_since(diverged):
    version = diverged.save("a", {"x": 5, "y": 1}, expected=1, conflict_resolver=merge_disjoint)
    assert version.revision == 3
    assert diverged.load("a").state == {"x": 5, "y": 2}


def test_a_resolver_that_does_not_choose_saves_nothing(diverged):
    for resolver in (reject, merge_disjoint):
        with pytest.raises(UnresolvedConflictError):
            diverged.save("a", {"x": 1, "y": 5}, expected=1, conflict_resolver=resolver)
    assert diverged.load("a").revision == 2


def test_the_resolver_of_the_store_is_asked_where_the_save_names_none():
    with opened(conflict_resolver=first_of(merge_disjoint, last_writer_wins)) as states:
        states.save("a", {"x": 1})
        states.save("a", {"x": 2})
        states.save("a", {"x": 3}, expected=1)
        assert states.load("a").state == {"x": 3}


def test_a_resolver_of_a_base_that_is_gone_gets_none_and_a_deletion_stays_a_conflict(diverged):
    seen = []
    diverged.save("a", {"x": 5}, expected=7, conflict_resolver=lambda *sides: seen.append(sides) or {"x": 6})
    assert seen[0][0] is None
    diverged.delete("a")
    with pytest.raises(VersionConflictError):
        diverged.save("a", {"x": 5}, expected=1, conflict_resolver=merge_disjoint)


def test_a_resolver_is_asked_again_if_somebody_saves_while_it_decides():
    memory = Memory()
    with opened(memory) as mine, opened(memory) as theirs:
        mine.save("a", {"x": 0})
        theirs.save("a", {"x": 0, "y": 1})
        asked = []

        def resolver(base, my_side, their_side):
            asked.append(their_side.state)
            if len(asked) == 1:
                theirs.save("a", {"x": 0, "y": 1, "z": 1})
            return merge_disjoint(base, my_side, their_side)

        assert mine.save("a", {"x": 1}, expected=1, conflict_resolver=resolver).revision == 4
        assert asked == [{"x": 0, "y": 1}, {"x": 0, "y": 1, "z": 1}]
        assert mine.load("a").state == {"x": 1, "y": 1, "z": 1}
