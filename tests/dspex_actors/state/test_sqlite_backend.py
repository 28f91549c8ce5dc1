"""The sqlite backend keeps the contract, whatever its durability, and refuses what is not its own."""

from __future__ import annotations

import sqlite3
import stat

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    Latest,
    Revision,
    Row,
    Sqlite,
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageUnavailableError,
)
from dspex_actors.state._sqlite_schema import STEPS
from dspex_actors.testing._conformance import entry, fill
from dspex_actors.testing.store_conformance import StoreConformance


class TestSqlite(StoreConformance):
    def make_backend(self, folder):
        return Sqlite(path=folder / "states.db")


class TestSqliteFull(StoreConformance):
    def make_backend(self, folder):
        return Sqlite(path=folder / "states.db", durability="full")


@pytest.fixture
def storage(tmp_path):
    opened = Sqlite(path=tmp_path / "states.db").open()
    yield opened
    opened.close()


def altered(path, statement, *values):
    with sqlite3.connect(path) as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_the_durability_decides_whether_a_commit_waits_for_the_disk(tmp_path, durability, level):
    opened = Sqlite(path=tmp_path / "states.db", durability=durability).open()
    try:
        assert opened._connection.execute("PRAGMA synchronous").fetchone() == (level,)
        assert opened._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        opened.close()


def test_a_new_database_can_be_read_by_its_owner_alone(tmp_path, storage):
    fill(storage)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o600}


@pytest.mark.parametrize(
    "settings",
    [{"path": ""}, {"path": ":memory:"}, {"path": 7}, {"path": "x", "durability": "off"}]
    + [{"path": "x", "busy_timeout_s": seconds} for seconds in (-1, float("nan"), "5")],
)
def test_settings_that_make_no_sense_are_refused_at_once(settings):
    with pytest.raises(ConfigError):
        Sqlite(**settings)


def test_a_path_where_no_file_can_be_is_unavailable(tmp_path):
    with pytest.raises(StorageUnavailableError, match="No such file") as caught:
        Sqlite(path=tmp_path / "no" / "states.db").open()
    assert caught.value.written is False


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "states.db"
    path.write_bytes(b"something else " * 100)
    with pytest.raises(StorageDamagedError, match="not a database"):
        Sqlite(path=path).open()
    assert path.read_bytes() == b"something else " * 100


def test_a_database_of_another_program_is_refused(tmp_path):
    altered(tmp_path / "states.db", "CREATE TABLE theirs (x)")
    with pytest.raises(StorageDamagedError, match="another program"):
        Sqlite(path=tmp_path / "states.db").open()


def test_a_database_of_a_later_release_is_refused(tmp_path):
    Sqlite(path=tmp_path / "states.db").open().close()
    altered(tmp_path / "states.db", f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StorageDamagedError, match=f"knows versions up to {len(STEPS)}"):
        Sqlite(path=tmp_path / "states.db").open()


def test_a_writer_that_waits_too_long_for_another_says_that_nothing_was_written(tmp_path, storage):
    other = sqlite3.connect(tmp_path / "states.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    impatient = Sqlite(path=tmp_path / "states.db", busy_timeout_s=0.01).open()
    try:
        with pytest.raises(StorageBusyError, match="nothing was written") as caught:
            impatient.append([entry()])
        assert caught.value.written is False
        assert impatient.read("a", Latest()) is None  # readers wait for nobody
    finally:
        other.close()
        impatient.close()
    assert storage.append([entry()]) == [None]


@pytest.mark.parametrize(
    ("column", "value"),
    [("about", "text"), ("label", b"\xff"), ("saved_us", "soon"), ("deleted", 2)],
)
def test_a_row_with_a_value_of_another_type_comes_without_what_it_says_of_itself(
    tmp_path, storage, column, value
):
    fill(storage)
    altered(tmp_path / "states.db", f"UPDATE versions SET {column} = ? WHERE revision = 2", value)  # noqa: S608 -- our own
    assert storage.read("a", Revision(2)).row == Row("a", 2, "", 0, deleted=False, about=b"")
    assert [row.about for row in storage.rows("a", limit=9)][1] == b""
    assert storage.read("a", Revision(1)) == entry()


def test_a_body_that_is_no_bytes_and_a_text_that_is_not_utf_8_come_as_something_else(tmp_path, storage):
    fill(storage)
    altered(tmp_path / "states.db", "UPDATE versions SET label = CAST(x'ff' AS TEXT), body = 5")
    damaged = storage.read("a", Latest())
    assert (damaged.row.label, damaged.body) == ("\ufffd", b"")


@pytest.mark.parametrize(
    "change", ["UPDATE heads SET revision = 2", "UPDATE heads SET revision = 9", "DELETE FROM versions"]
)
def test_a_head_that_is_not_the_newest_version_is_found_and_named(tmp_path, storage, change):
    fill(storage)
    altered(tmp_path / "states.db", change)
    with pytest.raises(StorageDamagedError, match="not its head"):
        storage.read("a", Latest())
    with pytest.raises(StorageDamagedError, match="not its head"):
        storage.rows("a", limit=1)
    assert storage.check() == ["the newest version of 'a' is not its head"]


def test_an_error_in_the_middle_of_a_batch_stores_none_of_it(storage):
    with pytest.raises(StorageError) as caught:
        storage.append([entry("a"), entry("b", label=object())])
    assert caught.value.written is False
    assert storage.heads(limit=9) == []
