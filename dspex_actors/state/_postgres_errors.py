"""What Postgres's error codes mean for a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dspex_actors.state._storage_errors import (
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    import psycopg

NAME: Final = "postgres"

# By the whole code, or by its class, the first two characters.
_KINDS: Final[dict[str, type[StorageError]]] = {
    "08": StorageUnavailableError,  # connection exception
    "25006": StorageUnavailableError,  # a server that only reads: a standby, or one that has been demoted
    "40001": StorageBusyError,  # could not serialize
    "40P01": StorageBusyError,  # deadlock
    "53100": StorageFullError,  # disk full
    "53200": StorageUnavailableError,  # out of memory
    "53300": StorageUnavailableError,  # too many connections
    "55P03": StorageBusyError,  # lock not available
    "57014": StorageBusyError,  # canceled by statement_timeout
    "57P": StorageUnavailableError,  # shutdown, crash, starting up
    "58030": StorageUnavailableError,  # I/O error
    "XX001": StorageDamagedError,  # data corrupted
    "XX002": StorageDamagedError,  # index corrupted
    "22021": StorageDamagedError,  # bytes that are no text in the encoding
    "42703": StorageDamagedError,  # a column is missing
    "42P01": StorageDamagedError,  # a table is missing
}

FOREIGN_KEY: Final = "23503"
"""Somebody removed what a snapshot was to name, or the other way round."""


def kind_of(code: str) -> type[StorageError]:
    """Return the error for a code (SQLSTATE)."""
    return _KINDS.get(code) or _KINDS.get(code[:3]) or _KINDS.get(code[:2]) or StorageError


def converted(
    error: psycopg.Error, operation: str, *, lost: bool, written: bool | None = False
) -> StorageError:
    """Return the store's error for one of psycopg's.

    Args:
        error: what happened.
        operation: what was to be done.
        lost: whether the connection is of no use any more.
        written: what is known if it is lost. A server that answers has rolled back.
    """
    code = error.sqlstate or ""
    text = str(error).strip().partition("\n")[0] or type(error).__name__
    reason = f"{text} ({code})" if code else text
    if not lost:
        kind = kind_of(code)
        # What is lost is told by `lost` alone: the connection that brought this answer goes on.
        return kind(NAME, operation, reason)
    if code.startswith("28"):  # who we are was not accepted
        return StorageError(NAME, operation, reason)
    return StorageUnavailableError(NAME, operation, reason, written=written)
