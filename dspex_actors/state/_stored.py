"""What a store says of the versions and snapshots that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dspex_actors.state._versioning import Version, from_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion(Version):
    """A version as a store keeps it, without its state.

    Attributes:
        id: whose state.
        deleted: whether it says that the id is deleted; it has no state then.
        schema_version: of the state, as its writer counts; None if it did not say.
        size: bytes of the state as it is stored.
        metadata: what its writer added, and under `dspex` where it came from if it was migrated, recovered,
            restored or copied.
        write: names the save that made it; its copies in other stores have the same.
    """

    id: str
    deleted: bool = False
    schema_version: str | None = None
    size: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    write: str = ""


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state that was loaded, with its version.

    Attributes:
        state: the state; a new object at each load.
        version: which one it is. `version.revision` is what `expected=` wants at the next save.
        damaged: revisions that were passed over because they are damaged, newest first; only with
            `fall_back=True`.
    """

    state: Any
    version: StoredVersion
    damaged: tuple[int, ...] = ()

    @property
    def revision(self) -> int:
        """The revision of the version."""
        return self.version.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A name for a set of versions, which are not pruned as long as it is there.

    Attributes:
        name: unique in its store.
        created_us: microseconds since 1970 in UTC.
        items: for each id the revision.
        metadata: what its maker added.
    """

    name: str
    created_us: int
    items: Mapping[str, int]
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def created_at(self) -> datetime:
        """The time at which it was made, in UTC."""
        return from_us(self.created_us)
