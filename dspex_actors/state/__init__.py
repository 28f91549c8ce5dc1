"""Versions of states: their labels, the way from one schema to another, and what two of them are together.

What decides, without a store: `next_version` and `select` say which version a save makes and which one a
load means, `MigrationGraph` how a state of one schema becomes one of another, `resolve` with a resolver what
is kept of two states that grew from one. All are functions of their arguments: no thread, no clock, no file.
"""

from __future__ import annotations

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
from dspex_actors.state._migrations import Migrated, MigrationGraph, Move, Step
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
    "Bump",
    "Divergence",
    "HashBased",
    "Incremental",
    "Migrated",
    "MigrationFailedError",
    "MigrationGraph",
    "MigrationPathError",
    "Move",
    "Resolver",
    "Semantic",
    "Side",
    "StateError",
    "Step",
    "Timestamp",
    "UnresolvedConflictError",
    "Version",
    "VersionNotFoundError",
    "Versioning",
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
