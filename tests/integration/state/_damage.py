"""What databases have stored, for tests that damage it: read and replaced beside the backend."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import replace

import psycopg
from redis import Redis as Client

from dspex_actors.state import Entry
from dspex_actors.state._file_names import quoted, revision_name
from dspex_actors.state._redis_keys import Keys

ID = "a"
SNAPSHOT = "s"


class InMemory:
    """Attributes of the objects in a `Memory`."""

    def __init__(self, memory, revision):
        self._memory, self._place = memory, revision - 1
        self.parts = ("about", "body", "snapshot")

    def read(self, part):
        if part == "snapshot":
            return self._memory._snapshots[SNAPSHOT][0].about
        entry = self._memory._chains[ID].entries[self._place]
        return entry.body if part == "body" else entry.row.about

    def replace(self, part, data):
        if part == "snapshot":
            row, items = self._memory._snapshots[SNAPSHOT]
            self._memory._snapshots[SNAPSHOT] = (replace(row, about=data), items)
            return
        entries = self._memory._chains[ID].entries
        row, body = entries[self._place].row, entries[self._place].body
        changed = Entry(row, data) if part == "body" else Entry(replace(row, about=data), body)
        entries[self._place] = changed


class InTables:
    """Columns of tables; `execute` takes a statement with `?` for values.

    The part `columns` is the time of a version in 8 bytes, then its label.
    """

    def __init__(self, execute, tables, revision):
        self._execute = execute
        self._versions = (f"{tables}versions", f"id = '{ID}' AND revision = {revision}")
        self._places = {
            "about": ("about", *self._versions),
            "body": ("body", *self._versions),
            "snapshot": ("about", f"{tables}snapshots", f"name = '{SNAPSHOT}'"),
        }
        self.parts = ("columns", *self._places)

    def read(self, part):
        if part == "columns":
            table, where = self._versions
            ((saved_us, label),) = self._execute(f"SELECT saved_us, label FROM {table} WHERE {where}")  # noqa: S608 -- our own
            return saved_us.to_bytes(8, "big", signed=True) + label.encode("latin-1")
        column, table, where = self._places[part]
        ((data,),) = self._execute(f"SELECT {column} FROM {table} WHERE {where}")  # noqa: S608 -- as above
        return bytes(data)

    def replace(self, part, data):
        if part == "columns":
            table, where = self._versions
            saved_us = int.from_bytes(data[:8].ljust(8, b"\0"), "big", signed=True)
            statement = f"UPDATE {table} SET saved_us = ?, label = ? WHERE {where}"  # noqa: S608 -- as above
            self._execute(statement, saved_us, data[8:].decode("latin-1"))
            return
        column, table, where = self._places[part]
        self._execute(f"UPDATE {table} SET {column} = ? WHERE {where}", data)  # noqa: S608 -- as above


class InFiles:
    """Whole files: the columns of a version, `about` and the body are one after the other in one of them."""

    def __init__(self, folder, revision):
        self._files = {
            "file": folder / "ids" / quoted(ID) / revision_name(revision),
            "snapshot": folder / "snapshots" / quoted(SNAPSHOT),
        }
        self.parts = tuple(self._files)

    def read(self, part):
        return self._files[part].read_bytes()

    def replace(self, part, data):
        self._files[part].write_bytes(data)


class InKeys:
    """Members and fields of keys; a row holds the columns of a version and `about`."""

    def __init__(self, client, prefix, revision):
        self._client, self._revision = client, revision
        keys = Keys(prefix)
        self._rows, self._bodies, _, _ = keys.of_versions(ID)
        self._snapshot = keys.snapshot(SNAPSHOT)
        self.parts = ("row", "body", "snapshot")

    def read(self, part):
        match part:
            case "row":
                return self._client.zrangebyscore(self._rows, self._revision, self._revision)[0]
            case "body":
                return self._client.hget(self._bodies, str(self._revision))
        return self._client.hget(self._snapshot, "about")

    def replace(self, part, data):
        match part:
            case "row":
                self._client.zremrangebyscore(self._rows, self._revision, self._revision)
                self._client.zadd(self._rows, {data: self._revision})
            case "body":
                self._client.hset(self._bodies, str(self._revision), data)
            case "snapshot":
                self._client.hset(self._snapshot, "about", data)


@contextmanager
def stored_in(backend, revision):
    """Give what the database behind a backend has stored of one version and one snapshot."""
    match backend.name:
        case "memory":
            yield InMemory(backend, revision)
        case "file_system":
            yield InFiles(backend.path, revision)
        case "sqlite":
            connection = sqlite3.connect(backend.path, isolation_level=None)
            try:
                yield InTables(
                    lambda text, *values: connection.execute(text, values).fetchall(), "", revision
                )
            finally:
                connection.close()
        case "redis":
            with Client.from_url(backend.url) as client:
                yield InKeys(client, backend.prefix, revision)
        case "postgres":
            with psycopg.connect(backend.dsn, autocommit=True) as connection:

                def execute(text, *values):
                    cursor = connection.execute(text.replace("?", "%s"), values or None)
                    return cursor.fetchall() if cursor.description else None

                yield InTables(execute, f"{backend.schema}.", revision)
