"""Files that are there as a whole or not at all, whenever the writer is killed or the power goes.

A file is written under a temporary name in its folder, flushed to the disk, renamed, and then its folder is
flushed. The temporary file is locked while it is written, so that what a dead writer left can be told from
what a live one writes, without a clock.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dspex_actors.serialization._errors import TooLargeError, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY: Final = ".dspex-tmp"
_MODE: Final = 0o600


def write_file(path: str | Path, data: bytes, *, flush: bool = True, mode: int = _MODE) -> None:
    """Replace or make the file at `path`, so that a reader finds the old content or all of the new.

    Args:
        path: where to; its folder exists.
        data: the whole content.
        flush: wait until the disk has it. Without that, content that was written may be gone after a loss of
            power; it is still whole or not there.
        mode: permissions of a file that is made or replaced; for its owner alone by default.

    Raises:
        OSError: it cannot be written; what was there before still is, and nothing else is left behind.
    """
    target = Path(path)
    with _temporary(target, mode) as (descriptor, name):
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        if flush:
            os.fsync(descriptor)
        name.replace(target)
    if flush:
        _flush_folder(target.parent)


@contextmanager
def _temporary(target: Path, mode: int) -> Iterator[tuple[int, Path]]:
    """Open a locked temporary file beside the target, and remove it on failure."""
    descriptor, name = _open_locked(target, mode)
    try:
        yield descriptor, name
    except BaseException:
        with suppress(FileNotFoundError):
            name.unlink()
        raise
    finally:
        os.close(descriptor)


def _open_locked(target: Path, mode: int) -> tuple[int, Path]:
    while True:
        name = target.parent / f".{target.name[:100]}.{secrets.token_hex(8)}{TEMPORARY}"
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, name
        os.close(descriptor)  # a sweep took it for litter before it was locked


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_file(path: str | Path, most: int) -> bytes:
    """Return the content of a file of at most `most` bytes.

    Raises:
        TooLargeError: it has more; nothing was read then.
        TruncatedError: it became shorter while it was read.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise TooLargeError("stored_bytes", size, most)
        data = file.read(size)
    if len(data) < size:
        raise TruncatedError(size, len(data))
    return data


def sweep(folder: str | Path) -> list[Path]:
    """Remove the temporary files in a folder whose writers are dead, and return what they were.

    Raises:
        OSError: the folder cannot be read, or a file not be removed.
    """
    removed = []
    for name in sorted(Path(folder).glob(f".*{TEMPORARY}")):
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:  # its writer has renamed it meanwhile
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            name.unlink(missing_ok=True)
            removed.append(name)
        except BlockingIOError:  # its writer lives
            continue
        finally:
            os.close(descriptor)
    return removed
