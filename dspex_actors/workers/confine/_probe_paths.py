"""The trial of what a policy says about files of the host: read where it may, change nothing, see no more."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dspex_actors.workers.confine._view import View

# They exist and are readable for everybody on any Linux system; no policy can lend the second.
_HOST_FILES = ("/etc/passwd", "/proc/version")
_REFUSALS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT})


def file_outside(view: View) -> str:
    """Return a file of the host that no guest may read and that everybody else may."""
    first, other = _HOST_FILES
    return other if any(_covers(path, first) for path in view.lent) else first


def probe_host_paths(view: View) -> str:
    """Try to break what a policy says about files; runs in a confined worker.

    Args:
        view: what the worker may see.

    Returns:
        What was possible, or was not possible though it should be; empty if all is as it should be.
    """
    attempts = [("reading", _read, file_outside(view))]
    attempts += [("changing", _change, path) for path in [*view.read[:1], *view.lent]]
    for path in view.withheld:
        may_read = any(_covers(read, path) for read in view.read)
        attempts.append(("changing", _change, path) if may_read else ("reading", _read, path))
    for what, attempt, path in attempts:
        try:
            attempt(path)
        except OSError as error:
            if error.errno not in _REFUSALS:
                return f"{what} {path}: {error.strerror}"
        else:
            return f"{what} {path} was possible"
    for path in view.lent:
        try:
            _read(path)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}; its owner's permissions count as well"
    return ""


def _covers(above: str, path: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")


def _read(path: str) -> None:
    """Open a file, or list a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            with os.scandir(descriptor) as entries:
                next(entries, None)
    finally:
        os.close(descriptor)


def _change(path: str) -> None:
    """Open a file for writing, without doing it; make a file in a folder, and remove it at once."""
    if not stat.S_ISDIR(os.stat(path).st_mode):  # noqa: PTH116 -- the plain call, without pathlib's imports
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
        return
    name = f"{path}/.dspex-probe-{os.urandom(8).hex()}"
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    os.unlink(name)  # noqa: PTH108 -- as above
