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
_CODE: Final = re.compile(r"\b(" + "|".join(_KINDS) + r")\b")


def refused(error: redis.RedisError, operation: str) -> StorageError:
    """Return the store's error for an answer of the server that says no: nothing was written."""
    text = str(error)
    code = _CODE.search(f"{_word_of(error)} {text}")
    kind = StorageError if code is None else _KINDS[code[1]]
    return kind(NAME, operation, text)


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
