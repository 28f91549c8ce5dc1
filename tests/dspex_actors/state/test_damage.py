"""Whatever bit of a stored version is flipped: it is found, named, and the other versions still load."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace

import pytest

from dspex_actors.serialization import KeyRing, Serializer, SignatureError
from dspex_actors.state import (
    DamagedSnapshotError,
    DamagedVersionError,
    Entry,
    FileSystem,
    Revision,
    Sqlite,
    StateError,
    States,
    StoreConfig,
)
from supervisors import StartError
from tests.dspex_actors.state._backends import Hooked, opened

FLIPS = 64
ROW = ("id", "label", "saved_us", "deleted", "about")


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    return bytes(changed)


def damaged_entry(entry, place, bit):
    """Return the entry with one bit of a column or of the body flipped."""
    if place == "body":
        return Entry(entry.row, flipped(entry.body, bit))
    value = getattr(entry.row, place)
    match value:
        case bool():
            changed = not value
        case int():
            changed = value ^ 1 << bit % 53
        case str():
            changed = flipped(value.encode(), bit % (8 * len(value))).decode(errors="replace")
        case bytes():
            changed = flipped(value, bit)
    return Entry(replace(entry.row, **{place: changed}), entry.body)


class Damaging:
    """A hook that damages revision 2 of whatever is read."""

    def __init__(self, place, bit):
        self.place, self.bit = place, bit

    def __call__(self, operation, do):
        result = do()
        if operation == "read" and result is not None and result.row.revision == 2:
            return damaged_entry(result, self.place, self.bit)
        if operation == "rows" and self.place != "body":
            return [
                damaged_entry(Entry(row, b"x"), self.place, self.bit).row if row.revision == 2 else row
                for row in result
            ]
        return result


def filled(backend, **settings):
    states = opened(backend, **settings)
    for number in (1, 2, 3):
        states.save("a", {"x": [number] * 50}, metadata={"n": number})
    return states


@pytest.mark.parametrize("place", [*ROW, "body"])
def test_a_bit_that_is_flipped_anywhere_in_a_version_is_found_and_the_others_load(place):
    rng = random.Random(7)  # noqa: S311 -- repeatable
    backend = Hooked()
    with filled(backend, versioning="incremental") as states:
        backend.hook = damaging = Damaging(place, 0)
        for _ in range(FLIPS):
            damaging.bit = rng.randrange(10**6)
            with pytest.raises(DamagedVersionError) as caught:
                states.load("a", 2)
            assert (caught.value.id, caught.value.revision) == ("a", 2) or place == "id"
            assert [states.load("a", revision).state["x"][0] for revision in (1, 3)] == [1, 3]
        named = [(finding.id, finding.revision) for finding in states.verify().findings]
        assert set(named) == {("a", 2)}


@pytest.mark.parametrize("place", ["about", "body"])
def test_a_version_that_is_cut_at_any_length_is_found(place):
    backend = Hooked()
    with filled(backend) as states:
        whole = stored(backend, "a", 3)
        length = len(whole.body if place == "body" else whole.row.about)
        for size in range(0, length, 3):
            row = replace(whole.row, about=whole.row.about[:size]) if place == "about" else whole.row
            cut = Entry(row, whole.body[:size] if place == "body" else whole.body)
            backend.hook = lambda operation, do, cut=cut: cut if operation == "read" else do()
            with pytest.raises(DamagedVersionError):
                states.load("a")


def test_a_body_or_a_version_that_was_put_in_the_place_of_another_is_found():
    backend = Hooked()
    with filled(backend) as states:
        states.save("b", {"x": [9] * 50}, metadata={"n": 9})
        first, third, other = stored(backend, "a", 1), stored(backend, "a", 3), stored(backend, "b", 1)
        for forged in (
            first,
            other,
            Entry(third.row, first.body),
            Entry(replace(third.row, about=first.row.about), third.body),
            Entry(replace(third.row, about=first.row.about), first.body),
            Entry(replace(first.row, revision=3), first.body),
            Entry(replace(other.row, id="a", revision=3), other.body),
        ):
            backend.hook = lambda operation, do, forged=forged: forged if operation == "read" else do()
            with pytest.raises(DamagedVersionError):
                states.load("a", 3)
        backend.hook = lambda _, do: do()
        assert states.load("a", 3).state["x"][0] == 3


def stored(backend, name, revision):
    return backend.memory.open().read(name, Revision(revision))


def test_a_time_that_was_changed_does_not_lead_to_an_older_state_unnoticed():
    backend = Hooked()
    with filled(backend) as states:
        saved_at = states.load("a", 2).version.saved_at
        chain = backend.memory._chains["a"]
        chain.times[1] += 10**7  # the backend now believes that revision 2 is newer than it is
        chain.entries[1] = Entry(
            replace(chain.entries[1].row, saved_us=chain.times[1]), chain.entries[1].body
        )
        with pytest.raises(DamagedVersionError):
            states.load("a", at=saved_at)


def test_asked_to_fall_back_a_load_takes_the_newest_sound_version_and_says_so():
    backend = Hooked()
    with filled(backend) as states:
        backend.hook = lambda operation, do: (
            damaged_entry(entry, "body", 99)
            if operation == "read" and (entry := do()) is not None and entry.row.revision > 1
            else do()
        )
        loaded = states.load("a", fall_back=True)
        assert (loaded.revision, loaded.state["x"][0], loaded.damaged) == (1, 1, (3, 2))
        assert states.load("a", 1, fall_back=True).damaged == ()
        with pytest.raises(DamagedVersionError) as caught:
            states.load("a")
        assert caught.value.revision == 3


def test_if_no_version_is_sound_falling_back_names_the_first_that_was_tried():
    backend = Hooked()
    with filled(backend) as states:
        backend.hook = lambda operation, do: damaged_entry(do(), "body", 99) if operation == "read" else do()
        with pytest.raises(DamagedVersionError) as caught:
            states.load("a", fall_back=True)
        assert caught.value.revision == 3


def test_after_a_damaged_newest_version_nothing_is_saved_until_it_is_decided_what_holds():
    backend = Hooked()
    memory = backend.memory
    with filled(backend) as states:
        chain = memory._chains["a"]
        chain.entries[2] = damaged_entry(chain.entries[2], "about", 999)
    with opened(backend) as states:
        with pytest.raises(DamagedVersionError):
            states.save("a", 4)
        recovered = states.recover(ids=["a"], revision=2)
        assert recovered.versions[0].revision == 4
        assert states.save("a", 5).revision == 5
        assert [states.load("a", revision).state for revision in (4, 5)] == [{"x": [2] * 50}, 5]
        assert [finding.revision for finding in states.verify().findings] == [3]


def test_a_snapshot_of_which_a_bit_was_flipped_is_found_and_named():
    backend = Hooked()
    with filled(backend) as states:
        states.create_snapshot("s")
        row, items = backend.memory._snapshots["s"]
        for bit in range(0, 8 * len(row.about), 101):
            backend.memory._snapshots["s"] = (replace(row, about=flipped(row.about, bit)), items)
            with pytest.raises(DamagedSnapshotError):
                states.get_snapshot("s")
        assert [finding.snapshot for finding in states.verify().findings] == ["s"]
        backend.memory._snapshots["s"] = (replace(row, created_us=row.created_us + 1), items)
        with pytest.raises(DamagedSnapshotError):
            states.restore_snapshot("s")


def test_with_keys_a_version_that_was_forged_without_them_is_refused():
    key, other = (KeyRing({"k": bytes([number]) * 32}) for number in (1, 2))
    backend = Hooked()
    with filled(backend, serializer=Serializer(signing=other)):
        pass
    with opened(backend, serializer=Serializer(signing=key)) as states:
        with pytest.raises(SignatureError):
            states.load("a")
        assert len(states.verify().findings) == 3
    with opened(backend, serializer=Serializer(signing=other)) as states:
        assert states.verify().sound


# -- the same in the databases themselves


@pytest.mark.parametrize("kind", ["sqlite", "file_system"])
def test_bits_that_are_flipped_in_a_database_never_load_as_another_state(tmp_path, kind):
    rng = random.Random(11)  # noqa: S311 -- repeatable
    path = tmp_path / "states"
    backend = Sqlite(path=path) if kind == "sqlite" else FileSystem(path=path, flush=False)
    good = [{"x": [number] * 50} for number in (1, 2, 3)]
    with States.open(backend, StoreConfig()) as states:
        for state in good:
            states.save("a", state)
    checkpointed(path, kind)
    file = path if kind == "sqlite" else path / "ids" / "a" / "0000000000000003"
    whole = file.read_bytes()
    found = 0
    for _ in range(FLIPS):
        file.write_bytes(flipped(whole, rng.randrange(8 * len(whole))))
        outcome = first_and_newest(backend)
        assert outcome in ([good[2], good[0]], ["found", good[0]], ["found", "found"], [good[2], "found"])
        found += "found" in outcome
    if kind == "file_system":
        assert found == FLIPS  # a SQLite file has pages in which nothing is stored
    assert found > 0
    file.write_bytes(whole)
    assert first_and_newest(backend) == [good[2], good[0]]


def checkpointed(path, kind):
    """Have everything in the one file."""
    if kind == "sqlite":
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def first_and_newest(backend):
    """Return the newest and the first state, or "found" where there is an error of ours."""
    outcome = []
    try:
        with States.open(backend) as states:
            for version in ("latest", 1):
                try:
                    outcome.append(states.load("a", version).state)
                except StateError:
                    outcome.append("found")
    except StartError as error:  # the store does not start on it
        if "dspex_actors.state._storage_errors." not in error.reason.error_type:
            raise
        return ["found", "found"]
    return outcome
