"""Versions of states, kept in a database.

    with States.open(Sqlite(path="states.db")) as states:
        saved = states.save("model", {"weights": [1, 2, 3]})
        states.save("model", {"weights": [4, 5, 6]}, expected=saved.revision)
        states.load("model").state

`StateStore` is the actor, for a tree of your own; `States` is how programs talk to one. Where states are kept
says a backend: `Memory`, `Sqlite`, `FileSystem`, `Redis`, `Postgres`, or one of your own that does what
`Storage` asks for.

What decides needs no store: `next_version` and `select` say which version a save makes and which one a load
means, `MigrationGraph` how a state of one schema becomes one of another, `resolve` with a resolver what is
kept of two states that grew from one. All are functions of their arguments: no thread, no clock, no file.
"""

from __future__ import annotations

from dspex_actors.state._async_client import AsyncStates
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
from dspex_actors.state._client import States
from dspex_actors.state._config import StoreConfig, StoreSpec
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
from dspex_actors.state._difference import Change, Difference, differences
from dspex_actors.state._driving import StateFuture
from dspex_actors.state._errors import (
    DamagedSnapshotError,
    DamagedVersionError,
    IdExistsError,
    MigrationFailedError,
    MigrationPathError,
    SnapshotNotFoundError,
    StateDeletedError,
    StateError,
    UnresolvedConflictError,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._file_system import FileSystem
from dspex_actors.state._memory import Memory
from dspex_actors.state._messages import (
    DeleteState,
    ListIds,
    ListVersions,
    LoadState,
    MigrateState,
    SaveState,
)
from dspex_actors.state._migrations import Migrated, MigrationGraph, Move, Step
from dspex_actors.state._operations import MigratedState
from dspex_actors.state._postgres import Postgres
from dspex_actors.state._redis import Redis
from dspex_actors.state._restoring import Restored
from dspex_actors.state._retention import Retention
from dspex_actors.state._snapshot_messages import (
    CheckStorage,
    CreateSnapshot,
    DropSnapshot,
    GetSnapshot,
    ListSnapshots,
    PruneVersions,
    Recover,
    RestoreSnapshot,
)
from dspex_actors.state._sqlite import Sqlite
from dspex_actors.state._storage_errors import (
    SnapshotExistsError,
    StorageBusyError,
    StorageClosedError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageMissingError,
    StorageUnavailableError,
)
from dspex_actors.state._store import StateStore, Unwatch, Watch
from dspex_actors.state._stored import Snapshot, StoredState, StoredVersion
from dspex_actors.state._synchronising import Synchronised, synchronise
from dspex_actors.state._transfer import Transferred
from dspex_actors.state._verifying import Finding, Verification
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
from dspex_actors.state._watchers import StateChanged

__all__ = [
    "AsOf",
    "AsyncStates",
    "Backend",
    "Bump",
    "Capability",
    "Change",
    "CheckStorage",
    "CreateSnapshot",
    "DamagedSnapshotError",
    "DamagedVersionError",
    "DeleteState",
    "Difference",
    "Divergence",
    "DropSnapshot",
    "Entry",
    "FileSystem",
    "Finding",
    "GetSnapshot",
    "HashBased",
    "IdExistsError",
    "Incremental",
    "Label",
    "Latest",
    "ListIds",
    "ListSnapshots",
    "ListVersions",
    "LoadState",
    "Memory",
    "MigrateState",
    "Migrated",
    "MigratedState",
    "MigrationFailedError",
    "MigrationGraph",
    "MigrationPathError",
    "Move",
    "Notifying",
    "Postgres",
    "PruneVersions",
    "Recover",
    "Redis",
    "Resolver",
    "RestoreSnapshot",
    "Restored",
    "Retention",
    "Revision",
    "Row",
    "SaveState",
    "Semantic",
    "Side",
    "Snapshot",
    "SnapshotExistsError",
    "SnapshotNotFoundError",
    "SnapshotRow",
    "Sqlite",
    "StateChanged",
    "StateDeletedError",
    "StateError",
    "StateFuture",
    "StateStore",
    "States",
    "Step",
    "Storage",
    "StorageBusyError",
    "StorageClosedError",
    "StorageDamagedError",
    "StorageError",
    "StorageFullError",
    "StorageMissingError",
    "StorageUnavailableError",
    "StoreConfig",
    "StoreSpec",
    "StoredState",
    "StoredVersion",
    "Synchronised",
    "Timestamp",
    "Transferred",
    "UnresolvedConflictError",
    "Unwatch",
    "Verification",
    "Version",
    "VersionConflictError",
    "VersionNotFoundError",
    "Versioning",
    "Watch",
    "Which",
    "bump_by_shape",
    "differences",
    "divergence",
    "first_of",
    "last_writer_wins",
    "merge_disjoint",
    "next_version",
    "reject",
    "resolve",
    "select",
    "synchronise",
]
