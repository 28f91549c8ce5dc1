"""The two servers side by side, for tests that say the same of both."""

from __future__ import annotations

from dspex_actors.state import Postgres, Redis
from tests.integration.state._postgres_server import PostgresServer
from tests.integration.state._redis_server import RedisServer

SERVERS = {"redis": RedisServer, "postgres": PostgresServer}


def backend_on(server, name, folder=None, **settings):
    """Return a backend on a server of ours.

    Args:
        server: the server.
        name: of the schema or prefix.
        folder: of the socket, if it is not the server's own.
        settings: of the backend.
    """
    folder = folder or server.folder
    if isinstance(server, RedisServer):
        return Redis(url=f"unix://{folder}/socket", prefix=name, **settings)
    return Postgres(dsn=f"host={folder} user=dspex dbname=postgres", schema=name, **settings)


def source_of(backend):
    """Return the call that makes a backend in another process; its `repr` hides where it is."""
    place, named = ("url", "prefix") if isinstance(backend, Redis) else ("dsn", "schema")
    values = {each: getattr(backend, each) for each in (place, named)}
    return f"{type(backend).__name__}(**{values!r})"
