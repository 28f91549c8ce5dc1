"""The floor: the library below each backend, doing one write of the same durability with the same bytes.

It is given bytes, so nothing is packed, compressed, checked, labelled or sent to a thread; and it keeps every
version, as we do.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from _state_shared import POSTGRES, REDIS, SIZES, a_state, place, saves_and_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from _state_shared import Cases

    Pair = tuple[Callable[[str, bytes], object], Callable[[str], object]]

TABLE = "CREATE TABLE versions (id TEXT, revision INTEGER, body BLOB, PRIMARY KEY (id, revision))"


def memory() -> Pair:
    """Append to a list."""
    table: dict[str, list[bytes]] = {}
    return (lambda id, body: table.setdefault(id, []).append(body)), lambda id: table[id][-1]  # noqa: A006 -- the word of the whole library


def sqlite(connection: sqlite3.Connection, synchronous: str) -> Pair:
    """One transaction a save, in WAL mode."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(TABLE)
    numbers = itertools.count(1)

    def save(id: str, body: bytes) -> None:  # noqa: A002 -- as above
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO versions VALUES (?, ?, ?)", (id, next(numbers), body))
        connection.execute("COMMIT")

    def load(id: str) -> object:  # noqa: A002 -- as above
        query = "SELECT body FROM versions WHERE id = ? ORDER BY revision DESC LIMIT 1"
        return connection.execute(query, (id,)).fetchone()[0]

    return save, load


def file_system(folder: Path) -> Pair:
    """Write a file, flush it, give it its name, flush the folder."""
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    numbers = itertools.count(1)
    newest: dict[str, Path] = {}

    def save(id: str, body: bytes) -> None:  # noqa: A002 -- as above
        path = folder / f"{id}-{next(numbers)}"
        temporary = folder / "temporary"
        with temporary.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        os.fsync(descriptor)
        newest[id] = path

    return save, lambda id: newest[id].read_bytes()  # noqa: A006 -- as above


def redis(url: str) -> Pair:
    """Append to a list: one command."""
    from redis import Redis  # noqa: PLC0415 -- where there is a server

    client = Redis.from_url(url)
    prefix = f"floor-{os.getpid()}"
    return (
        lambda id, body: client.rpush(f"{prefix}-{id}", body),  # noqa: A006 -- as above
        lambda id: client.lindex(f"{prefix}-{id}", -1),  # noqa: A006 -- as above
    )


def postgres(dsn: str) -> Pair:
    """One statement a save."""
    import psycopg  # noqa: PLC0415 -- as above

    connection = psycopg.connect(dsn, autocommit=True)
    schema = f"floor_{os.getpid()}"
    connection.execute(f"CREATE SCHEMA {schema}")
    connection.execute(f"SET search_path = {schema}")
    connection.execute(
        "CREATE TABLE versions (id text, revision bigint, body bytea, PRIMARY KEY (id, revision))"
    )
    connection.execute("ALTER TABLE versions ALTER COLUMN body SET STORAGE EXTERNAL")
    numbers = itertools.count(1)

    def save(id: str, body: bytes) -> None:  # noqa: A002 -- as above
        connection.execute("INSERT INTO versions VALUES (%s, %s, %b)", (id, next(numbers), body))

    def load(id: str) -> object:  # noqa: A002 -- as above
        query = "SELECT body FROM versions WHERE id = %s ORDER BY revision DESC LIMIT 1"
        found = connection.execute(query, (id,), binary=True).fetchone()
        return None if found is None else found[0]

    return save, load


@contextmanager
def raw() -> Iterator[Cases]:
    """Use every library."""
    import msgspec  # noqa: PLC0415 -- each competitor loads its own library only

    bodies = {name: msgspec.msgpack.encode(a_state(size)) for name, size in SIZES.items()}
    cases: Cases = {}
    with ExitStack() as stack:
        pairs = {"memory": memory(), "file_system": file_system(place("files"))}
        for name, synchronous in (("sqlite", "NORMAL"), ("sqlite full", "FULL")):
            connection = stack.enter_context(closing(sqlite3.connect(place("raw.db"), isolation_level=None)))
            pairs[name] = sqlite(connection, synchronous)
        if REDIS in os.environ:
            pairs["redis"] = redis(os.environ[REDIS])
        if POSTGRES in os.environ:
            pairs["postgres"] = postgres(os.environ[POSTGRES])
        for name, (save, load) in pairs.items():
            cases |= saves_and_loads(name, save, load, bodies)
        yield cases
