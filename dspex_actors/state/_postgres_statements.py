"""The statements of the postgres backend, for a schema of any name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._backend import AsOf, Label, Latest, Revision, Row, SnapshotRow
from dspex_actors.state._postgres_errors import NAME
from dspex_actors.state._storage_errors import StorageDamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.state._backend import Entry, Which

MOST_INT: Final = 2**63 - 1

_COLUMNS: Final = "id, revision, label, saved_us, deleted, about"
_ARRAYS: Final = (
    "unnest(%(revisions)s::bigint[], %(labels)s::text[], %(saved)s::bigint[], %(deleted)s::bool[],"
    " %(abouts)b::bytea[], %(bodies)b::bytea[])"
)
_FIND: Final = {
    Latest: "TRUE ORDER BY revision DESC LIMIT 1",
    Revision: "revision = %(key)s",
    Label: "label = %(key)s AND NOT deleted ORDER BY revision DESC LIMIT 1",
    AsOf: "saved_us <= %(key)s ORDER BY saved_us DESC LIMIT 1",
}


class Statements:
    """The texts, made once.

    Args:
        schema: its name, quoted.
    """

    def __init__(self, schema: str) -> None:
        s = schema
        insert = (
            f"INSERT INTO {s}.versions ({_COLUMNS}, body) SELECT %(id)s, new.* FROM head, {_ARRAYS} AS new"  # noqa: S608 -- our own texts, as all below
        )
        # The head is written first: its lock is what writers of one id wait for.
        self.first = (
            f"WITH head AS (INSERT INTO {s}.heads (id, revision) VALUES (%(id)s, %(last)s)"  # noqa: S608
            f" ON CONFLICT (id) DO NOTHING RETURNING 1) {insert}"
        )
        self.next = (
            f"WITH head AS (UPDATE {s}.heads SET revision = %(last)s, changed = DEFAULT"  # noqa: S608
            f" WHERE id = %(id)s AND revision = %(first)s - 1 RETURNING 1) {insert}"
        )
        self.at = f"SELECT id, revision FROM {s}.heads WHERE id = ANY(%s)"  # noqa: S608
        head = f"(SELECT revision FROM {s}.heads WHERE id = %(id)s) AS head"  # noqa: S608
        self.read = {
            kind: f"SELECT {_COLUMNS}, {head}, body FROM {s}.versions WHERE id = %(id)s AND {text}"  # noqa: S608
            for kind, text in _FIND.items()
        }
        self.newest = f"SELECT {head}, (SELECT max(revision) FROM {s}.versions WHERE id = %(id)s)"  # noqa: S608
        self.rows = (
            f"SELECT {_COLUMNS}, {head} FROM {s}.versions WHERE id = %(id)s AND revision < %(before)s"  # noqa: S608
            " ORDER BY revision DESC LIMIT %(limit)s"
        )
        self.heads = (
            f"SELECT {_COLUMNS} FROM {s}.heads JOIN {s}.versions USING (id, revision)"  # noqa: S608
            " WHERE heads.id > %s ORDER BY heads.id LIMIT %s"
        )
        self.remove = (
            f"DELETE FROM {s}.versions AS v WHERE id = %(id)s AND revision = ANY(%(revisions)s::bigint[])"  # noqa: S608
            f" AND revision <> (SELECT revision FROM {s}.heads WHERE id = %(id)s)"
            f" AND NOT EXISTS (SELECT 1 FROM {s}.snapshot_items AS i"
            " WHERE i.id = v.id AND i.revision = v.revision)"
        )
        items = "unnest(%(ids)s::text[], %(revisions)s::bigint[]) AS item (id, revision)"
        self.missing = (
            f"SELECT item.id FROM {items} WHERE NOT EXISTS (SELECT 1 FROM {s}.versions AS v"  # noqa: S608
            " WHERE v.id = item.id AND v.revision = item.revision)"
        )
        self.hold = (
            f"INSERT INTO {s}.snapshot_items (id, revision, name)"  # noqa: S608
            f" SELECT item.id, item.revision, %(name)s FROM {items}"
        )
        self.put_snapshot = (
            f"INSERT INTO {s}.snapshots (name, created_us, about) VALUES (%s, %s, %s)"  # noqa: S608
            " ON CONFLICT (name) DO NOTHING"
        )
        self.drop_snapshot = f"DELETE FROM {s}.snapshots WHERE name = %s"  # noqa: S608
        self.snapshot = f"SELECT name, created_us, about FROM {s}.snapshots WHERE name = %s"  # noqa: S608
        self.snapshots = (
            f"SELECT name, created_us, about FROM {s}.snapshots WHERE name > %s ORDER BY name LIMIT %s"  # noqa: S608
        )
        self.changes = (
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text, id, revision"  # noqa: S608
            f" FROM (VALUES (1)) AS one LEFT JOIN {s}.heads ON changed >= %s::text::xid8"
        )
        self.mark = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"
        self.lies = (
            f"SELECT id FROM {s}.heads WHERE revision IS DISTINCT FROM"  # noqa: S608
            f" (SELECT max(revision) FROM {s}.versions AS v WHERE v.id = heads.id)"
            f" UNION SELECT id FROM {s}.versions AS v WHERE NOT EXISTS"
            f" (SELECT 1 FROM {s}.heads WHERE heads.id = v.id) LIMIT 20"
        )
        self.gone = (
            f"SELECT DISTINCT name FROM {s}.snapshot_items AS i WHERE NOT EXISTS (SELECT 1"  # noqa: S608
            f" FROM {s}.versions AS v WHERE v.id = i.id AND v.revision = i.revision) LIMIT 20"
        )

    def append(self, revision: int) -> str:
        """Return the statement that adds versions from this one on; it changes no row if it does not fit."""
        return self.first if revision == 1 else self.next


def values_of(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the arguments of the statements that add versions of one id that follow each other."""
    rows = [entry.row for entry in entries]
    return {
        "id": rows[0].id,
        "first": rows[0].revision,
        "last": rows[-1].revision,
        "revisions": [row.revision for row in rows],
        "labels": [row.label for row in rows],
        "saved": [row.saved_us for row in rows],
        "deleted": [row.deleted for row in rows],
        "abouts": [row.about for row in rows],
        "bodies": [entry.body for entry in entries],
    }


def key_of(which: Which) -> int | str | None:
    """Return what is searched for, within what the column can hold."""
    match which:
        case Latest():
            return None
        case Label(text):
            return text
        case Revision(number):
            return number if 0 < number <= MOST_INT else 0  # no version has 0
        case AsOf(us):
            return max(-1, min(us, MOST_INT))


def row_of(values: Sequence[object]) -> Row:
    """Return what a row holds.

    Raises:
        StorageDamagedError: the columns are of other types.
    """
    match values:
        case (str(id), int(revision), str(label), int(saved_us), bool(deleted), bytes(about)):
            return Row(id, revision, label, saved_us, deleted, about)
    raise StorageDamagedError(NAME, "read", f"a row of a version holds {_types(values)}")


def snapshot_of(values: Sequence[object]) -> SnapshotRow:
    """Return what a row holds.

    Raises:
        StorageDamagedError: the columns are of other types.
    """
    match values:
        case (str(name), int(created_us), bytes(about)):
            return SnapshotRow(name, created_us, about)
    raise StorageDamagedError(NAME, "read", f"a row of a snapshot holds {_types(values)}")


def _types(values: Sequence[object]) -> str:
    return ", ".join(type(value).__name__ for value in values)
