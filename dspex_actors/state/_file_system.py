"""The backend that needs nothing but a folder: a file for each version, written once and never changed.

    folder/DSPEX-STATES      what this folder is
    folder/ids/NAME/0000000000000001, ...   versions; NAME stands for the id
    folder/snapshots/NAME    snapshots
    folder/tmp/              files that are being written

Writers of one id exclude each other by a lock on its folder, which ends with its holder, however that ends.
Readers take no lock. The folder has to be on a disk of this machine.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dspex_actors._checks import check_seconds, check_switch
from dspex_actors._errors import ConfigError
from dspex_actors.serialization import sweep
from dspex_actors.state._backend import Capability
from dspex_actors.state._storage_errors import (
    StorageBusyError,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageMissingError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dspex_actors.state._file_storage import FileStorage

NAME: Final = "file_system"
_MARK: Final = "DSPEX-STATES"
_FORMAT: Final = b"states of dspex_actors, in files of version 1\n"
_FOLDERS: Final = ("ids", "snapshots", "tmp")
_MODE: Final = 0o700
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_GONE: Final = frozenset({errno.EIO, errno.ENOENT, errno.ESTALE, errno.ENODEV, errno.ENOTDIR, errno.EMFILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """Keeps states in files of a folder.

    Attributes:
        path: the folder; made, for its owner alone, if it is not there.
        flush: wait for the disk at each save. Without that, an acknowledged save survives that the process is
            killed, but a loss of power may take or damage the last ones; what is damaged is found.
        busy_timeout_s: how long to wait for other writers before `StorageBusyError`.
        create: make what is not there. False: `open` raises `StorageMissingError` then, and leaves no folder.

    Raises:
        ConfigError: a setting is wrong.
    """

    path: str | Path
    flush: bool = True
    busy_timeout_s: float = 30.0
    create: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | Path) or not str(self.path):
            raise ConfigError("FileSystem.path", self.path, "a path")
        check_switch("FileSystem.flush", self.flush)
        check_switch("FileSystem.create", self.create)
        check_seconds("FileSystem.busy_timeout_s", self.busy_timeout_s)

    @property
    def name(self) -> str:
        """`file_system`."""
        return NAME

    @property
    def capabilities(self) -> frozenset[Capability]:
        """It is durable and shared by the processes of one machine; it has no transactions."""
        return frozenset({Capability.DURABLE, Capability.SHARED, Capability.READS_AT_ONCE})

    def open(self) -> FileStorage:
        """Return a storage on the folder, after removing what dead writers left.

        Raises:
            StorageMissingError: there is no store in the folder, and it is not to be made.
            StorageError: the folder cannot be used, or holds something else.
        """
        from dspex_actors.state._file_storage import FileStorage  # noqa: PLC0415 -- it uses what stands below

        folder = Path(self.path)
        with translated("open"):
            if not self.create and not (folder / _MARK).exists():
                raise StorageMissingError(NAME, "open", f"there is no store in {folder}")
            _make(folder)
            sweep(folder / "tmp")
        return FileStorage(self, folder)


def _make(folder: Path) -> None:
    """Make what is missing in the folder.

    Raises:
        StorageDamagedError: it holds something else.
    """
    folder.mkdir(mode=_MODE, exist_ok=True)
    mark = folder / _MARK
    if not mark.exists() and any(path.name not in _FOLDERS for path in folder.iterdir() if path != mark):
        raise StorageDamagedError(NAME, "open", f"{folder} is a folder of something else")
    for name in _FOLDERS:
        (folder / name).mkdir(mode=_MODE, exist_ok=True)
    try:
        found = mark.read_bytes()
    except FileNotFoundError:
        found = b""
    if not found:  # new, or made by somebody who was killed while he made it, or is about to write the same
        mark.write_bytes(_FORMAT)
        for path in (folder, folder.parent):
            flush_folder(path)
    elif found != _FORMAT:
        raise StorageDamagedError(NAME, "open", f"{mark} says that it is not in files of version 1")


def flush_folder(folder: Path) -> None:
    """Wait until the disk has the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(operation: str, *, written: bool | None = False) -> Iterator[None]:
    """Raise the store's error for one of the system's."""
    try:
        yield
    except OSError as error:
        raise from_os(error, operation, written=written) from error


def from_os(error: OSError, operation: str, *, written: bool | None) -> StorageError:
    """Return the store's error for one of the system's."""
    kind: type[StorageError] = StorageError
    if error.errno in _FULL:
        kind = StorageFullError
    elif error.errno in _GONE:
        kind = StorageUnavailableError
    where = f"{error.filename}: " if error.filename else ""
    return kind(NAME, operation, f"{where}{error.strerror or error}", written=written)


@contextmanager
def locked(folder: Path, timeout_s: float, operation: str) -> Iterator[None]:
    """Hold the lock of a folder; it ends with its holder, however that ends.

    Raises:
        StorageBusyError: others held it for too long.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + timeout_s
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                reason = f"others held the lock of {folder} for {timeout_s:g} s"
                raise StorageBusyError(NAME, operation, reason)
            threading.Event().wait(random.uniform(0.0002, 0.002))  # noqa: S311 -- so that not all wake at once
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
