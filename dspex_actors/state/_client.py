"""A store as its user holds it: saves and loads, packed and unpacked in the thread of the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from dspex_actors.state import _operations
from dspex_actors.state._client_history import History
from dspex_actors.state._door import GetDoor
from dspex_actors.state._driving import StateFuture, drive
from dspex_actors.state._messages import DEFAULT_LIMIT, ListVersions
from dspex_actors.state._store import GetConfig, StateStore, Unwatch, Watch
from dspex_actors.state._versioning import LATEST
from supervisors import ActorExitedError, CallTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from types import TracebackType

    from dspex_actors.state._async_client import AsyncStates
    from dspex_actors.state._backend import Backend
    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._conflict import Resolver
    from dspex_actors.state._door import Door
    from dspex_actors.state._messages import Request
    from dspex_actors.state._operations import MigratedState, Operation
    from dspex_actors.state._stored import StoredState, StoredVersion
    from dspex_actors.state._versioning import Bump
    from dspex_actors.state._watchers import StateChanged
    from supervisors import Address

_T = TypeVar("_T")
TIMEOUT_S = 60.0


class States(History):
    """A store's states, for any thread.

        with States.open(Sqlite(path="states.db")) as states:
            saved = states.save("model", {"step": 1})
            states.save("model", {"step": 2}, expected=saved.revision)
            states.load("model").state              # {"step": 2}
            states.load("model", 1).state           # {"step": 1}

    States are packed before they are sent and unpacked after they came, here: the store never sees an object
    that somebody may change. `aio` is the same for event loops; `submit_save`, `submit_load` and `submit`
    give futures.

    Every method may raise `StorageError`; its `written` says whether something may have been saved.

    Args:
        address: of a `StateStore`, in a tree or alone.
        timeout_s: seconds to wait for one answer; None for ever. What `load` reads in its own thread, from a
            database with `Capability.READS_AT_ONCE` and an idle store, takes as long as the disk.
    """

    def __init__(self, address: Address, *, timeout_s: float | None = TIMEOUT_S) -> None:
        self.address = address
        self.timeout_s = timeout_s
        self.known_config: StoreConfig | None = None
        self._door: Door | None = None
        self._has_door = True  # unless the store says otherwise
        self._owned = False

    @classmethod
    def open(
        cls, backend: Backend, config: StoreConfig | None = None, *, timeout_s: float | None = TIMEOUT_S
    ) -> States:
        """Start a store that is in no tree, and ends with this object.

        Args:
            backend: where states are kept.
            config: how; None for the defaults.
            timeout_s: as above.

        Raises:
            StartError: the database is there and cannot be used; `reason` says why.
        """
        states = cls(StateStore.start(backend, config), timeout_s=timeout_s)
        states._owned = True
        return states

    def __repr__(self) -> str:
        return f"<States {self.address.name}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the store if it was started by `open`, after what it has taken is done. Twice is quiet."""
        if self._owned:
            self.address.stop()

    @property
    def config(self) -> StoreConfig:
        """How the store is set up; asked for once."""
        if self.known_config is None:
            self.known_config = self.address.call(GetConfig(), self.timeout_s)
        return self.known_config

    @property
    def aio(self) -> AsyncStates:
        """The same for event loops."""
        from dspex_actors.state._async_client import AsyncStates  # noqa: PLC0415 -- it refers to this class

        return AsyncStates(self)

    def run(self, operation: Operation[_T]) -> _T:
        """Drive an operation to its end."""
        return drive(operation, self.address, self.timeout_s)

    # -- states

    def save(
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
        """Save a state as the next version of an id.

        Args:
            id: text of 1 to 256 UTF-8 bytes.
            state: any value that the store's serializer takes; it is not changed, and may be afterwards.
            expected: the version that must be the newest one, or its revision; 0 for none; None to save
                whatever there is.
            metadata: what to keep beside, at most 1 MiB. The key `dspex` is the store's.
            bump: which part of a `Semantic` label grows.
            schema_version: of the state, as you count; what `migrate` starts from.
            conflict_resolver: what to do if the newest version is not the expected one; None for the store's.

        Returns:
            The version, once it is in the database.

        Raises:
            VersionConflictError: the newest version is not the expected one, and there is no resolver.
            UnresolvedConflictError: the resolver does not choose.
            ValueEncodeError: a part of the state or of the metadata cannot be stored.
            TooLargeError: the state or the metadata is too large.
            DamagedVersionError: the newest version is damaged; nothing can follow it before `recover`.
        """
        return self.run(
            _operations.save(
                self.config,
                id,
                state,
                expected=expected,
                metadata=metadata,
                bump=bump,
                schema_version=schema_version,
                conflict_resolver=conflict_resolver,
            )
        )

    def submit_save(
        self,
        id: str,  # noqa: A002 -- as above
        state: object,
        *,
        expected: int | StoredVersion | None = None,
        metadata: Mapping[str, Any] | None = None,
        bump: Bump | None = None,
        schema_version: str | None = None,
    ) -> StateFuture[StoredVersion]:
        """Like `save`, but return a future once the state is packed. Saves are done in their order."""
        return StateFuture(
            _operations.save(
                self.config,
                id,
                state,
                expected=expected,
                metadata=metadata,
                bump=bump,
                schema_version=schema_version,
            ),
            self.address,
        )

    def load(
        self,
        id: str,  # noqa: A002 -- as above
        version: str | int = LATEST,
        *,
        at: datetime | None = None,
        fall_back: bool = False,
    ) -> StoredState:
        """Load a version of an id, every byte checked.

        Args:
            id: whose.
            version: `"latest"`, a revision, or a label; of several with one label the newest.
            at: the version that was the latest at this time, with a time zone. Not together with `version`.
            fall_back: if the version is damaged, take the newest sound one before it; `damaged` of the result
                names what was passed over.

        Raises:
            VersionNotFoundError: there is no such version.
            StateDeletedError: the id is deleted, or was then.
            DamagedVersionError: the version is damaged.
            SerializationError: the store's keys and settings do not allow to read it.
        """
        operation = _operations.load(self.config, id, version, at=at, fall_back=fall_back)
        return drive(operation, self.address, self.timeout_s, self._open_door())

    def _open_door(self) -> Door | None:
        """Return the door of the incarnation that serves now; None if there is none, or no such way."""
        if self._has_door and (self._door is None or not self._door.open):
            try:
                self._door = self.address.call(GetDoor(), self.timeout_s)
            except (ActorExitedError, CallTimeoutError):
                return None
            self._has_door = self._door is not None
        return self._door

    def submit_load(
        self,
        id: str,  # noqa: A002 -- as above
        version: str | int = LATEST,
        *,
        at: datetime | None = None,
        fall_back: bool = False,
    ) -> StateFuture[StoredState]:
        """Like `load`, but return a future at once; the state is unpacked by whoever asks for the result."""
        operation = _operations.load(self.config, id, version, at=at, fall_back=fall_back)
        return StateFuture(operation, self.address)

    def submit(self, message: Request) -> StateFuture[Any]:
        """Send any other message of `StateStore`, such as `DeleteState` or `Recover`, and return a future.

        Its result is the reply that the class of the message names. Messages are done in their order.
        """
        return StateFuture(_operations.ask(message), self.address)

    def delete(
        self,
        id: str,  # noqa: A002 -- as above
        *,
        expected: int | StoredVersion | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> StoredVersion:
        """Delete an id, by a version that says so: those before it can still be loaded and recovered.

        `prune` removes them for good.

        Raises:
            VersionNotFoundError: it was never saved.
            StateDeletedError: it is deleted already.
            VersionConflictError: the newest version is not the expected one.
        """
        return self.run(_operations.delete(id, expected=expected, metadata=metadata))

    def list_versions(
        self,
        id: str,  # noqa: A002 -- as above
        *,
        limit: int = DEFAULT_LIMIT,
        before: int | None = None,
    ) -> list[StoredVersion]:
        """Return versions of an id, the newest first, deletions among them; none if it was never saved.

        Args:
            id: whose.
            limit: at most that many, 1 to 10,000.
            before: only those with a smaller revision; for the next page.

        Raises:
            DamagedVersionError: one of them is damaged; `verify` names all that are.
        """
        result: list[StoredVersion] = self.run(
            _operations.ask(ListVersions(id=id, limit=limit, before=before))
        )
        return result

    def list_ids(self, *, deleted: bool = False) -> list[str]:
        """Return the ids that have a state, or those that are deleted, sorted."""
        return self.run(_operations.all_ids(deleted=deleted))

    def migrate(
        self,
        id: str,  # noqa: A002 -- as above
        goal: str,
        *,
        start: str | None = None,
        dry_run: bool = False,
    ) -> MigratedState:
        """Bring the newest state of an id to another schema version, and save it as a new version.

        The steps of the store's `migrations` run in this thread, and nothing is saved unless all succeed.

        Args:
            id: whose.
            goal: the schema version to reach.
            start: the one the state has; needed if none was given when it was saved.
            dry_run: save nothing.

        Raises:
            MigrationPathError: no steps lead there.
            MigrationFailedError: a step failed.
            VersionConflictError: somebody saved meanwhile.
            ConfigError: `start` is not known, or not the one that was saved.
        """
        return self.run(_operations.migrate(self.config, id, goal, start=start, dry_run=dry_run))

    # -- watching

    def watch(
        self,
        on_change: Callable[[StateChanged], object],
        id: str | None = None,  # noqa: A002 -- as above
    ) -> Callable[[], None]:
        """Call a function for each change of an id, or of all, that comes after this.

        Args:
            on_change: called in the store's thread, so it has to be quick, and cannot ask the store anything.
                What other processes save is seen within `StoreConfig.poll_s`, or at once where the database
                tells. A store that is started again has no watchers.
            id: whose; None for all.

        Returns:
            A function that ends it.
        """
        number = self.address.call(Watch(id, on_change), self.timeout_s)

        def end() -> None:
            self.address.call(Unwatch(number), self.timeout_s)

        return end
