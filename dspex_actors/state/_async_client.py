"""A store for event loops: what `States` does, awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from dspex_actors.state import _operations, _transfer, _verifying
from dspex_actors.state._driving import adrive
from dspex_actors.state._messages import DEFAULT_LIMIT, ListVersions
from dspex_actors.state._snapshot_messages import (
    CreateSnapshot,
    DropSnapshot,
    GetSnapshot,
    ListSnapshots,
    Recover,
    RestoreSnapshot,
)
from dspex_actors.state._store import GetConfig, Unwatch, Watch
from dspex_actors.state._versioning import LATEST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from dspex_actors.state._client import States
    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._conflict import Resolver
    from dspex_actors.state._operations import MigratedState, Operation
    from dspex_actors.state._restoring import Restored
    from dspex_actors.state._retention import Retention
    from dspex_actors.state._stored import Snapshot, StoredState, StoredVersion
    from dspex_actors.state._transfer import Transferred
    from dspex_actors.state._verifying import Verification
    from dspex_actors.state._versioning import Bump
    from dspex_actors.state._watchers import StateChanged

_T = TypeVar("_T")


class AsyncStates:
    """A store's states, for event loops; from `States.aio`.

    Arguments, results and errors are those of `States`. The loop goes on meanwhile: packing and unpacking are
    done in the threads of its executor. A state that is saved must not be changed until the save is awaited.
    Cancelling a save that has not begun withdraws it.
    """

    def __init__(self, states: States) -> None:
        self._states = states

    def __repr__(self) -> str:
        return f"<AsyncStates {self._states.address.name}>"

    async def run(self, operation: Operation[_T]) -> _T:
        """Drive an operation to its end."""
        return await adrive(operation, self._states.address, self._states.timeout_s)

    async def _config(self) -> StoreConfig:
        states = self._states
        if states.known_config is None:
            states.known_config = await states.address.acall(GetConfig(), states.timeout_s)
        return states.known_config

    async def save(
        self,
        id: str,  # noqa: A002 -- the word of the whole library
        state: object,
        *,
        expected: int | StoredVersion | None = None,
        metadata: Mapping[str, Any] | None = None,
        bump: Bump | None = None,
        schema_version: str | None = None,
        conflict_resolver: Resolver | None = None,
    ) -> StoredVersion:
        """Save a state; see `States.save`. A resolver runs in a thread of the loop's executor."""
        return await self.run(
            _operations.save(
                await self._config(),
                id,
                state,
                expected=expected,
                metadata=metadata,
                bump=bump,
                schema_version=schema_version,
                conflict_resolver=conflict_resolver,
            )
        )

    async def load(
        self,
        id: str,  # noqa: A002 -- as above
        version: str | int = LATEST,
        *,
        at: datetime | None = None,
        fall_back: bool = False,
    ) -> StoredState:
        """Load a version; see `States.load`."""
        config = await self._config()
        return await self.run(_operations.load(config, id, version, at=at, fall_back=fall_back))

    async def delete(
        self,
        id: str,  # noqa: A002 -- as above
        *,
        expected: int | StoredVersion | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StoredVersion:
        """Delete an id; see `States.delete`."""
        return await self.run(_operations.delete(id, expected=expected, metadata=metadata))

    async def list_versions(
        self,
        id: str,  # noqa: A002 -- as above
        *,
        limit: int = DEFAULT_LIMIT,
        before: int | None = None,
    ) -> list[StoredVersion]:
        """Return versions of an id; see `States.list_versions`."""
        return await self.run(_operations.ask(ListVersions(id=id, limit=limit, before=before)))

    async def list_ids(self, *, deleted: bool = False) -> list[str]:
        """Return ids; see `States.list_ids`."""
        return await self.run(_operations.all_ids(deleted=deleted))

    async def migrate(
        self,
        id: str,  # noqa: A002 -- as above
        goal: str,
        *,
        start: str | None = None,
        dry_run: bool = False,
    ) -> MigratedState:
        """Migrate a state; see `States.migrate`. The steps run in a thread of the loop's executor."""
        config = await self._config()
        return await self.run(_operations.migrate(config, id, goal, start=start, dry_run=dry_run))

    async def create_snapshot(
        self,
        name: str,
        ids: Iterable[str] | Mapping[str, int] | None = None,
        *,
        metadata: Mapping[str, Any] | None = None,
    ) -> Snapshot:
        """Give a name to versions; see `States.create_snapshot`."""
        return await self.run(_operations.ask(CreateSnapshot(name=name, ids=ids, metadata=metadata)))

    async def get_snapshot(self, name: str) -> Snapshot:
        """Return a snapshot; see `States.get_snapshot`."""
        return await self.run(_operations.ask(GetSnapshot(name=name)))

    async def list_snapshots(self, *, limit: int = DEFAULT_LIMIT, after: str = "") -> list[Snapshot]:
        """Return snapshots; see `States.list_snapshots`."""
        return await self.run(_operations.ask(ListSnapshots(limit=limit, after=after)))

    async def drop_snapshot(self, name: str) -> None:
        """Remove a snapshot; see `States.drop_snapshot`."""
        await self.run(_operations.ask(DropSnapshot(name=name)))

    async def restore_snapshot(self, name: str, *, ids: Iterable[str] | None = None) -> Restored:
        """Go back to a snapshot; see `States.restore_snapshot`."""
        return await self.run(_operations.ask(RestoreSnapshot(name=name, ids=ids)))

    async def recover(
        self,
        *,
        at: datetime | None = None,
        ids: Iterable[str] | None = None,
        revision: int | None = None,
    ) -> Restored:
        """Go back to a time or a revision; see `States.recover`."""
        return await self.run(_operations.ask(Recover(at=at, ids=ids, revision=revision)))

    async def prune(
        self, policy: Retention, *, ids: Iterable[str] | None = None, dry_run: bool = False
    ) -> dict[str, int]:
        """Remove old versions for good; see `States.prune`."""
        return await self.run(_operations.prune(policy, ids, dry_run=dry_run))

    async def verify(self, *, ids: Iterable[str] | None = None) -> Verification:
        """Check every byte; see `States.verify`."""
        return await self.run(_verifying.verify(await self._config(), ids))

    async def export(self, path: str | Path, *, ids: Iterable[str] | None = None) -> Transferred:
        """Write ids to a file; see `States.export`."""
        return await self.run(_transfer.export(await self._config(), path, ids))

    async def import_(self, path: str | Path, *, existing: str = "refuse") -> Transferred:
        """Add what a file holds; see `States.import_`."""
        return await self.run(_transfer.import_(await self._config(), path, existing))

    async def watch(self, id: str | None = None) -> AsyncIterator[StateChanged]:  # noqa: A002 -- as above
        """Yield each change of an id, or of all, from the first step of the iteration on.

        async for change in states.aio.watch("model"):
            ...
        """
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        states = self._states
        loop = asyncio.get_running_loop()
        changes: asyncio.Queue[StateChanged] = asyncio.Queue()
        told = Watch(id, lambda change: loop.call_soon_threadsafe(changes.put_nowait, change))
        number = await states.address.acall(told, states.timeout_s)
        try:
            while True:
                yield await changes.get()
        finally:
            states.address.cast(Unwatch(number))
