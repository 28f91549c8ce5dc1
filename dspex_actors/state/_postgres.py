"""The backend on a Postgres database, 13 or newer."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._checks import check_seconds, check_switch
from dspex_actors._errors import ConfigError
from dspex_actors.state._backend import Capability
from dspex_actors.state._postgres_errors import NAME
from dspex_actors.state._postgres_feed import ListenFeed, PollFeed
from dspex_actors.state._postgres_line import PostgresLine
from dspex_actors.state._postgres_schema import upgrade
from dspex_actors.state._postgres_statements import Statements
from dspex_actors.state._postgres_storage import PostgresStorage
from dspex_actors.state._servers import Pool
from dspex_actors.state._storage_errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from dspex_actors.state._listening import Feed

_DURABILITY: Final = ("full", "normal")
_WATCH: Final = ("listen", "poll")
_LONGEST_NAME: Final = 63  # bytes of an identifier
_MOST_CONNECTIONS: Final = 1000


class _Shared:
    """The pool of the storages that one `Postgres` has opened in this process; a copy of it has its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool[psycopg.Connection[Any]] | None = None

    def pool(self, make: Callable[[], Pool[psycopg.Connection[Any]]]) -> Pool[psycopg.Connection[Any]]:
        """Return the pool, made by whoever asks first."""
        with self._lock:
            if self._pool is None:
                self._pool = make()
            return self._pool

    def __reduce__(self) -> tuple[type[_Shared], tuple[()]]:
        return type(self), ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """Keeps states in a schema of a Postgres database. Needs the extra `postgres`.

    All storages that are opened on one object share its pool of connections; a pickled copy has its own.

    Attributes:
        dsn: as libpq reads it: `postgresql://...` or `host=... dbname=...`. Not shown by `repr`, since it may
            hold a password.
        schema: where the tables are; made if it is not there. Stores in different ones do not meet.
        durability: what an acknowledged save survives. `"full"`: that the server is killed, and a loss of
            power; a server set to be careless (`fsync` or `synchronous_commit` off) is refused. `"normal"`:
            that the writer is killed; the server may lose the last fraction of a second when it dies.
        max_connections: the most at a time, those that listen not counted.
        busy_timeout_s: how long a call waits for one of them before `StorageBusyError`.
        connect_timeout_s: how long a connection may take to be made, in whole seconds, at least 2.
        timeout_s: how long the server may be silent while an answer is waited for.
        prepared_statements: whether statements are prepared on the server; not so behind a pooler that
            gives a connection to somebody else after each transaction (pgbouncer).
        watch: how `subscribe` hears of changes. `"listen"`: by LISTEN, on a direct connection. `"poll"`: by a
            look at the table every `poll_s`.
        listen_dsn: leads to the server itself where `dsn` leads to a pooler; None for `dsn`.
        poll_s: seconds between two looks.
        notify: whether saves notify listeners. Postgres lets one transaction at a time commit that does.
            Changes by writers that do not are heard of within 30 s.
        create: make what is not there. False: `open` raises `StorageMissingError` then, and makes no schema.

    Raises:
        ConfigError: a setting is wrong.
    """

    dsn: str = field(repr=False)
    schema: str = "dspex_state"
    durability: str = "full"
    max_connections: int = 4
    busy_timeout_s: float = 30.0
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0
    prepared_statements: bool = True
    watch: str = "listen"
    listen_dsn: str | None = field(default=None, repr=False)
    poll_s: float = 1.0
    notify: bool = True
    create: bool = True
    _shared: _Shared = field(default_factory=_Shared, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, dsn in (("dsn", self.dsn), ("listen_dsn", self.listen_dsn)):
            if not isinstance(dsn, str) and not (dsn is None and name == "listen_dsn"):
                raise ConfigError(f"Postgres.{name}", "(hidden)", "a text that libpq reads")
        text = self.schema if isinstance(self.schema, str) else ""
        if not text.isascii() or not text.isidentifier() or len(text) > _LONGEST_NAME:
            allowed = f"at most {_LONGEST_NAME} ASCII letters, digits and underscores, with no digit first"
            raise ConfigError("Postgres.schema", self.schema, allowed)
        if self.durability not in _DURABILITY:
            raise ConfigError("Postgres.durability", self.durability, "'full' or 'normal'")
        if self.watch not in _WATCH:
            raise ConfigError("Postgres.watch", self.watch, "'listen' or 'poll'")
        count = self.max_connections
        if type(count) is not int or not 0 < count <= _MOST_CONNECTIONS:
            raise ConfigError("Postgres.max_connections", count, f"a number from 1 to {_MOST_CONNECTIONS}")
        for name in ("busy_timeout_s", "connect_timeout_s", "timeout_s", "poll_s"):
            check_seconds(f"Postgres.{name}", getattr(self, name))
        check_switch("Postgres.create", self.create)

    @property
    def name(self) -> str:
        """`postgres`."""
        return NAME

    @property
    def capabilities(self) -> frozenset[Capability]:
        """It is durable, shared by many machines, has transactions and tells of changes."""
        return frozenset(
            {Capability.DURABLE, Capability.SHARED, Capability.TRANSACTIONS, Capability.NOTIFIES}
        )

    def open(self) -> PostgresStorage:
        """Return a storage on the schema.

        Raises:
            ConfigError: the DSN is none.
            StorageError: the database cannot be reached, is not fit for what `durability` demands, or holds
                something else there, or nothing and it is not to be made.
        """
        if importlib.util.find_spec("psycopg") is None:
            raise StorageError(NAME, "open", "its library is missing; install dspex-actors[postgres]")
        quoted = f'"{self.schema}"'
        statements = Statements(quoted)
        channel = f"dspex_state_{hashlib.sha256(self.schema.encode()).hexdigest()[:16]}"
        pool = self._shared.pool(self._make_pool)

        def feed() -> Feed:
            if self.watch == "poll":
                return PollFeed(pool, statements, self.poll_s)
            return ListenFeed(self._line(self.listen_dsn or self.dsn), statements, channel)

        storage = PostgresStorage(
            pool,
            statements,
            feed=feed,
            channel=channel if self.notify else None,
            lazy=self.durability == "normal",
        )
        storage.prepare(lambda connection: upgrade(connection, quoted, create=self.create))
        return storage

    def _make_pool(self) -> Pool[psycopg.Connection[Any]]:
        line = self._line(self.dsn)
        return Pool(NAME, line, limit=self.max_connections, busy_timeout_s=self.busy_timeout_s)

    def _line(self, dsn: str) -> PostgresLine:
        return PostgresLine(
            dsn,
            durability=self.durability,
            connect_timeout_s=self.connect_timeout_s,
            timeout_s=self.timeout_s,
            prepared=self.prepared_statements,
        )
