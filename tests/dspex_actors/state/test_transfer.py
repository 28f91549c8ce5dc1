"""A store's content in one file: all of it comes back elsewhere, or nothing does."""

from __future__ import annotations

import random

import pytest

from dspex_actors import ConfigError
from dspex_actors.serialization import DataError, KeyRing, SerializationError, Serializer
from dspex_actors.state import (
    DamagedVersionError,
    IdExistsError,
    Retention,
    Sqlite,
    StateDeletedError,
    VersionNotFoundError,
)
from tests.dspex_actors.state._backends import Hooked, opened


@pytest.fixture
def states():
    """Open a store with two live ids, one deleted, and a snapshot."""
    with opened(versioning="semantic") as store:
        store.save("a", {"x": 1}, metadata={"by": "me"}, schema_version="2")
        store.save("a", {"x": (1, {2})})
        store.save("b", 1)
        store.save("c", 1)
        store.delete("c")
        store.create_snapshot("s", {"a": 1, "b": 1}, metadata={"why": "test"})
        yield store


def shown(states, name):
    """Return what is to be the same on both sides."""
    return [
        (v.label, v.saved_us, v.deleted, v.schema_version, dict(v.metadata), v.write)
        for v in states.list_versions(name)
    ]


def test_all_versions_and_snapshots_come_back_in_another_store(states, tmp_path):
    exported = states.export(tmp_path / "all")
    assert (exported.ids, exported.versions, exported.snapshots) == (("a", "b", "c"), 5, ("s",))
    with opened(Sqlite(path=tmp_path / "other.db")) as other:
        assert other.import_(tmp_path / "all") == exported
        assert [shown(other, each) for each in "abc"] == [shown(states, each) for each in "abc"]
        assert other.load("a").state == {"x": (1, {2})}
        assert other.get_snapshot("s").items == {"a": 1, "b": 1}
        assert other.get_snapshot("s").metadata == {"why": "test"}
        with pytest.raises(StateDeletedError):
            other.load("c")
        assert other.verify().sound


def test_chosen_ids_come_without_snapshots(states, tmp_path):
    assert states.export(tmp_path / "some", ids=["a"]).snapshots == ()
    with opened() as other:
        assert other.import_(tmp_path / "some").ids == ("a",)
        assert other.list_ids() == ["a"]


def test_versions_that_were_pruned_leave_no_gap_and_snapshots_follow(states, tmp_path):
    states.drop_snapshot("s")
    states.save("a", 3)
    states.create_snapshot("t", {"a": 3})
    states.prune(Retention(versions=2))
    states.export(tmp_path / "all")
    with opened() as other:
        other.import_(tmp_path / "all")
        assert [version.revision for version in other.list_versions("a")] == [2, 1]
        assert other.get_snapshot("t").items == {"a": 2}


def test_an_id_that_is_there_already_is_refused_skipped_or_appended_to(states, tmp_path):
    states.export(tmp_path / "all")
    with opened() as other:
        other.save("b", "mine")
        with pytest.raises(IdExistsError, match="'b'"):
            other.import_(tmp_path / "all")
        assert other.list_ids() == ["b"]
        assert other.import_(tmp_path / "all", existing="skip").ids == ("a", "c")
        assert other.load("b").state == "mine"
        assert other.list_snapshots() == []  # one of its ids was left out
        other.import_(tmp_path / "all", existing="append")
        assert [other.load("b", revision).state for revision in (1, 2)] == ["mine", 1]
        assert other.get_snapshot("s").items == {"a": 3, "b": 2}
        with pytest.raises(ConfigError):
            other.import_(tmp_path / "all", existing="replace")


def test_a_file_that_was_changed_or_cut_anywhere_imports_nothing(states, tmp_path):
    path = tmp_path / "all"
    states.export(path)
    whole = path.read_bytes()
    rng = random.Random(3)  # noqa: S311 -- repeatable
    damaged = [whole[:size] for size in (0, 4, 5, 40, *(rng.randrange(len(whole)) for _ in range(20)))]
    for _ in range(64):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(changed))
    damaged.append(whole + b"x")
    with opened() as other:
        for data in damaged:
            path.write_bytes(data)
            with pytest.raises(DataError):
                other.import_(path)
            assert other.list_ids() == other.list_ids(deleted=True) == []


def test_a_damaged_version_is_not_exported_and_no_file_is_left(tmp_path):
    backend = Hooked()
    with opened(backend) as states:
        states.save("a", 1)
        chain = backend.memory._chains["a"]
        chain.entries[0] = type(chain.entries[0])(chain.entries[0].row, chain.entries[0].body[:-1])
        with pytest.raises(DamagedVersionError):
            states.export(tmp_path / "all")
    assert list(tmp_path.iterdir()) == []


def test_signed_content_is_imported_with_its_keys_alone(tmp_path):
    ring, other_ring = (KeyRing({"k": bytes([number]) * 32}) for number in (1, 2))
    with opened(serializer=Serializer(signing=ring)) as states:
        states.save("a", 1)
        states.export(tmp_path / "all")
    for serializer in (Serializer(), Serializer(signing=other_ring)):
        with opened(serializer=serializer) as other:
            with pytest.raises(SerializationError):
                other.import_(tmp_path / "all")
            with pytest.raises(VersionNotFoundError):
                other.load("a")
    with opened(serializer=Serializer(signing=ring)) as other:
        other.import_(tmp_path / "all")
        assert other.load("a").state == 1
