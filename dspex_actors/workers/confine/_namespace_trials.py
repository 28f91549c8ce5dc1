"""What would be possible in the host's namespaces, tried by the zygote after it has left them.

A worker could try none of it: its filter refuses the calls whatever the namespace is. So the process that its
namespaces are inherited from tries, before there is a filter.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from contextlib import suppress

from dspex_actors.workers.confine import _libc

_OF_NOBODY, _REMOVE, _LOOK = 0, 0, 2  # IPC_PRIVATE, IPC_RMID, IPC_STAT
_NULL_DEVICE = os.makedev(1, 3)
_SIZE = 4096
_libc_of_process = ctypes.CDLL(None, use_errno=True)
_libc_of_process.shmat.restype = ctypes.c_void_p
_libc_of_process.shmat.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_libc_of_process.shmdt.argtypes = (ctypes.c_void_p,)
_libc_of_process.shmctl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_void_p)


def reaches_loopback() -> bool:
    """Whether a datagram to this machine itself would find its way; none is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
            loopback.connect(("127.0.0.1", 9))
    except OSError:
        return False
    return True


def makes_devices(folder: str) -> bool:
    """Whether the null device can be made once more in a folder, which takes rights over the machine."""
    path = f"{folder}/probe"
    try:
        os.mknod(path, stat.S_IFCHR | 0o600, _NULL_DEVICE)
    except OSError:
        return False
    os.unlink(path)  # noqa: PTH108 -- pathlib is not loaded in a zygote
    return True


class SharedSegment:
    """A segment of System V shared memory of the ipc namespace that this process is in at its making.

    It is marked to be removed at once: it ends with this object, or with the process, and can be found by its
    number until then.
    """

    def __init__(self) -> None:
        self._id, self._address = -1, None
        with suppress(OSError):  # where there is no such memory, there is none to be reached
            self._id = _libc.check(_libc_of_process.shmget(_OF_NOBODY, _SIZE, 0o600), "shmget")
            self._address = _libc_of_process.shmat(self._id, None, 0)
            _libc.check(_libc_of_process.shmctl(self._id, _REMOVE, None), "shmctl")

    def is_found(self) -> bool:
        """Whether it can be found from the ipc namespace that this process is in now."""
        facts = ctypes.create_string_buffer(256)  # struct shmid_ds has 112 bytes
        return self._id >= 0 and _libc_of_process.shmctl(self._id, _LOOK, facts) == 0

    def close(self) -> None:
        """Let go of it."""
        if self._address is not None:
            _libc_of_process.shmdt(self._address)
            self._address = None
