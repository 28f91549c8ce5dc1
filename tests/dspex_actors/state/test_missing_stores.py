"""A backend that is told to make nothing leaves nothing where no store is, and opens one that is there."""

from __future__ import annotations

import sqlite3

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    FileSystem,
    Postgres,
    Redis,
    Sqlite,
    States,
    StorageDamagedError,
    StorageMissingError,
)
from supervisors import StartError


@pytest.fixture(params=[Sqlite, FileSystem])
def kind(request):
    return request.param


def test_a_store_that_is_not_there_is_said_to_be_missing_and_not_made(kind, tmp_path):
    with pytest.raises(StorageMissingError, match=r"there is no store in .*/states") as caught:
        kind(path=tmp_path / "states", create=False).open()
    assert caught.value.written is False
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there_is_opened_whether_or_not_it_might_be_made(kind, tmp_path):
    with States.open(kind(path=tmp_path / "states")) as states:
        states.save("a", 1)
    with States.open(kind(path=tmp_path / "states", create=False)) as states:
        assert states.load("a").state == 1
        assert states.save("a", 2).revision == 2


def test_an_empty_file_or_folder_is_no_store_and_stays_empty(kind, tmp_path):
    path = tmp_path / "states"
    path.touch() if kind is Sqlite else path.mkdir()
    with pytest.raises(StorageMissingError):
        kind(path=path, create=False).open()
    assert (path.stat().st_size if kind is Sqlite else list(path.iterdir())) in (0, [])


def test_a_store_in_a_tree_does_not_start_where_it_is_missing(kind, tmp_path):
    with pytest.raises(StartError, match="there is no store"):
        States.open(kind(path=tmp_path / "states", create=False))


@pytest.mark.parametrize("create", [True, False])
def test_a_database_of_another_program_is_refused_before_anything_of_it_is_changed(tmp_path, create):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StorageDamagedError, match="another program"):
        Sqlite(path=path, create=create).open()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]


@pytest.mark.parametrize("name", ["a file with spaces.db", "100%.db", "a?mode=memory", "#x", "é.db"])
def test_a_file_may_have_any_name_that_the_system_allows(tmp_path, name):
    for create in (True, False):
        Sqlite(path=tmp_path / name, create=create).open().close()
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Sqlite, {"path": "x"}),
        (FileSystem, {"path": "x"}),
        (Redis, {"url": "redis://localhost"}),
        (Postgres, {"dsn": "host=localhost"}),
    ],
)
def test_whether_to_make_a_store_is_said_by_true_or_false(kind, settings):
    assert kind(**settings).create
    with pytest.raises(ConfigError, match="create must be True or False"):
        kind(**settings, create=1)


@pytest.mark.parametrize(
    "backend",
    [
        Redis(url="redis://:hunter2@localhost:port"),
        Redis(url="redis://:hunter2@localhost/0?socket_timeout=soon"),
        Postgres(dsn="postgresql://me:hunter2@[::1/db"),
        Postgres(dsn="host=localhost password=hunter2 nope"),
    ],
)
def test_an_address_that_nobody_can_read_is_refused_without_repeating_its_password(backend):
    with pytest.raises(ConfigError) as caught:
        backend.open()
    error = caught.value
    assert "hunter2" not in f"{error} {error!r} {error.__cause__} {error.args}"
    assert error.__suppress_context__
