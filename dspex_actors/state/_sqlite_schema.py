"""The tables of the sqlite backend, and how a database of an older release becomes one of this one.

`heads` repeats what `versions` says, so that the newest version of each id is found without looking at the
others. It is written in the same transaction, and `check` compares the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import sqlite3

APPLICATION_ID: Final = 0x44535058  # "DSPX"; `file` shows it, and another program's database has another one

# Each makes version n + 1 of the schema out of version n, its place in this list.
STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        # The body stands last: a row's other columns are read without following its pages.
        """CREATE TABLE versions (
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            label TEXT NOT NULL,
            saved_us INTEGER NOT NULL,
            deleted INTEGER NOT NULL,
            about BLOB NOT NULL,
            body BLOB NOT NULL
        )""",
        "CREATE UNIQUE INDEX versions_by_revision ON versions (id, revision)",
        "CREATE INDEX versions_by_time ON versions (id, saved_us)",
        "CREATE INDEX versions_by_label ON versions (id, label, revision) WHERE NOT deleted",
        "CREATE TABLE heads (id TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL) WITHOUT ROWID",
        """CREATE TABLE snapshots (
            name TEXT PRIMARY KEY NOT NULL,
            created_us INTEGER NOT NULL,
            about BLOB NOT NULL
        )""",
        """CREATE TABLE snapshot_items (
            id TEXT NOT NULL,
            revision INTEGER NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (id, revision, name)
        ) WITHOUT ROWID""",
        "CREATE INDEX snapshot_items_by_name ON snapshot_items (name)",
    ),
)

ROW: Final = "id, revision, label, saved_us, deleted, about"

HEADS_THAT_LIE: Final = """
    SELECT id FROM heads WHERE revision IS NOT (SELECT max(revision) FROM versions WHERE id = heads.id)
    UNION SELECT id FROM versions WHERE id NOT IN (SELECT id FROM heads)
    LIMIT 20
"""
"""Ids whose head is not their newest version."""

HELD_AND_GONE: Final = """
    SELECT DISTINCT name FROM snapshot_items AS item WHERE NOT EXISTS (
        SELECT 1 FROM versions WHERE id = item.id AND revision = item.revision
    )
    LIMIT 20
"""
"""Snapshots with a version that is not there."""


def one(connection: sqlite3.Connection, query: str, *values: object) -> Any:  # noqa: ANN401 -- any column
    """Return the first column of the first row, None if there is no row."""
    found = connection.execute(query, values).fetchone()
    return None if found is None else found[0]
