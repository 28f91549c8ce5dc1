"""A connection to Postgres: how it is made, what is asked of it first, how long the server may be silent."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors.state._postgres_errors import NAME, converted
from dspex_actors.state._storage_errors import StorageDamagedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg

_OLDEST: Final = 130000
_PREPARE_AFTER: Final = 5  # uses of one statement; psycopg's own default
_LONGEST_INTERVAL_S: Final = 0.1

_SETTINGS: Final = (
    "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),"
    " pg_is_in_recovery(), current_setting('fsync'), current_setting('synchronous_commit'),"
    " current_setting('full_page_writes')"
)


class PostgresLine:
    """How to reach one Postgres database.

    Args:
        dsn: as libpq reads it.
        durability: what is demanded of the server; see `Postgres`.
        connect_timeout_s: how long a connection may take to be made.
        timeout_s: how long the server may take for an answer.
        prepared: whether statements that are used often are prepared.

    Raises:
        ConfigError: libpq cannot read the DSN.
    """

    def __init__(
        self, dsn: str, *, durability: str, connect_timeout_s: float, timeout_s: float, prepared: bool
    ) -> None:
        import psycopg  # noqa: PLC0415 -- an optional dependency

        try:
            psycopg.conninfo.conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:  # its text may hold the password
            raise ConfigError("Postgres.dsn", "(hidden)", "a text that libpq reads") from None
        self._dsn = dsn
        self._durability = durability
        self._timeout_s = timeout_s
        self._kind = _connection_kind(timeout_s)
        self._options: dict[str, Any] = {
            "autocommit": True,
            "prepare_threshold": _PREPARE_AFTER if prepared else None,
            "connect_timeout": max(2, round(connect_timeout_s)),  # libpq takes whole seconds, from 2
            "client_encoding": "utf8",
            "fallback_application_name": "dspex_actors",
        }

    def connect(self) -> psycopg.Connection[Any]:
        """Return a connection to a server that will keep what it acknowledges, in autocommit.

        Raises:
            StorageError: it cannot be reached, refuses us, or is not set as `durability` demands.
        """
        import psycopg  # noqa: PLC0415 -- an optional dependency

        connection = None
        try:
            connection = self._kind.connect(self._dsn, **self._options)
            row = connection.execute(_SETTINGS).fetchone()
        except psycopg.Error as error:
            if connection is not None:
                connection.close()
            raise converted(error, "open", lost=True) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        found = fault(row or (), self._durability)
        if found is not None:
            connection.close()
            raise found
        return connection

    def is_sound(self, connection: psycopg.Connection[Any]) -> bool:
        """Return whether it is in no transaction, and the server has neither closed it nor said anything."""
        import psycopg  # noqa: PLC0415 -- an optional dependency

        if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            return False
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)

    def disconnect(self, connection: psycopg.Connection[Any]) -> None:
        """Close it."""
        connection.close()


def fault(settings: tuple[Any, ...], durability: str) -> StorageError | None:
    """Return why a server must not be used for a store, None if it may.

    Args:
        settings: its version, encoding, whether it is a standby, and its settings `fsync`,
            `synchronous_commit` and `full_page_writes`.
        durability: what is demanded.
    """
    version, encoding, standby, *switches = settings
    if version < _OLDEST:
        return StorageError(
            NAME, "open", f"its version is {version // 10000}, and the oldest that will do is 13"
        )
    if encoding != "UTF8":
        reason = f"the encoding of the database is {encoding}, and ids need UTF8"
        return StorageDamagedError(NAME, "open", reason)
    if standby:
        return StorageError(NAME, "open", "it is a standby, which only reads; name the primary")
    off = [
        name
        for name, value in zip(("fsync", "synchronous_commit", "full_page_writes"), switches, strict=True)
        if value == "off"
    ]
    if off and durability == "full":
        reason = f"{' and '.join(off)} is off there; set it to on, or durability='normal' here"
        return StorageError(NAME, "open", reason)
    return None


def _connection_kind(timeout_s: float) -> type[psycopg.Connection[Any]]:
    """Return the class of connections that give up a server which does not answer for this long."""
    import psycopg  # noqa: PLC0415 -- an optional dependency

    def limited(steps: Any) -> Generator[Any, Any, Any]:  # noqa: ANN401 -- psycopg's own protocol
        """Hand on what a wait for the server does, until it has been silent for too long."""
        heard = time.monotonic()
        try:
            wanted = next(steps)
            while True:
                ready = yield wanted
                if ready:
                    heard = time.monotonic()
                elif time.monotonic() - heard > timeout_s:
                    raise psycopg.OperationalError(f"no answer for {timeout_s} s")
                wanted = steps.send(ready)
        except StopIteration as end:
            return end.value

    class Connection(psycopg.Connection[Any]):
        def wait(self, gen: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 -- as above
            if not args and "interval" not in options:
                options["interval"] = min(_LONGEST_INTERVAL_S, timeout_s)
            try:
                return super().wait(limited(gen), *args, **options)
            except psycopg.OperationalError as error:
                # What the server answered has a code; in a pipeline more answers may be on their way then.
                given_up = error.sqlstate is None
                if given_up and self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                    self.pgconn.finish()  # an answer that comes now would be taken for another one's
                raise

    return Connection
