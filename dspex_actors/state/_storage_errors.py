"""What can go wrong between a store and its database, by what the caller should do about it."""

from __future__ import annotations

from typing import Final

from dspex_actors.state._errors import StateError

_WRITTEN: Final[dict[bool | None, str]] = {
    False: "nothing was written",
    None: "it may have been written, or not",
}


class StorageError(StateError):
    """An operation of a backend failed.

    Attributes:
        backend: kind of the backend, for example `"sqlite"`.
        operation: what was to be done, for example `"append"`.
        reason: what happened, as text.
        written: False if it is certain that nothing was written, None if something may have been.
    """

    def __init__(self, backend: str, operation: str, reason: str, *, written: bool | None = False) -> None:
        super().__init__(backend, operation, reason)
        self.backend = backend
        self.operation = operation
        self.reason = reason
        self.written = written

    def _sentence(self) -> str:
        return f"{self.backend} could not {self.operation}: {self.reason}; {_WRITTEN[self.written]}"


class StorageUnavailableError(StorageError):
    """The database cannot be reached, or the connection was lost. It may be there again later."""


class StorageBusyError(StorageError):
    """Others kept the database locked for longer than the backend waits."""


class StorageFullError(StorageError):
    """There is no room left; what was stored before is intact."""


class StorageDamagedError(StorageError):
    """The database itself is damaged or not one of ours, so that it cannot be read."""


class StorageMissingError(StorageError):
    """There is no store there, and it was not to be made (`create=False`)."""


class StorageClosedError(StorageError):
    """It was closed before."""


class SnapshotExistsError(StateError):
    """There is a snapshot of this name, and snapshots do not change."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def _sentence(self) -> str:
        return f"there is a snapshot {self.name!r} already; drop it first or choose another name"
