"""The durable backend of one machine: a SQLite file that several processes may use.

Writers take SQLite's lock at the beginning of a transaction (`BEGIN IMMEDIATE`): one that reads first and
then wants to write is refused at once when another one was quicker, whatever it would wait. Readers wait for
nobody (WAL). The folder has to be on a disk of this machine: locks over a network are not to be relied upon.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dspex_actors._checks import check_seconds, check_switch
from dspex_actors._errors import ConfigError
from dspex_actors.state._backend import Capability
from dspex_actors.state._sqlite_errors import NAME, converted, is_busy
from dspex_actors.state._sqlite_schema import APPLICATION_ID, STEPS, one
from dspex_actors.state._sqlite_storage import SqliteStorage
from dspex_actors.state._storage_errors import StorageDamagedError, StorageMissingError

_DURABILITY: Final = {"normal": "NORMAL", "full": "FULL"}
_RETRY_S: Final = 0.01  # only while a database is made: SQLite does not wait by itself there
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Sqlite:
    """Keeps states in a SQLite file.

    Attributes:
        path: the file; made, for its owner alone, if it is not there. Beside it lie `-wal` and `-shm`.
        durability: what an acknowledged save survives. `"normal"`: that the process is killed; a loss of
            power may take the last saves, and leaves the others whole. `"full"`: a loss of power too; each
            save then waits for the disk, many that are made at once only once.
        busy_timeout_s: how long to wait for other writers before `StorageBusyError`.
        create: make what is not there. False: `open` raises `StorageMissingError` then, and leaves no file.

    Raises:
        ConfigError: a setting is wrong.
    """

    path: str | Path
    durability: str = "normal"
    busy_timeout_s: float = 30.0
    create: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | Path):
            raise ConfigError("Sqlite.path", self.path, "a path")
        if str(self.path) in {"", ":memory:"} or str(self.path).startswith("file:"):
            raise ConfigError("Sqlite.path", str(self.path), "a file's path; in memory there is `Memory`")
        if self.durability not in _DURABILITY:
            raise ConfigError("Sqlite.durability", self.durability, "'normal' or 'full'")
        check_seconds("Sqlite.busy_timeout_s", self.busy_timeout_s)
        check_switch("Sqlite.create", self.create)

    @property
    def name(self) -> str:
        """`sqlite`."""
        return NAME

    @property
    def capabilities(self) -> frozenset[Capability]:
        """It is durable, shared by the processes of one machine, and has transactions."""
        return frozenset(
            {Capability.DURABLE, Capability.SHARED, Capability.TRANSACTIONS, Capability.READS_AT_ONCE}
        )

    def open(self) -> SqliteStorage:
        """Return a storage on the file.

        Raises:
            StorageError: the file cannot be opened, or is no such database, or not there and not to be made.
        """
        return SqliteStorage(_connect(self))


def _connect(settings: Sqlite) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    deadline = time.monotonic() + settings.busy_timeout_s
    try:
        _make_file(settings)
        connection = sqlite3.connect(
            f"{Path(settings.path).absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=settings.busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.text_factory = _text
        while True:
            try:
                _prepare(connection, settings)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
                time.sleep(_RETRY_S)
            else:
                return connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise converted(error, "open") from error
        if isinstance(error, OSError):
            unavailable = sqlite3.OperationalError(f"{settings.path}: {error.strerror}")
            unavailable.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise converted(unavailable, "open") from error
        raise


def _text(data: bytes) -> str:
    """Return a text also where it is damaged; whoever reads it checks it."""
    return data.decode(errors="replace")


def _make_file(settings: Sqlite) -> None:
    """Make the file if it is not there and may be made.

    Raises:
        StorageMissingError: it may not.
        OSError: it cannot.
    """
    if not settings.create:
        if not os.path.lexists(settings.path):
            raise _missing(settings.path)
        return
    with suppress(FileExistsError):
        os.close(os.open(settings.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, _MODE))


def _missing(path: str | Path) -> StorageMissingError:
    return StorageMissingError(NAME, "open", f"there is no store in {path}")


def _prepare(connection: sqlite3.Connection, settings: Sqlite) -> None:
    """Set the connection up, and the database if it is new or of an older release."""
    connection.execute(f"PRAGMA synchronous = {_DURABILITY[settings.durability]}")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if not _is_ours(connection) and not settings.create:  # before anything of it is changed
        raise _missing(settings.path)
    if _pragma(connection, "journal_mode") != "wal":
        connection.execute("PRAGMA journal_mode = WAL")
    if _is_ours(connection):
        version = _pragma(connection, "user_version")
        if version == len(STEPS):
            return
        if version > len(STEPS):
            reason = f"it is of version {version}, and this release knows versions up to {len(STEPS)}"
            raise StorageDamagedError(NAME, "open", reason)
    connection.execute("BEGIN IMMEDIATE")
    try:
        _upgrade(connection)
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether it has the tables of a store, False if it has none at all.

    Raises:
        StorageDamagedError: it has others.
    """
    if _pragma(connection, "application_id") == APPLICATION_ID:
        return True
    if not one(connection, "SELECT count(*) FROM sqlite_schema"):
        return False
    # Another process may have made both between the two looks, in one transaction: the id is there by now.
    if _pragma(connection, "application_id") != APPLICATION_ID:
        raise StorageDamagedError(NAME, "open", "it is a database of another program")
    return True


def _upgrade(connection: sqlite3.Connection) -> None:
    ours = _is_ours(connection)
    for version in range(_pragma(connection, "user_version") if ours else 0, len(STEPS)):
        for statement in STEPS[version]:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")


def _pragma(connection: sqlite3.Connection, name: str) -> Any:  # noqa: ANN401 -- whatever the pragma has
    return one(connection, f"PRAGMA {name}")
