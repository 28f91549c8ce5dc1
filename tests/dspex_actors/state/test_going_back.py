"""Snapshots keep what they name, and going back writes new versions with old states."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    Capability,
    Latest,
    Memory,
    Retention,
    SnapshotExistsError,
    SnapshotNotFoundError,
    StateDeletedError,
    VersionConflictError,
    VersionNotFoundError,
)
from tests.dspex_actors.state._backends import START_US, Hooked, Script, opened

START = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=START_US)


def after(seconds):
    return START + timedelta(seconds=seconds)


@pytest.fixture(params=["together", "one by one"])
def backend(request):
    """Return a backend with transactions, and one without."""
    without = {Capability.NOTIFIES} | ({Capability.TRANSACTIONS} if request.param == "one by one" else set())
    return Hooked(without=without)


@pytest.fixture
def states(backend):
    """One second apart: a=1, b=1, a=2, c=1, deletion of b."""
    with opened(backend) as store:
        store.save("a", 1, metadata={"by": "me"}, schema_version="7")
        store.save("b", 1)
        store.save("a", 2)
        store.save("c", 1)
        store.delete("b")
        yield store


def loaded(states):
    return {each: states.load(each).state for each in states.list_ids()}


def test_a_snapshot_names_the_newest_versions_of_all_that_is_not_deleted(states):
    made = states.create_snapshot("s", metadata={"why": "test"})
    assert dict(made.items) == {"a": 2, "c": 1}
    assert made.metadata == {"why": "test"}
    assert states.get_snapshot("s") == made
    assert states.list_snapshots() == [made]


def test_a_snapshot_of_chosen_ids_or_revisions_names_those(states):
    assert dict(states.create_snapshot("one", ["c"]).items) == {"c": 1}
    assert dict(states.create_snapshot("two", {"a": 1, "b": 1}).items) == {"a": 1, "b": 1}
    assert [each.name for each in states.list_snapshots()] == ["one", "two"]
    assert [each.name for each in states.list_snapshots(after="one", limit=5)] == ["two"]


def test_a_snapshot_of_what_is_not_there_is_refused(states):
    for ids, error in (
        (["nobody"], VersionNotFoundError),
        (["b"], StateDeletedError),
        ({"a": 9}, VersionNotFoundError),
        ("a", ConfigError),
        ([1], ConfigError),
        ({"a": 0}, ConfigError),
    ):
        with pytest.raises(error):
            states.create_snapshot("s", ids)
    assert states.list_snapshots() == []


def test_names_of_snapshots_are_unique_until_they_are_dropped(states):
    states.create_snapshot("s")
    with pytest.raises(SnapshotExistsError):
        states.create_snapshot("s")
    states.drop_snapshot("s")
    with pytest.raises(SnapshotNotFoundError):
        states.get_snapshot("s")
    with pytest.raises(SnapshotNotFoundError):
        states.drop_snapshot("s")
    states.create_snapshot("t")
    with pytest.raises(SnapshotNotFoundError, match="the nearest are t"):
        states.restore_snapshot("s")


def test_restoring_a_snapshot_writes_new_versions_of_what_has_changed_since(states):
    states.create_snapshot("s", {"a": 1, "c": 1})
    restored = states.restore_snapshot("s")

    assert [(version.id, version.revision) for version in restored.versions] == [("a", 3)]
    assert restored.unchanged == ("c",)
    assert loaded(states) == {"a": 1, "c": 1}
    version = states.load("a").version
    assert version.schema_version == "7"
    assert version.metadata == {"by": "me", "dspex": {"recovered": {"snapshot": "s", "revision": 1}}}


def test_a_part_of_a_snapshot_can_be_restored_and_nothing_that_is_not_in_it(states):
    states.create_snapshot("s", {"a": 1, "b": 1})
    states.restore_snapshot("s", ids=["b"])
    assert loaded(states) == {"a": 2, "b": 1, "c": 1}
    with pytest.raises(VersionNotFoundError):
        states.restore_snapshot("s", ids=["b", "c"])


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, {"a": 1}),
        (1.5, {"a": 1, "b": 1}),
        (2, {"a": 2, "b": 1}),
        (3, {"a": 2, "b": 1, "c": 1}),
        (4, {"a": 2, "c": 1}),
        (-1, {}),
    ],
)
def test_recovering_a_time_brings_back_what_was_and_deletes_what_was_not(states, seconds, expected):
    states.recover(at=after(seconds))
    assert loaded(states) == expected


def test_recovering_can_be_undone_by_recovering(states):
    before = loaded(states)
    states.recover(at=after(0))
    states.recover(at=after(4))
    assert loaded(states) == before


def test_what_is_at_that_time_already_gets_no_new_version(states):
    restored = states.recover(at=after(10**6))
    assert restored.versions == ()
    assert restored.unchanged == ("a", "b", "c")


def test_one_id_can_be_recovered_to_a_revision(states):
    assert states.recover(ids=["b"], revision=1).versions[0].revision == 3
    assert loaded(states) == {"a": 2, "b": 1, "c": 1}
    with pytest.raises(VersionNotFoundError):
        states.recover(ids=["a"], revision=9)
    with pytest.raises(StateDeletedError):
        states.recover(ids=["b"], revision=2)


def test_only_the_ids_that_are_named_are_recovered(states):
    states.recover(at=after(0), ids=["a", "c"])
    assert loaded(states) == {"a": 1}
    with pytest.raises(VersionNotFoundError):
        states.recover(at=after(0), ids=["nobody"])


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"at": START, "revision": 1},
        {"revision": 1},
        {"revision": 1, "ids": ["a", "b"]},
        {"revision": 0, "ids": ["a"]},
        {"at": START, "ids": "a"},
        {"at": datetime(2026, 1, 1)},  # noqa: DTZ001 -- without a zone is the point
    ],
)
def test_words_that_say_no_place_to_go_back_to_are_refused(states, wrong):
    with pytest.raises(ConfigError):
        states.recover(**wrong)


def test_who_expected_the_version_before_a_recovery_is_told_of_a_conflict(states):
    states.recover(ids=["a"], revision=1)
    with pytest.raises(VersionConflictError):
        states.save("a", 3, expected=2)


def test_labels_of_recovered_versions_follow_the_strategy():
    for versioning, expected in (("incremental", "3"), ("semantic", "1.0.2")):
        with opened(versioning=versioning) as states:
            states.save("a", 1)
            states.save("a", 2)
            assert states.recover(ids=["a"], revision=1).versions[0].label == expected
    with opened(versioning="hash_based") as states:
        first = states.save("a", 1)
        states.save("a", 2)
        assert states.recover(ids=["a"], revision=1).versions[0].label == first.label


def test_a_snapshot_whose_answer_was_lost_is_stored_once_and_known_to_be():
    for steps in (["lost after"], ["lost before"], ["lost after", "lost before"]):
        backend = Hooked(hook=Script("put_snapshot", *steps))
        with opened(backend, outage_wait_s=5) as states:
            states.save("a", 1)
            made = states.create_snapshot("s")
            assert states.get_snapshot("s") == made


def test_versions_of_a_snapshot_are_not_pruned(states):
    states.create_snapshot("s", {"a": 1})
    assert states.prune(Retention(versions=1)) == {"b": 1}
    assert states.load("a", 1).state == 1
    states.drop_snapshot("s")
    assert states.prune(Retention(versions=1)) == {"a": 1}
    with pytest.raises(VersionNotFoundError):
        states.load("a", 1)


def test_a_memory_that_is_shared_shows_the_same_snapshots_to_both_stores():
    memory = Memory()
    with opened(memory) as one, opened(memory) as other:
        one.save("a", 1)
        made = one.create_snapshot("s")
        assert other.get_snapshot("s") == made
        assert memory.open().read("a", Latest()).row.revision == 1
