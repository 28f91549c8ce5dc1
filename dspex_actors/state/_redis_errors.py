"""What the errors of Redis and of its client mean for a store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dspex_actors.state._storage_errors import (
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    import redis

NAME: Final = "redis"

# The code of an error, which a script's error has somewhere in its text. One that a server in this state
# gives for every change; none of them comes after a script of ours has changed something that can be seen.
_KINDS: Final[dict[str, type[StorageError]]] = {
    "OOM": StorageFullError,
    "No space left on device": StorageFullError,  # before MISCONF, with which it comes
    "MISCONF": StorageUnavailableError,
    "READONLY": StorageUnavailableError,
    "LOADING": StorageUnavailableError,
    "MASTERDOWN": StorageUnavailableError,
    "CLUSTERDOWN": StorageUnavailableError,
    "TRYAGAIN": StorageUnavailableError,
    "NOREPLICAS": StorageUnavailableError,
    "BUSY": StorageBusyError,
    "WRONGTYPE": StorageDamagedError,
}
_CODES: Final = {code: re.compile(rf"\b{code}\b") for code in _KINDS}


def refused(error: redis.RedisError, operation: str) -> StorageError:
    """Return the store's error for an answer of the server that says no: nothing was written."""
    said = f"{_word_of(error)} {error}"
    kinds = (_KINDS[code] for code, word in _CODES.items() if word.search(said))
    return next(kinds, StorageError)(NAME, operation, str(error))


def _word_of(error: redis.RedisError) -> str:
    """Return the code that the client has taken out of the text of some errors."""
    import redis  # noqa: PLC0415 -- an optional dependency

    exceptions = redis.exceptions
    words = {
        exceptions.ReadOnlyError: "READONLY",
        exceptions.OutOfMemoryError: "OOM",
        exceptions.BusyLoadingError: "LOADING",
        exceptions.MasterDownError: "MASTERDOWN",
        exceptions.ClusterDownError: "CLUSTERDOWN",
        exceptions.TryAgainError: "TRYAGAIN",
    }
    return next((word for kind, word in words.items() if isinstance(error, kind)), "")


def lost(error: Exception, operation: str, *, written: bool | None) -> StorageError:
    """Return the store's error for a connection that is lost or could not be made."""
    import redis  # noqa: PLC0415 -- an optional dependency

    exceptions = redis.exceptions
    if isinstance(error, exceptions.BusyLoadingError):
        return StorageUnavailableError(NAME, operation, f"it is still loading: {error}")  # refuses everything
    if isinstance(error, exceptions.AuthenticationError):
        return StorageError(NAME, operation, f"it does not let us in: {error}")
    return StorageUnavailableError(NAME, operation, str(error) or type(error).__name__, written=written)
