"""Compiled programs, kept so that each is compiled once.

What is kept was made by a worker that compiled one program and ran nothing, and it is filed under a key that
the host has made from that program. It runs as native code, in workers alone.

Guarantees: a folder that others may write to is not used; a file that is not whole, or not ours, is not
returned and is removed. Two processes may share a folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

from dspex_actors._errors import ConfigError

MEMORY_BYTES = 128 * 2**20
"""What one cache keeps in memory; the program used longest ago is dropped first."""

FOLDER_BYTES = 2 * 2**30
"""What a folder keeps, in the same way."""

_MAGIC = b"dspex-build-2\n"
_DIGEST_BYTES = 32


class BuildCache:
    """See the module. Any thread may use it.

    Args:
        folder: where programs are kept beyond the end of this process; made if it is not there. None keeps
            them in memory alone.
        memory_bytes: what is kept in memory.
        folder_bytes: what is kept in the folder.

    Raises:
        ConfigError: the folder cannot be made, is not ours, or is open to others.
    """

    def __init__(
        self,
        folder: str | None = None,
        *,
        memory_bytes: int = MEMORY_BYTES,
        folder_bytes: int = FOLDER_BYTES,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._folder_bytes = folder_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._folder = None if folder is None else _own_folder(folder)

    def get(self, key: str) -> bytes | None:
        """Return the program of a key; None if there is none.

        Args:
            key: hexadecimal digits.
        """
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = None if self._folder is None else _read(self._folder / key)
        if found is not None:
            self._remember(key, found)
        return found

    def put(self, key: str, program: bytes) -> None:
        """Keep a program. A folder that takes no more, or is gone, is done without.

        Args:
            key: hexadecimal digits.
            program: compiled.
        """
        self._remember(key, program)
        if self._folder is not None:
            with suppress(OSError):
                _write(self._folder / key, program)
                _drop_oldest(self._folder, self._folder_bytes)

    def _remember(self, key: str, program: bytes) -> None:
        if len(program) > self._memory_bytes:
            return
        with self._lock:
            self._size += len(program) - len(self._kept.pop(key, b""))
            self._kept[key] = program
            while self._size > self._memory_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._size -= len(dropped)


def _own_folder(folder: str) -> Path:
    """Return a folder that only we can write to; made if it is not there.

    Raises:
        ConfigError: it is another's, or others may write to it.
    """
    path = Path(folder).expanduser()
    allowed = "a folder that is ours alone (mode 0700)"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise ConfigError("build_cache", folder, f"{allowed}: {error}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError("build_cache", folder, f"{allowed}, and no link or file")
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        seen = f"{folder} of user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o}"
        raise ConfigError("build_cache", seen, allowed)
    return path


def _read(path: Path) -> bytes | None:
    """Return what a file holds; None if there is none, and remove one that is not as we write them."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError:
        _remove(path)
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        private = stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()
        if not private or stat.S_IMODE(found.st_mode) & 0o077:
            _remove(path)
            return None
        content = file.read()
    start = len(_MAGIC) + _DIGEST_BYTES
    program = content[start:]
    if content[:start] != _MAGIC + hashlib.sha256(program).digest():
        _remove(path)
        return None
    with suppress(OSError):
        os.utime(path)  # the oldest is dropped first
    return program


def _remove(path: Path) -> None:
    """Remove what is no file of ours; a folder is left where it is."""
    with suppress(OSError):
        path.unlink()


def _write(path: Path, program: bytes) -> None:
    """Put a program into a file, which is there as a whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + hashlib.sha256(program).digest() + program)
        Path(name).rename(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _drop_oldest(folder: Path, most: int) -> None:
    """Remove the files that were used longest ago, until the rest fits.

    Raises:
        OSError: the folder cannot be read.
    """
    found = []
    for path in folder.iterdir():
        with suppress(OSError):  # another process has removed it
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    size = sum(each for _, each, _ in found)
    for _, each, path in sorted(found):
        if size <= most:
            return
        path.unlink(missing_ok=True)
        size -= each
