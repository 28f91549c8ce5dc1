"""The place of a control socket: a folder that nobody else can enter, and a lock that says whose it is."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from dspex_actors._errors import ConfigError
from dspex_actors.control._peers import check_supported

WAITING: Final = 16  # connections that wait until they are accepted; more find the socket busy
_OTHERS: Final = 0o077


class ControlPlace:
    """A listening socket at a path, until `close`. Made by `take`.

    Beside it lies `PATH.lock`. Who holds the kernel's lock on that file owns the path; the lock ends with
    its process, however that ends, so a socket without it is a left-over and is replaced.
    """

    def __init__(self, path: str, lock: int, listener: socket.socket) -> None:
        self.path = path
        self.listener = listener
        self._lock = lock

    @classmethod
    def take(cls, path: str) -> ControlPlace:
        """Make the folder if it is not there, replace a socket that was left over, and listen.

        Raises:
            ConfigError: another runtime has the path, others can enter its folder, or something else
                is there.
            OSError: the machine has no room for it.
        """
        check_supported(path)
        _check_folder(path)
        lock = _locked(path)
        try:
            _remove_left_over(path)
            listener = _listening(path)
        except BaseException:
            _unlock(path, lock)
            raise
        return cls(path, lock, listener)

    def close(self) -> None:
        """End listening and remove socket and lock."""
        self.listener.close()
        with suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108 -- a str, as bind has it
        _unlock(self.path, self._lock)


def _check_folder(path: str) -> None:
    folder = Path(path).parent
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.stat()
    except OSError as error:
        raise ConfigError(
            "control", path, f"a path in a folder that is there or can be made ({error.strerror})"
        ) from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        allowed = (
            f"a path in a folder that is yours alone (chmod 700); {folder} is of the user {found.st_uid}"
        )
        raise ConfigError("control", path, f"{allowed} and of mode {stat.S_IMODE(found.st_mode):o}")


def _locked(path: str) -> int:
    """Return a descriptor that holds the lock.

    Raises:
        ConfigError: somebody else holds it.
    """
    name = f"{path}.lock"
    while True:
        try:
            lock = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise ConfigError("control", path, f"a path with room for {name} ({error.strerror})") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            same = os.path.samestat(os.fstat(lock), os.stat(name))  # noqa: PTH116 -- as above
        except FileNotFoundError:
            same = False  # its owner has just ended, and removed it
        except OSError as error:
            holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip()
            os.close(lock)
            if error.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            raise ConfigError(
                "control", path, f"a path that no other runtime has; process {holder or 'unknown'} has it"
            ) from None
        if same:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
            return lock
        os.close(lock)


def _unlock(path: str, lock: int) -> None:
    with suppress(OSError):
        os.unlink(f"{path}.lock")  # noqa: PTH108 -- as above
    os.close(lock)


def _remove_left_over(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError("control", path, "a path at which nothing is, or a socket that was left over")
    os.unlink(path)  # noqa: PTH108 -- as above


def _listening(path: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        os.chmod(path, 0o600)  # noqa: PTH101 -- as above; nobody can connect before it listens
        listener.listen(WAITING)
    except BaseException:
        listener.close()
        raise
    return listener
