"""The backend of plain files keeps the contract, with and without waiting for the disk."""

from __future__ import annotations

import stat

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    FileSystem,
    Latest,
    Revision,
    Row,
    StorageBusyError,
    StorageDamagedError,
    StorageUnavailableError,
)
from dspex_actors.state._file_names import is_cut, quoted, unquoted
from dspex_actors.state._file_system import locked
from dspex_actors.testing._conformance import entry, fill, snapshot
from dspex_actors.testing.store_conformance import StoreConformance


class TestFileSystem(StoreConformance):
    def make_backend(self, folder):
        return FileSystem(path=folder / "states", flush=False)


class TestFileSystemFlushed(StoreConformance):
    def make_backend(self, folder):
        return FileSystem(path=folder / "states")


@pytest.fixture
def storage(tmp_path):
    return FileSystem(path=tmp_path / "states", flush=False).open()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("model-1_a", "model-1_a"),
        ("Model", "%4dodel"),
        ("..", "%2e%2e"),
        ("a/b", "a%2fb"),
        ("é", "%c3%a9"),
        ("a~b", "a%7eb"),
        ("%41", "%2541"),
        ("x" * 200, "x" * 200),
    ],
)
def test_an_id_and_its_file_name_stand_for_each_other(text, name):
    assert quoted(text) == name
    assert unquoted(name) == text


def test_an_id_that_is_too_long_for_a_file_name_is_cut_and_stays_different_from_others():
    names = [quoted("x" * 201), quoted("x" * 202), quoted("É" * 128)]
    assert [is_cut(name) for name in names] == [True] * 3
    assert [unquoted(name) for name in names] == [None] * 3
    assert len(set(names)) == 3
    assert max(map(len, names)) <= 255


@pytest.mark.parametrize("name", ["A", "%4D", "%zz", "a.b", "%61", "%ff", "é"])
def test_names_that_stand_for_no_id_are_known(name):
    assert unquoted(name) is None


def test_what_is_made_can_be_read_by_its_owner_alone(tmp_path, storage):
    fill(storage)
    storage.put_snapshot(snapshot(), {"a": 1})
    for path in (tmp_path / "states").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.name == "DSPEX-STATES"


@pytest.mark.parametrize(
    "settings", [{"path": ""}, {"path": 7}, {"path": "x", "flush": 1}, {"path": "x", "busy_timeout_s": 0}]
)
def test_settings_that_make_no_sense_are_refused_at_once(settings):
    with pytest.raises(ConfigError):
        FileSystem(**settings)


def test_a_folder_of_something_else_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "theirs").write_text("x")
    with pytest.raises(StorageDamagedError, match="something else"):
        FileSystem(path=tmp_path).open()
    assert [path.name for path in tmp_path.iterdir()] == ["theirs"]


def test_a_folder_of_another_version_is_refused(tmp_path, storage):
    del storage
    (tmp_path / "states" / "DSPEX-STATES").write_text("states of dspex_actors, in files of version 2\n")
    with pytest.raises(StorageDamagedError, match="version 1"):
        FileSystem(path=tmp_path / "states").open()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    with pytest.raises(StorageUnavailableError, match="No such file"):
        FileSystem(path=tmp_path / "no" / "states").open()


def test_what_a_dead_writer_left_is_removed_when_the_folder_is_opened(tmp_path, storage):
    fill(storage)
    litter = tmp_path / "states" / "tmp" / ".0000000000000004.0123456789abcdef.dspex-tmp"
    litter.write_bytes(b"half of a version")
    again = FileSystem(path=tmp_path / "states").open()
    assert not litter.exists()
    assert again.read("a", Latest()) == entry("a", 3)


@pytest.mark.parametrize("hint", [None, b"", b"2 00000000", b"99 " + b"%08x" % 0, b"\xff" * 30])
def test_a_hint_that_is_missing_or_damaged_is_not_believed(tmp_path, storage, hint):
    fill(storage, count=5)
    path = tmp_path / "states" / "ids" / "a" / "head"
    path.unlink()
    if hint is not None:
        path.write_bytes(hint)
    assert storage.read("a", Latest()) == entry("a", 5)
    assert storage.append([entry("a", 5)]) == [5]
    assert storage.append([entry("a", 6)]) == [None]


def test_a_hint_that_is_behind_leads_to_the_newest_version(tmp_path, storage):
    fill(storage, count=2)
    path = tmp_path / "states" / "ids" / "a" / "head"
    old = path.read_bytes()
    storage.append([entry("a", 3), entry("a", 4)])
    path.write_bytes(old)
    assert storage.read("a", Latest()) == entry("a", 4)
    assert storage.remove("a", [1, 2, 3]) == 3
    assert storage.read("a", Latest()) == entry("a", 4)


@pytest.mark.parametrize("size", [0, 3, 4, 5, 12, 13, 20])
def test_a_file_that_is_cut_in_its_front_comes_without_what_it_says_of_itself(tmp_path, storage, size):
    fill(storage)
    path = tmp_path / "states" / "ids" / "a" / "0000000000000003"
    path.write_bytes(path.read_bytes()[:size])
    nothing = Row("a", 3, "", 0, deleted=False, about=b"")
    assert storage.read("a", Latest()).row == nothing
    assert storage.rows("a", limit=9)[0] == nothing
    assert storage.read("a", Revision(2)) == entry("a", 2)


def test_nothing_is_removed_while_a_damaged_snapshot_hides_what_it_names(tmp_path, storage):
    fill(storage)
    storage.put_snapshot(snapshot(), {"a": 1})
    path = tmp_path / "states" / "snapshots" / "s"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageDamagedError, match="nobody knows"):
        storage.remove("a", [2])
    assert storage.read_snapshot("s").about == b""
    assert storage.check() == [f"{path} is damaged"]
    assert storage.drop_snapshot("s")
    assert storage.remove("a", [2]) == 1


def test_files_that_do_not_belong_there_are_found_by_the_check(tmp_path, storage):
    fill(storage)
    strangers = [tmp_path / "states" / "ids" / "Stranger", tmp_path / "states" / "ids" / "a" / "notes.txt"]
    for path in strangers:
        path.write_text("x")
    assert storage.check() == [f"{strangers[0]} belongs to no id", f"{strangers[1]} is no version"]


def test_a_writer_that_waits_too_long_for_another_says_that_nothing_was_written(tmp_path, storage):
    fill(storage, count=1)
    impatient = FileSystem(path=tmp_path / "states", flush=False, busy_timeout_s=0.01).open()
    with locked(tmp_path / "states" / "ids" / "a", 1, "test"):
        with pytest.raises(StorageBusyError, match="nothing was written"):
            impatient.append([entry("a", 2)])
        assert impatient.read("a", Latest()) == entry("a", 1)  # readers take no lock
    assert impatient.append([entry("a", 2)]) == [None]
