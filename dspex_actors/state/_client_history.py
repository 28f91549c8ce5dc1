"""The part of a store's client about what was: snapshots, going back, pruning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dspex_actors.state import _operations, _transfer, _verifying
from dspex_actors.state._messages import DEFAULT_LIMIT
from dspex_actors.state._snapshot_messages import (
    CreateSnapshot,
    DropSnapshot,
    GetSnapshot,
    ListSnapshots,
    Recover,
    RestoreSnapshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._operations import Operation
    from dspex_actors.state._restoring import Restored
    from dspex_actors.state._retention import Retention
    from dspex_actors.state._stored import Snapshot
    from dspex_actors.state._transfer import Transferred
    from dspex_actors.state._verifying import Verification

_T = TypeVar("_T")


class History:
    """What `States` can do with more than the newest versions."""

    def run(self, operation: Operation[_T]) -> _T:
        """Drive an operation to its end."""
        raise NotImplementedError

    @property
    def config(self) -> StoreConfig:
        """How the store is set up."""
        raise NotImplementedError

    def create_snapshot(
        self,
        name: str,
        ids: Iterable[str] | Mapping[str, int] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Snapshot:
        """Give a name to versions; as long as it is there they are not pruned.

        Args:
            name: text of 1 to 256 UTF-8 bytes, not in use.
            ids: the newest versions of these, with revisions exactly those, or None for all ids that have a
                state. Saves through this store come before or after all of it; those of other processes may
                fall between.
            metadata: what to keep beside.

        Raises:
            SnapshotExistsError: the name is in use.
            VersionNotFoundError: an id or a version is not there.
            StateDeletedError: an id is deleted.
        """
        snapshot: Snapshot = self.run(_operations.ask(CreateSnapshot(name=name, ids=ids, metadata=metadata)))
        return snapshot

    def get_snapshot(self, name: str) -> Snapshot:
        """Return a snapshot.

        Raises:
            SnapshotNotFoundError: there is none of this name.
            DamagedSnapshotError: it is damaged.
        """
        snapshot: Snapshot = self.run(_operations.ask(GetSnapshot(name=name)))
        return snapshot

    def list_snapshots(self, *, limit: int = DEFAULT_LIMIT, after: str = "") -> list[Snapshot]:
        """Return snapshots sorted by name, those behind `after`, at most `limit` of 1 to 10,000.

        Raises:
            DamagedSnapshotError: one of them is damaged.
        """
        result: list[Snapshot] = self.run(_operations.ask(ListSnapshots(limit=limit, after=after)))
        return result

    def drop_snapshot(self, name: str) -> None:
        """Remove a snapshot; its versions stay, and may be pruned from now on.

        Raises:
            SnapshotNotFoundError: there is none of this name.
        """
        self.run(_operations.ask(DropSnapshot(name=name)))

    def restore_snapshot(self, name: str, *, ids: Iterable[str] | None = None) -> Restored:
        """Bring the ids of a snapshot, or some of them, back to its versions, by new versions.

        All at once where the backend has transactions, else one after the other. Other ids stay as they are.

        Raises:
            SnapshotNotFoundError: there is none of this name.
            VersionNotFoundError: one of the ids is not in it.
            DamagedVersionError: one of its versions is damaged.
        """
        restored: Restored = self.run(_operations.ask(RestoreSnapshot(name=name, ids=ids)))
        return restored

    def recover(
        self,
        *,
        at: datetime | None = None,
        ids: Iterable[str] | None = None,
        revision: int | None = None,
    ) -> Restored:
        """Bring ids back to what they were at a time, or one id to a revision, by new versions.

        All at once where the backend has transactions, which holds their packed states in memory meanwhile,
        else one after the other. An id that had no state at that time is deleted. A damaged newest version is
        no obstacle.

        Args:
            at: a time, with a time zone.
            ids: which; None for all.
            revision: instead of a time, for one id.

        Raises:
            VersionNotFoundError: an id was never saved, or has no such revision.
            DamagedVersionError: a version that is to be brought back is damaged.
        """
        restored: Restored = self.run(_operations.ask(Recover(at=at, ids=ids, revision=revision)))
        return restored

    def prune(
        self, policy: Retention, *, ids: Iterable[str] | None = None, dry_run: bool = False
    ) -> dict[str, int]:
        """Remove old versions for good, but neither the newest of an id nor one that a snapshot names.

        Args:
            policy: what to keep.
            ids: which; None for all, deleted ones too.
            dry_run: remove nothing. What snapshots hold is counted then, too.

        Returns:
            For each id with any how many were removed.
        """
        return self.run(_operations.prune(policy, ids, dry_run=dry_run))

    # -- all of it

    def verify(self, *, ids: Iterable[str] | None = None) -> Verification:
        """Check every byte of every version and snapshot, and the database itself; repair nothing.

        Versions are read one by one, so that the store serves others in between.

        Args:
            ids: which; None for all of it.

        Raises:
            StorageError: the database cannot be read.
        """
        return self.run(_verifying.verify(self.config, ids))

    def export(self, path: str | Path, *, ids: Iterable[str] | None = None) -> Transferred:
        """Write ids with all their versions to one file, which is there as a whole or not at all.

        Args:
            path: where to.
            ids: which; None for all, and the snapshots too.

        Raises:
            DamagedVersionError: a version is damaged; the file is not written.
            OSError: the file cannot be written.
        """
        return self.run(_transfer.export(self.config, path, ids))

    def import_(self, path: str | Path, *, existing: str = "refuse") -> Transferred:
        """Add what `export` wrote. Nothing is written unless all of the file is sound.

        Versions keep their labels, their times and what was said about them, and are counted anew. Snapshots
        come along if all of their versions do.

        Args:
            path: the file. The store needs the keys with which it was written.
            existing: of ids that the store has: `"refuse"`, `"skip"`, or `"append"` after what it has.

        Raises:
            IdExistsError: an id is in the store, and `existing` is `"refuse"`.
            DataError: the file is damaged, or none of `export`.
            OSError: the file cannot be read.
        """
        return self.run(_transfer.import_(self.config, path, existing))
