"""The tables of the postgres backend, and how those of an older release become those of this one.

`heads` repeats what `versions` says, so that the newest version of an id is found, and locked, by its own
row. `changed` is the transaction that wrote it: who looks for changes asks for what is not older than the
oldest transaction that was running when they looked before, and so misses nothing, whatever order they
commit in. A body is stored as it comes (`EXTERNAL`): whoever wants it compressed has compressed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._postgres_errors import NAME
from dspex_actors.state._storage_errors import StorageDamagedError, StorageMissingError

if TYPE_CHECKING:
    import psycopg

# Each makes version n + 1 of the schema out of version n, its place in this list. {s} is its name.
STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """CREATE TABLE {s}.versions (
            id text COLLATE "C" NOT NULL,
            revision bigint NOT NULL,
            label text COLLATE "C" NOT NULL,
            saved_us bigint NOT NULL,
            deleted boolean NOT NULL,
            about bytea NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (id, revision)
        )""",
        "ALTER TABLE {s}.versions ALTER COLUMN body SET STORAGE EXTERNAL",
        "CREATE INDEX versions_by_time ON {s}.versions (id, saved_us)",
        "CREATE INDEX versions_by_label ON {s}.versions (id, label, revision) WHERE NOT deleted",
        """CREATE TABLE {s}.heads (
            id text COLLATE "C" PRIMARY KEY,
            revision bigint NOT NULL,
            changed xid8 NOT NULL DEFAULT pg_current_xact_id()
        )""",
        "CREATE INDEX heads_by_change ON {s}.heads (changed)",
        """CREATE TABLE {s}.snapshots (
            name text COLLATE "C" PRIMARY KEY,
            created_us bigint NOT NULL,
            about bytea NOT NULL
        )""",
        """CREATE TABLE {s}.snapshot_items (
            id text COLLATE "C" NOT NULL,
            revision bigint NOT NULL,
            name text COLLATE "C" NOT NULL REFERENCES {s}.snapshots ON DELETE CASCADE,
            PRIMARY KEY (id, revision, name),
            FOREIGN KEY (id, revision) REFERENCES {s}.versions
        )""",
        "CREATE INDEX snapshot_items_by_name ON {s}.snapshot_items (name)",
    ),
)

_LOCK: Final = 0x44535058_53544154  # "DSPXSTAT": an advisory lock of our own


def upgrade(connection: psycopg.Connection[Any], schema: str, *, create: bool = True) -> None:
    """Make the schema what this release needs, in one transaction; nothing if it is.

    Args:
        connection: in autocommit, in no transaction.
        schema: its name, quoted.
        create: whether to make it if there are no tables of a store.

    Raises:
        StorageMissingError: there are none, and they are not to be made.
        StorageDamagedError: it is of a later release or of another program.
        psycopg.Error: whatever else.
    """
    found = version_of(connection, schema)
    if found == len(STEPS):
        return
    if not found and not create:
        raise StorageMissingError(NAME, "open", f"there is no store in the schema {schema}")
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if connection.execute("SELECT to_regnamespace(%s)", [schema]).fetchone() == (None,):
            connection.execute(f"CREATE SCHEMA {schema}")
        version = version_of(connection, schema)
        if version > len(STEPS):
            reason = f"{schema} is of version {version}, and this release knows versions up to {len(STEPS)}"
            raise StorageDamagedError(NAME, "open", reason)
        if not version:
            if _tables(connection, schema):
                reason = f"the schema {schema} has tables of another program; name another one"
                raise StorageDamagedError(NAME, "open", reason)
            connection.execute(f"CREATE TABLE {schema}.dspex_state (version int NOT NULL)")
            connection.execute(f"INSERT INTO {schema}.dspex_state VALUES (0)")  # noqa: S608 -- quoted
        for statement in (each for step in STEPS[version:] for each in step):
            connection.execute(statement.format(s=schema))
        connection.execute(f"UPDATE {schema}.dspex_state SET version = %s", [len(STEPS)])  # noqa: S608 -- quoted


def version_of(connection: psycopg.Connection[Any], schema: str) -> int:
    """Return which version of the tables there is, 0 for none."""
    found = connection.execute("SELECT to_regclass(%s)", [f"{schema}.dspex_state"]).fetchone()
    if found is None or found[0] is None:
        return 0
    version = connection.execute(f"SELECT version FROM {schema}.dspex_state").fetchone()  # noqa: S608 -- quoted
    return 0 if version is None else int(version[0])


def _tables(connection: psycopg.Connection[Any], schema: str) -> int:
    query = "SELECT count(*) FROM pg_class WHERE relnamespace = %s::regnamespace"
    found = connection.execute(query, [schema]).fetchone()
    return 0 if found is None else int(found[0])
