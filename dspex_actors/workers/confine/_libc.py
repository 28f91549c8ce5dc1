"""The few C library calls that confinement needs, with errno turned into OSError."""

from __future__ import annotations

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_capset = _libc.capset  # looked up before any fork
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_M_ARENA_MAX = -8

_CAPABILITY_VERSION_3 = 0x20080522
_CAPABILITY_HEADER = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)


def check(result: int, what: str) -> int:
    """Return `result`, or raise the OSError that errno tells if it is negative.

    Raises:
        OSError: the call failed; the message starts with `what`.
    """
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def prctl(option: int, arg2: int = 0, arg3: int = 0) -> int:
    """Set or read a property of the calling process; section 2 of the manual has the options.

    Raises:
        OSError: the kernel refused.
    """
    result = _libc.prctl(option, arg2, arg3, 0, 0)
    return result if result >= 0 else check(result, f"prctl {option}")


def syscall(number: int, *args: object) -> int:
    """Make a system call that the C library may not wrap.

    Raises:
        OSError: the kernel refused.
    """
    converted = [ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args]
    return check(_libc.syscall(ctypes.c_long(number), *converted), f"syscall {number}")


def drop_bounding_set() -> None:
    """Give up, for this process and its children, what exec could ever grant.

    Possible only while CAP_SETPCAP is held; without it there is nothing to gain from it, since no_new_privs
    keeps exec from granting anything.
    """
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return


def drop_capabilities() -> None:
    """Give up every capability, for good.

    Raises:
        OSError: the kernel refused.
    """
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    check(_capset(_CAPABILITY_HEADER, bytes(24)), "capset")


def effective_capabilities() -> int:
    """Return this thread's effective capabilities as a bit set.

    Raises:
        OSError: the kernel refused.
    """
    header = ctypes.create_string_buffer(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), 8)
    data = ctypes.create_string_buffer(24)
    check(_libc.capget(header, data), "capget")
    low, _, _, high, _, _ = struct.unpack("6I", data.raw)
    return int(low) | int(high) << 32


def use_one_heap() -> None:
    """Let all threads of this process, and of its forks, allocate from one heap.

    glibc gives a thread one of its own, for which it reserves 64 MiB of address space: seven threads would
    use up what a guest may have by default. Any other C library is left as it is.
    """
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
