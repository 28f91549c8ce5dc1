"""The few C library calls that confinement needs, with errno turned into OSError."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_capset = _libc.capset  # looked up before any fork
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
_libc.mount.argtypes = (*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
# Looked up before any fork. The one that keeps the interpreter's lock is for calls that make a process.
_setns = _libc.setns
_holding = ctypes.PyDLL(None, use_errno=True)
_holding.syscall.restype = ctypes.c_long

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_M_ARENA_MAX = -8
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2

_CLONE = {"x86_64": 56, "aarch64": 220}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_AT_RECURSIVE = 0x8000

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


def drop_capabilities(*, kept: int = 0) -> None:
    """Give up every capability, for good.

    Args:
        kept: but for these, a bit set of those below 32.

    Raises:
        OSError: the kernel refused.
    """
    _libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    check(_capset(_CAPABILITY_HEADER, struct.pack("6I", kept, kept, 0, 0, 0, 0)), "capset")


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


def unshare(flags: int) -> None:
    """Move the calling process into new namespaces, by their CLONE_NEW* flags.

    Raises:
        OSError: the kernel refused.
    """
    check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(descriptor: int, flags: int) -> None:
    """Enter namespaces of the process behind a pidfd; a pid namespace is entered by later children.

    Raises:
        OSError: the kernel refused.
    """
    check(_setns(descriptor, flags), "setns")


def fork_with(flags: int) -> int:
    """Fork with CLONE_* flags; return the child's process id, 0 in the child.

    The C library has no call for it, so the interpreter is told by hand. The child must not start threads.

    Raises:
        OSError: the kernel refused, or the architecture is not one we know.
    """
    number = _CLONE.get(platform.machine())
    if number is None:
        raise OSError(38, f"no clone number for this architecture ({platform.machine()})")
    arguments = [ctypes.c_long(argument) for argument in (number, flags | signal.SIGCHLD, 0, 0, 0, 0)]
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = int(_holding.syscall(*arguments))
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    code = ctypes.get_errno()
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(code, f"clone: {os.strerror(code)}")
    return pid


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, or bind a path to another one.

    Raises:
        OSError: the kernel refused.
    """
    texts = [os.fsencode(text) for text in (source, target, kind, options)]
    check(_libc.mount(*texts[:3], flags, texts[3]), f"mount on {target}")


def unmount(target: str) -> None:
    """Take a mount and all below it out of sight; it ends with its last user.

    Raises:
        OSError: the kernel refused.
    """
    check(_libc.umount2(os.fsencode(target), _MNT_DETACH), f"umount of {target}")


def restrict_mounts(target: str, attributes: int) -> None:
    """Add MS_RDONLY, MS_NOSUID or MS_NODEV to a mount and all below it.

    Raises:
        OSError: the kernel refused.
    """
    at_any = ctypes.c_int(-100)
    request = struct.pack("QQQQ", attributes, 0, 0, 0)  # the flags' values are those of mount(2)
    syscall(_MOUNT_SETATTR, at_any, os.fsencode(target), _AT_RECURSIVE, request, len(request))


def pivot_root(new_root: str) -> None:
    """Make a mount the root of this mount namespace, and let go of the old one.

    Raises:
        OSError: the kernel refused.
    """
    os.chdir(new_root)
    syscall(_PIVOT_ROOT[platform.machine()], b".", b".")
    unmount(".")  # the old root lies on top of the new one
    os.chdir("/")
