"""What SQLite's error codes mean for a store."""

from __future__ import annotations

import sqlite3
from typing import Final

from dspex_actors.state._storage_errors import (
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)

NAME: Final = "sqlite"
_PRIMARY: Final = 0xFF  # an extended code holds the primary one in its lowest byte

_KINDS: Final[dict[int, type[StorageError]]] = {
    sqlite3.SQLITE_BUSY: StorageBusyError,
    sqlite3.SQLITE_LOCKED: StorageBusyError,
    sqlite3.SQLITE_FULL: StorageFullError,
    sqlite3.SQLITE_CORRUPT: StorageDamagedError,
    sqlite3.SQLITE_NOTADB: StorageDamagedError,
    sqlite3.SQLITE_MISMATCH: StorageDamagedError,
    sqlite3.SQLITE_CANTOPEN: StorageUnavailableError,
    sqlite3.SQLITE_IOERR: StorageUnavailableError,
}


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether others hold a lock."""
    return _KINDS.get(_code(error)) is StorageBusyError


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY


def converted(error: sqlite3.Error, operation: str, *, written: bool | None = False) -> StorageError:
    """Return the store's error for one of SQLite's."""
    kind = _KINDS.get(_code(error), StorageError)
    text = str(error)
    name = getattr(error, "sqlite_errorname", None)
    return kind(NAME, operation, f"{text} ({name})" if name else text, written=written)
