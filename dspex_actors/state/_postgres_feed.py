"""What a Postgres database knows of the changes in a store.

Which ids changed is always read from the table; a notification only says that it is worth looking. So what
writers that notify nobody have done is found too, only later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._postgres_errors import converted

if TYPE_CHECKING:
    import psycopg

    from dspex_actors.state._postgres_line import PostgresLine
    from dspex_actors.state._postgres_statements import Statements
    from dspex_actors.state._servers import Pool

_SILENCE_S: Final = 30.0  # after which a listener looks although it was not notified


class _Changes:
    """Which ids were written since the last look."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self._mark = ""
        self._seen: dict[str, int] = {}

    def since(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Return them; nothing at the first look.

        Raises:
            StorageError: the connection is lost or the server refuses.
        """
        import psycopg  # noqa: PLC0415 -- an optional dependency

        try:
            if not self._mark:
                ((self._mark,),) = connection.execute(self._statements.mark).fetchall()
                return []
            rows = connection.execute(self._statements.changes, [self._mark]).fetchall()
        except psycopg.Error as error:
            raise converted(error, "subscribe", lost=True) from error
        now = {each: revision for _, each, revision in rows if each is not None}
        found = [each for each, revision in now.items() if self._seen.get(each) != revision]
        self._mark, self._seen = rows[0][0], now
        return found


class ListenFeed:
    """A direct connection that listens; see `Feed`. A pooler in between would take it away.

    Args:
        line: how to reach the server itself.
        statements: for the schema.
        channel: where writers notify.
    """

    pause_s: float | None = _SILENCE_S

    def __init__(self, line: PostgresLine, statements: Statements, channel: str) -> None:
        import psycopg  # noqa: PLC0415 -- an optional dependency

        self._changes = _Changes(statements)
        self._notified = False
        self._connection = line.connect()
        try:
            self._connection.add_notify_handler(self._note)
            self._connection.execute(f'LISTEN "{channel}"')
            self._changes.since(self._connection)
        except psycopg.Error as error:
            self._connection.close()
            raise converted(error, "subscribe", lost=True) from error
        except BaseException:
            self._connection.close()
            raise

    def _note(self, _: psycopg.Notify) -> None:
        self._notified = True

    def fileno(self) -> int | None:
        """Return the descriptor of the connection."""
        return self._connection.fileno()

    def news(self) -> list[str]:
        """Return the ids that changed."""
        found: list[str] = []
        while True:
            self._notified = False
            found += self._changes.since(self._connection)
            # A notification behind the answer may have been read along with it: the socket is silent then.
            while self._connection.pgconn.notifies() is not None:
                self._notified = True
            if not self._notified:
                return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class PollFeed:
    """A look now and then, with a connection of the pool; see `Feed`.

    Args:
        pool: where connections come from.
        statements: for the schema.
        poll_s: seconds between two looks.
    """

    def __init__(self, pool: Pool[psycopg.Connection[Any]], statements: Statements, poll_s: float) -> None:
        self.pause_s: float | None = poll_s
        self._pool = pool
        self._changes = _Changes(statements)
        self.news()

    def fileno(self) -> int | None:
        """Return None: nothing wakes it."""
        return None

    def news(self) -> list[str]:
        """Return the ids that changed."""
        with self._pool.lend("subscribe") as connection:
            return self._changes.since(connection)

    def close(self) -> None:
        """Hold nothing."""
