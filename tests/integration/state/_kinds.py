"""The kinds of backends by name, for tests that say the same of several."""

from __future__ import annotations

from pathlib import Path

from dspex_actors.state import FileSystem, Memory, Postgres, Redis, Sqlite
from tests.integration.state._postgres_server import PostgresServer
from tests.integration.state._redis_server import RedisServer

SERVERS = {"redis": RedisServer, "postgres": PostgresServer}
DURABLE = ("sqlite normal", "sqlite full", "file_system", "file_system unflushed", *SERVERS)
EACH = ("memory", "sqlite normal", "file_system unflushed", *SERVERS)
SETTINGS = {
    Sqlite: ("path", "durability"),
    FileSystem: ("path", "flush"),
    Redis: ("url", "prefix"),
    Postgres: ("dsn", "schema"),
}


def backend_in(path, kind):
    """Return a backend without a server.

    Args:
        path: of its file or folder, which is not there yet.
        kind: one of those that need no server.
    """
    name, _, how = kind.partition(" ")
    match name:
        case "memory":
            return Memory()
        case "sqlite":
            return Sqlite(path=path, durability=how)
        case "file_system":
            return FileSystem(path=path, flush=how != "unflushed")
    raise AssertionError(f"{kind!r} needs a server, or is none")


def backend_on(server, name, folder=None, **settings):
    """Return a backend on a server.

    Args:
        server: the server.
        name: of the schema or prefix.
        folder: of the socket, if it is not the server's own.
        settings: of the backend.
    """
    if isinstance(server, RedisServer):
        url = server.url if folder is None else f"unix://{folder}/socket"
        return Redis(url=url, prefix=name, **settings)
    dsn = server.dsn if folder is None else f"host={folder} user=dspex dbname=postgres"
    return Postgres(dsn=dsn, schema=name, **settings)


def source_of(backend):
    """Return the call that makes a durable backend in another process; its `repr` hides where it is."""
    values = {each: getattr(backend, each) for each in SETTINGS[type(backend)]}
    plain = {each: str(value) if isinstance(value, Path) else value for each, value in values.items()}
    return f"{type(backend).__name__}(**{plain!r})"
