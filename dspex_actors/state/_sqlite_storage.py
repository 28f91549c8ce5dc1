"""A connection to a SQLite file, as a storage: its statements, and what its answers mean."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from dspex_actors.state._backend import AsOf, Entry, Label, Latest, Revision, Row, SnapshotRow
from dspex_actors.state._sqlite_errors import NAME, converted
from dspex_actors.state._sqlite_schema import HEADS_THAT_LIE, HELD_AND_GONE, ROW, one
from dspex_actors.state._storage_errors import (
    SnapshotExistsError,
    StorageBusyError,
    StorageClosedError,
    StorageDamagedError,
    StorageFullError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dspex_actors.state._backend import Which

_HEAD: Final = "(SELECT revision FROM heads WHERE id = :id)"
_FIND: Final = {
    Latest: "TRUE ORDER BY revision DESC LIMIT 1",
    Revision: "revision = :key",
    Label: "label = :key AND NOT deleted ORDER BY revision DESC LIMIT 1",
    AsOf: "saved_us <= :key ORDER BY saved_us DESC LIMIT 1",
}
_READ: Final = {
    which: f"SELECT {ROW}, {_HEAD}, body FROM versions WHERE id = :id AND {found}"  # noqa: S608 -- our own texts
    for which, found in _FIND.items()
}
# What writes down that a version is the newest of its id, if it follows the one that is: one row, else none.
_FIRST: Final = "INSERT INTO heads (id, revision) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING"
_NEXT: Final = "UPDATE heads SET revision = ?2 WHERE id = ?1 AND revision = ?2 - 1"
_MOST_INT: Final = 2**63 - 1


class SqliteStorage:
    """A connection to a SQLite file; see `Storage` for the contract.

    Args:
        connection: prepared; belongs to this object.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._lock = threading.Lock()  # a storage may change hands, and close() may come from elsewhere

    # -- writing

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions, all that fit in one transaction."""
        with self._writing("append") as connection:
            refused: set[str] = set()
            return [_append(connection, entry, refused) for entry in entries]

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add all of them or none."""
        with self._writing("append_together") as connection:
            refused: set[str] = set()
            results = [_append(connection, entry, refused) for entry in entries]
            if any(at is not None for at in results):
                connection.rollback()
            return results

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove old versions."""
        with self._writing("remove") as connection:
            deleted = connection.executemany(
                "DELETE FROM versions WHERE id = :id AND revision = :revision"
                " AND revision IS NOT (SELECT revision FROM heads WHERE id = :id)"
                " AND NOT EXISTS (SELECT 1 FROM snapshot_items WHERE id = :id AND revision = :revision)",
                [{"id": id, "revision": revision} for revision in revisions],
            )
            return max(0, deleted.rowcount)

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot if its versions are there.

        Raises:
            SnapshotExistsError: there is one of this name.
        """
        with self._writing("put_snapshot") as connection:
            if one(connection, "SELECT 1 FROM snapshots WHERE name = ?", snapshot.name):
                raise SnapshotExistsError(snapshot.name)
            known = "SELECT 1 FROM versions WHERE id = ? AND revision = ?"
            missing = [each for each, revision in items.items() if not one(connection, known, each, revision)]
            if not missing:
                values = (snapshot.name, snapshot.created_us, snapshot.about)
                connection.execute("INSERT INTO snapshots (name, created_us, about) VALUES (?, ?, ?)", values)
                connection.executemany(
                    "INSERT INTO snapshot_items (id, revision, name) VALUES (?, ?, ?)",
                    [(each, revision, snapshot.name) for each, revision in items.items()],
                )
            return sorted(missing)

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        with self._writing("drop_snapshot") as connection:
            connection.execute("DELETE FROM snapshot_items WHERE name = ?", (name,))
            return connection.execute("DELETE FROM snapshots WHERE name = ?", (name,)).rowcount > 0

    # -- reading

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        key = _key(which)
        if isinstance(key, int) and not -_MOST_INT <= key <= _MOST_INT:
            return None if key < 0 or isinstance(which, Revision) else self.read(id, Latest())
        with self._reading("read") as connection:
            found = connection.execute(_READ[type(which)], {"id": id, "key": key}).fetchone()
            if isinstance(which, Latest):
                _check_head(connection, id, found)
        return None if found is None else Entry(_row(found[:6]), _bytes(found[7]))

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first."""
        query = (
            f"SELECT {ROW}, {_HEAD} FROM versions WHERE id = :id AND revision < :before"  # noqa: S608 -- our own texts
            " ORDER BY revision DESC LIMIT :limit"
        )
        values = {"id": id, "before": _MOST_INT if before is None else min(before, _MOST_INT), "limit": limit}
        with self._reading("read") as connection:
            found = connection.execute(query, values).fetchall()
            if before is None:
                _check_head(connection, id, found[0] if found else None)
        return [_row(each[:6]) for each in found]

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id."""
        query = (
            f"SELECT {ROW} FROM heads JOIN versions USING (id, revision) WHERE heads.id > ?"  # noqa: S608 -- our own texts
            " ORDER BY heads.id LIMIT ?"
        )
        with self._reading("read") as connection:
            return [_row(each) for each in connection.execute(query, (after, limit))]

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot."""
        query = "SELECT name, created_us, about FROM snapshots WHERE name = ?"
        with self._reading("read") as connection:
            found = connection.execute(query, (name,)).fetchone()
        return None if found is None else _snapshot(found)

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name."""
        query = "SELECT name, created_us, about FROM snapshots WHERE name > ? ORDER BY name LIMIT ?"
        with self._reading("read") as connection:
            return [_snapshot(each) for each in connection.execute(query, (after, limit))]

    def check(self) -> list[str]:
        """Look for damage to the database's structure, and for what contradicts itself."""
        with self._reading("check") as connection:
            found = [text for (text,) in connection.execute("PRAGMA integrity_check(20)") if text != "ok"]
            if found:
                return found  # what a damaged database says of itself is no use
            lies = [
                f"the newest version of {each!r} is not its head"
                for (each,) in connection.execute(HEADS_THAT_LIE)
            ]
            gone = [
                f"the snapshot {name!r} names a version that is not there"
                for (name,) in connection.execute(HELD_AND_GONE)
            ]
            return lies + gone

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    # -- inside

    @contextmanager
    def _reading(self, operation: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                raise StorageClosedError(NAME, operation, "it was closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise converted(error, operation) from error

    @contextmanager
    def _writing(self, operation: str) -> Iterator[sqlite3.Connection]:
        """Begin a transaction and commit it at the end, unless the body has rolled it back."""
        with self._reading(operation) as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                _roll_back(connection)
                raise
            if connection.in_transaction:
                _commit(connection, operation)


def _commit(connection: sqlite3.Connection, operation: str) -> None:
    """Commit; of a failure say whether it is certain that nothing was written.

    It is, where the frame that commits was not written: another one holds the lock, or there is no room.
    Whether an error of the disk came before or after that frame is not known.
    """
    try:
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        failure = converted(error, operation)
        failure.written = False if isinstance(failure, StorageBusyError | StorageFullError) else None
        _roll_back(connection)
        raise failure from error


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        with suppress(sqlite3.Error):  # the error that led here is the one to report
            connection.execute("ROLLBACK")


def _append(connection: sqlite3.Connection, entry: Entry, refused: set[str]) -> int | None:
    row = entry.row
    place = _FIRST if row.revision == 1 else _NEXT
    if row.id in refused or not connection.execute(place, (row.id, row.revision)).rowcount:
        refused.add(row.id)
        return int(one(connection, "SELECT revision FROM heads WHERE id = ?", row.id) or 0)
    connection.execute(
        f"INSERT INTO versions ({ROW}, body) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 -- our own texts
        (row.id, row.revision, row.label, row.saved_us, row.deleted, row.about, entry.body),
    )
    return None


def _check_head(connection: sqlite3.Connection, id: str, newest: Sequence[object] | None) -> None:  # noqa: A002 -- as in the protocol
    """Compare the newest version with what is written down as such, so that neither is missed unnoticed."""
    if newest is not None:
        agree = newest[1] == newest[6]
    else:
        agree = one(connection, "SELECT revision FROM heads WHERE id = ?", id) is None or bool(
            one(connection, "SELECT 1 FROM versions WHERE id = ?", id)  # it was appended since
        )
    if not agree:
        raise StorageDamagedError(NAME, "read", f"the newest version of {id!r} is not its head")


def _key(which: Which) -> int | str | None:
    match which:
        case Latest():
            return None
        case Revision(number):
            return number
        case Label(text):
            return text
        case AsOf(us):
            return us


def _row(values: Sequence[object]) -> Row:
    """Return what a row holds; a damaged one may hold values of any type, and is returned without `about`."""
    id, revision, label, saved_us, deleted, about = values  # noqa: A001 -- the word of the whole library
    if type(id) is str and type(revision) is int:
        if (
            type(label) is str
            and type(saved_us) is int
            and type(deleted) is int
            and type(about) is bytes
            and 0 <= deleted <= 1
        ):
            return Row(id, revision, label, saved_us, bool(deleted), about)
        return Row(id, revision, "", 0, deleted=False, about=b"")
    raise StorageDamagedError(NAME, "read", f"a row of a version holds {_types(values)}")


def _snapshot(values: Sequence[object]) -> SnapshotRow:
    match values:
        case (str(name), int(created_us), bytes(about)):
            return SnapshotRow(name, created_us, about)
        case (str(name), *_):
            return SnapshotRow(name, 0, b"")
    raise StorageDamagedError(NAME, "read", f"a row of a snapshot holds {_types(values)}")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _types(values: Sequence[object]) -> str:
    return ", ".join(type(value).__name__ for value in values)
