"""A Postgres database as a storage: its transactions, and what is known when one of them breaks off.

Versions are added in one round trip: the transaction with its beginning and its end is sent at once. So a
connection that is lost meanwhile leaves it open whether they were stored. Where a decision lies between, the
end is sent alone, and what is lost before it is tried again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._backend import Entry, Latest, SnapshotRow
from dspex_actors.state._batches import fit, results_of, runs
from dspex_actors.state._listening import Listener
from dspex_actors.state._postgres_errors import FOREIGN_KEY, NAME, converted
from dspex_actors.state._postgres_statements import (
    MOST_INT,
    Statements,
    key_of,
    row_of,
    snapshot_of,
    values_of,
)
from dspex_actors.state._servers import Calls, Pool
from dspex_actors.state._storage_errors import SnapshotExistsError, StorageBusyError, StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    import psycopg

    from dspex_actors.state._backend import Row, Which
    from dspex_actors.state._listening import Feed

    _Result = TypeVar("_Result")

_TRIES: Final = 10  # of what the other side of a snapshot's hold has got in the way of


class _Known:
    """Whether anything was written, should the connection be lost now."""

    def __init__(self) -> None:
        self.written: bool | None = False


class PostgresStorage:
    """Connections of a pool to a Postgres database; see `Storage` for the contract.

    Args:
        pool: where they come from.
        statements: for the schema.
        feed: makes a source of news about changes.
        channel: on which others are told of changes; None tells nobody.
        lazy: whether an acknowledged save may be lost when the server dies.
    """

    def __init__(
        self,
        pool: Pool[psycopg.Connection[Any]],
        statements: Statements,
        *,
        feed: Callable[[], Feed],
        channel: str | None,
        lazy: bool,
    ) -> None:
        self._statements = statements
        self._channel = channel
        self._lazy = lazy
        self._calls: Calls[psycopg.Connection[Any]] = Calls(NAME, pool)
        self._listener = Listener(feed)

    def prepare(self, make: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Make the tables, which may be done twice.

        Raises:
            StorageError: it cannot be done; then this is closed.
        """
        try:
            self._run("open", lambda connection, _: make(connection))
        except BaseException:
            self.close()
            raise

    # -- writing

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions, all that fit in one transaction."""
        if not entries:
            self._calls.check_open("append")
            return []

        def act(connection: psycopg.Connection[Any], known: _Known) -> list[int | None]:
            known.written = None
            with connection.pipeline():
                cursors = self._begin_and_add(connection, entries)
                connection.execute("COMMIT")
            stored = {each for each, cursor in cursors.items() if cursor.rowcount > 0}
            others = sorted(set(cursors) - stored)
            return results_of(entries, stored, self._heads_of(connection, others) if others else {})

        return self._run("append", act)

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add all of them or none."""
        if not entries:
            self._calls.check_open("append_together")
            return []

        def act(connection: psycopg.Connection[Any], known: _Known) -> list[int | None]:
            if any(run.refused for run in runs(entries)):
                heads = self._heads_of(connection, sorted({entry.row.id for entry in entries}))
                return fit(entries, heads)
            with connection.pipeline():
                cursors = self._begin_and_add(connection, entries)
            stored = {each for each, cursor in cursors.items() if cursor.rowcount > 0}
            if stored == set(cursors):
                known.written = None
                connection.execute("COMMIT")
                return [None] * len(entries)
            heads = self._heads_of(connection, sorted(set(cursors) - stored))
            connection.execute("ROLLBACK")
            heads |= {
                run.id: entries[run.fitting[0]].row.revision - 1 for run in runs(entries) if run.id in stored
            }
            results = fit(entries, heads)
            if all(at is None for at in results):  # what was in the way has become what they follow
                raise _CrossedError(NAME, "append_together", "others write the same ids")
            return results

        return self._again("append_together", act)

    def _begin_and_add(
        self, connection: psycopg.Connection[Any], entries: Sequence[Entry]
    ) -> dict[str, psycopg.Cursor[Any]]:
        """Send the beginning of a transaction and a statement for each id, in a pipeline."""
        connection.execute("BEGIN")
        if self._lazy:
            connection.execute("SET LOCAL synchronous_commit TO off")
        cursors: dict[str, psycopg.Cursor[Any]] = {}
        for run in runs(entries):
            fitting = [entries[place] for place in run.fitting]
            statement = self._statements.append(fitting[0].row.revision)
            cursors[run.id] = connection.execute(statement, values_of(fitting))
        if self._channel is not None:
            connection.execute("SELECT pg_notify(%s, '')", [self._channel])
        return cursors

    def _heads_of(self, connection: psycopg.Connection[Any], ids: Sequence[str]) -> dict[str, int]:
        return dict(connection.execute(self._statements.at, [list(ids)]).fetchall())

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove old versions."""
        wanted = [each for each in revisions if 0 < each <= MOST_INT]
        values = {"id": id, "revisions": wanted}
        return self._changed("remove", self._statements.remove, values)

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        return self._changed("drop_snapshot", self._statements.drop_snapshot, [name]) > 0

    def _changed(self, operation: str, statement: str, values: Any) -> int:  # noqa: ANN401 -- of either form
        """Return how many rows one statement changes, which is a transaction by itself."""

        def act(connection: psycopg.Connection[Any], known: _Known) -> int:
            known.written = None
            return max(0, connection.execute(statement, values).rowcount)

        return self._again(operation, act)

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot if its versions are there.

        Raises:
            SnapshotExistsError: there is one of this name.
        """
        texts = self._statements
        named = {"ids": list(items), "revisions": list(items.values()), "name": snapshot.name}

        def act(connection: psycopg.Connection[Any], known: _Known) -> list[str]:
            connection.execute("BEGIN")
            row = [snapshot.name, snapshot.created_us, snapshot.about]
            if not connection.execute(texts.put_snapshot, row).rowcount:
                connection.execute("ROLLBACK")
                raise SnapshotExistsError(snapshot.name)
            missing = [each for (each,) in connection.execute(texts.missing, named)]
            if missing:
                connection.execute("ROLLBACK")
                return sorted(missing)
            connection.execute(texts.hold, named)
            known.written = None
            connection.execute("COMMIT")
            return []

        return self._again("put_snapshot", act)

    # -- reading

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        values = {"id": id, "key": key_of(which)}
        if isinstance(which, Latest):
            del values["key"]
        found = self._fetch("read", self._statements.read[type(which)], values)
        if isinstance(which, Latest):
            self._check_head(id, found)
        if not found:
            return None
        *row, _, body = found[0]
        if not isinstance(body, bytes):
            raise StorageDamagedError(NAME, "read", f"a body is {type(body).__name__}")
        return Entry(row_of(row), body)

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first."""
        most = MOST_INT if before is None else max(0, min(before, MOST_INT))
        found = self._fetch("read", self._statements.rows, {"id": id, "before": most, "limit": limit})
        if before is None:
            self._check_head(id, found)
        return [row_of(each[:6]) for each in found]

    def _check_head(self, id: str, found: Sequence[tuple[Any, ...]]) -> None:  # noqa: A002 -- as above
        """Compare the newest version with what is written down as such, so that neither is missed unnoticed.

        Each pair is of one cut through time: others may write meanwhile.
        """
        newest, head = (found[0][1], found[0][6]) if found else (None, None)
        if not found:
            ((head, newest),) = self._fetch("read", self._statements.newest, {"id": id})
        if head != newest:
            raise StorageDamagedError(NAME, "read", f"the newest version of {id!r} is not its head")

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id."""
        return [row_of(each) for each in self._fetch("read", self._statements.heads, [after, limit])]

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot."""
        found = self._fetch("read", self._statements.snapshot, [name])
        return snapshot_of(found[0]) if found else None

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name."""
        return [snapshot_of(each) for each in self._fetch("read", self._statements.snapshots, [after, limit])]

    def check(self) -> list[str]:
        """Look for what contradicts itself."""
        lies = self._fetch("check", self._statements.lies, [])
        gone = self._fetch("check", self._statements.gone, [])
        return [
            *(f"the newest version of {each!r} is not its head" for (each,) in lies),
            *(f"the snapshot {name!r} names a version that is not there" for (name,) in gone),
        ]

    def subscribe(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Have a function called with each id that changes."""
        self._calls.check_open("subscribe")
        return self._listener.add(on_change)

    def close(self) -> None:
        """Give the connections back, and close those that nobody uses any more."""
        self._listener.close()
        self._calls.close()

    # -- inside

    def _fetch(self, operation: str, statement: str, values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401 -- of either form
        def act(connection: psycopg.Connection[Any], _: _Known) -> list[tuple[Any, ...]]:
            return connection.execute(statement, values, binary=True).fetchall()

        return self._run(operation, act)

    def _again(self, operation: str, act: Callable[[psycopg.Connection[Any], _Known], _Result]) -> _Result:
        """Do something again that was rolled back since a version and a snapshot of it crossed."""
        for _ in range(_TRIES):
            try:
                return self._run(operation, act)
            except _CrossedError:
                continue
        raise StorageBusyError(NAME, operation, "others remove and name the same versions all the time")

    def _run(self, operation: str, act: Callable[[psycopg.Connection[Any], _Known], _Result]) -> _Result:
        import psycopg  # noqa: PLC0415 -- an optional dependency

        def attempt(connection: psycopg.Connection[Any]) -> _Result:
            known = _Known()
            try:
                return act(connection, known)
            except psycopg.Error as error:
                code = error.sqlstate or ""
                lost = connection.closed or code.startswith(("08", "57P"))
                if not lost:
                    with suppress(psycopg.Error):  # lost after all: the pool sees that
                        connection.rollback()
                if code == FOREIGN_KEY:
                    raise _CrossedError(NAME, operation, str(error)) from error
                raise converted(error, operation, lost=lost, written=known.written) from error

        return self._calls.run(operation, attempt)


class _CrossedError(StorageBusyError):
    """A version was removed and named by a snapshot at the same time; it was rolled back."""
