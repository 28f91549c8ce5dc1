"""Versions of states: their labels, the way from one schema to another, and what two of them are together.

What decides, without a store: `next_version` and `select` say which version a save makes and which one a
load means, `MigrationGraph` how a state of one schema becomes one of another, `resolve` with a resolver what
is kept of two states that grew from one. All are functions of their arguments: no thread, no clock, no file.
"""

from __future__ import annotations

from dspex_actors.state._backend import (
    AsOf,
    Backend,
    Capability,
    Entry,
    Label,
    Latest,
    Notifying,
    Revision,
    Row,
    SnapshotRow,
    Storage,
    Which,
)
from dspex_actors.state._conflict import (
    Divergence,
    Resolver,
    Side,
    divergence,
    first_of,
    last_writer_wins,
    merge_disjoint,
    reject,
    resolve,
)
from dspex_actors.state._errors import (
    MigrationFailedError,
    MigrationPathError,
    StateError,
    UnresolvedConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._memory import Memory
from dspex_actors.state._migrations import Migrated, MigrationGraph, Move, Step
from dspex_actors.state._postgres import Postgres
from dspex_actors.state._redis import Redis
from dspex_actors.state._sqlite import Sqlite
from dspex_actors.state._storage_errors import (
    SnapshotExistsError,
    StorageBusyError,
    StorageClosedError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)
from dspex_actors.state._versioning import (
    Bump,
    HashBased,
    Incremental,
    Semantic,
    Timestamp,
    Version,
    Versioning,
    bump_by_shape,
    next_version,
    select,
)

__all__ = [
    "AsOf",
    "Backend",
    "Bump",
    "Capability",
    "Divergence",
    "Entry",
    "HashBased",
    "Incremental",
    "Label",
    "Latest",
    "Memory",
    "Migrated",
    "MigrationFailedError",
    "MigrationGraph",
    "MigrationPathError",
    "Move",
    "Notifying",
    "Postgres",
    "Redis",
    "Resolver",
    "Revision",
    "Row",
    "Semantic",
    "Side",
    "SnapshotExistsError",
    "SnapshotRow",
    "Sqlite",
    "StateError",
    "Step",
    "Storage",
    "StorageBusyError",
    "StorageClosedError",
    "StorageDamagedError",
    "StorageError",
    "StorageFullError",
    "StorageUnavailableError",
    "Timestamp",
    "UnresolvedConflictError",
    "Version",
    "VersionNotFoundError",
    "Versioning",
    "Which",
    "bump_by_shape",
    "divergence",
    "first_of",
    "last_writer_wins",
    "merge_disjoint",
    "next_version",
    "reject",
    "resolve",
    "select",
]
