"""Which system calls a worker may make.

Two filters stack. The bulk filter is loaded once by the zygote and inherited: it takes away what neither the
zygote nor a worker needs. The worker's own small filter comes last and takes away what the zygote still
needed: starting processes and namespaces, mounting, and signals to anybody but itself.
"""

from __future__ import annotations

import ctypes
import struct
from enum import Enum
from typing import NamedTuple

from dspex_actors.workers.confine import _libc
from dspex_actors.workers.confine._bpf import (
    ASK,
    Refuse,
    RefuseFlags,
    RefuseUnless,
    RefuseUnlessAll,
    RefuseValues,
    Rule,
    program,
)
from dspex_actors.workers.confine._syscalls import AUDIT_ARCH, FIRST_UNKNOWN, machine, number

_SET_MODE_FILTER, _GET_ACTION_AVAIL = 1, 2
_NEW_LISTENER = 1 << 3
_USER_NOTIF = 0x7FC00000
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_EPERM, _ENOMEM, _ENOSYS, _ENOTSUP = 1, 12, 38, 95
_MAP_SHARED_ANONYMOUS = 0x01 | 0x20

_TRUNCATE_ABI = 3  # the first Landlock that knows the call
_CLONE_THREAD = 0x00010000
_CLONE_NEW = 0x7E020000 | 0x80  # every CLONE_NEW* flag, time namespaces included

_SOCK_STREAM, _SOCK_TYPE_MASK = 1, 0xF
_AF_INET, _AF_INET6, _IPPROTO_TCP = 2, 10, 6
_PR_SET_PDEATHSIG, _PR_SET_MM = 1, 35
_TERMINAL_AND_SIGNAL_IOCTLS = (0x5412, 0x541C, 0x8901, 0x8902)  # TIOCSTI TIOCLINUX FIOSETOWN SIOCSPGRP
# FS_IOC_SETFLAGS (and its 32-bit form), FSSETXATTR, ENABLE_VERITY, SET_ENCRYPTION_POLICY, SETFSLABEL,
# FIDEDUPERANGE: they change a file that is only open for reading, if its owner asks.
_FILE_FLAG_IOCTLS = (0x40086602, 0x40046602, 0x401C5820, 0x40806685, 0x800C6613, 0x41009432, 0xC0189436)
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY = 8, 10, 15, 1024, 1026
_SO_PEERPIDFD = 77
_SO_SNDBUF, _SO_RCVBUF = 7, 8

# Other processes, the kernel, the clock, identities, mounts, devices: nothing a guest computes with.
_REFUSED = """
acct add_key adjtimex bpf chroot clock_adjtime clock_settime delete_module fanotify_init fanotify_mark
finit_module fsconfig fsmount fsopen fspick init_module inotify_add_watch inotify_init inotify_init1
io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
lookup_dcookie mbind migrate_pages mknod mknodat modify_ldt mount_setattr move_mount move_pages
mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd
name_to_handle_at open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root
process_madvise process_mrelease process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot
request_key semctl semget semop semtimedop set_mempolicy setdomainname setfsgid setfsuid setgid setgroups
sethostname setpriority setregid setreuid settimeofday setuid shmat shmctl shmget swapoff swapon sysfs syslog
umount2 unshare userfaultfd ustat vhangup ioprio_set sched_setattr sched_setparam sched_setscheduler
sched_setaffinity
""".split()
# Still needed on the way: for scratch folders, pid namespaces and users of their own.
_REFUSED_TO_WORKERS = "mount setns setresgid setresuid".split()
_NETWORK = "socket connect accept accept4 bind listen".split()
_OWNERSHIP = "chown fchown fchownat lchown".split()
# Landlock does not know these: without a filter the guest could change the mode or times of any file of its
# user. They do nothing and succeed, as on a FAT volume mounted `quiet`, so that shutil.copy works in the
# scratch folder.
_MODES_AND_TIMES = "chmod fchmod fchmodat utime utimes utimensat futimesat".split()
_ATTRIBUTES = "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr".split()
_NOT_IMPLEMENTED = ["memfd_create", "memfd_secret"]  # memory that no limit counts


class Sockets(Enum):
    """Which sockets guests may have besides pairs of their own."""

    NONE = "none"
    STREAMS = "streams"  # TCP over both families of the Internet
    INTERNET = "internet"  # of both families and all kinds


_TCP_ONLY = RefuseUnlessAll(
    (
        RefuseUnless(0, (_AF_INET, _AF_INET6)),
        RefuseUnless(1, (_SOCK_STREAM,), mask=_SOCK_TYPE_MASK),
        RefuseUnless(2, (0, _IPPROTO_TCP)),
    )
)


def bulk_rules(sockets: Sockets = Sockets.NONE) -> dict[str, Rule]:
    """Return the rules that hold for the zygote and all its workers, by call name.

    Args:
        sockets: which ones guests may have.
    """
    rules: dict[str, Rule] = dict.fromkeys([*_REFUSED, *_NETWORK, *_OWNERSHIP], Refuse())
    rules.update(dict.fromkeys(_ATTRIBUTES, Refuse(_ENOTSUP)))
    rules.update(dict.fromkeys(_NOT_IMPLEMENTED, Refuse(_ENOSYS)))
    rules["clone3"] = Refuse(
        _ENOSYS
    )  # its flags are out of a filter's sight; the C library falls back to clone
    rules["clone"] = RefuseFlags(forbidden=_CLONE_NEW)
    if sockets is not Sockets.NONE:
        rules = {name: rule for name, rule in rules.items() if name not in _NETWORK}
        rules["socket"] = _TCP_ONLY if sockets is Sockets.STREAMS else RefuseUnless(0, (_AF_INET, _AF_INET6))
    if sockets is Sockets.STREAMS:
        # Guests have both ends and can fill what lies in between: the kernel's own measure has to do.
        rules["setsockopt"] = RefuseValues(2, (_SO_SNDBUF, _SO_RCVBUF), errno=0)
    # A datagram pair could still be aimed at other sockets by address.
    rules["socketpair"] = RefuseUnless(1, (_SOCK_STREAM,), mask=_SOCK_TYPE_MASK)
    rules["ioctl"] = RefuseValues(1, (*_TERMINAL_AND_SIGNAL_IOCTLS, *_FILE_FLAG_IOCTLS))
    # Asynchronous I/O signals may be aimed at any process of the same user; a lease holds up its writers.
    rules["fcntl"] = RefuseValues(1, (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY))
    rules["getsockopt"] = RefuseValues(2, (_SO_PEERPIDFD,))  # a descriptor of the host's process
    return rules


class Rights(NamedTuple):
    """What a worker need not be refused.

    Attributes:
        landlock_abi: what Landlock covers.
        own_root: there is nothing of the host's that it could change by mode or time.
        start: it may start processes and programs.
        signal: signals reach nobody but what it has started.
        own_pids: there is no process id but its own and those of what it has started.
        ask: to start a copy of itself, and to send a signal, it has to ask its keeper.
    """

    landlock_abi: int = 0
    own_root: bool = False
    start: bool = False
    signal: bool = False
    own_pids: bool = False
    ask: bool = False


def worker_rules(pid: int, rights: Rights = Rights()) -> dict[str, Rule]:  # noqa: B008 -- a tuple
    """Return the rules that a worker adds for itself, by call name.

    Args:
        pid: its own process id; signals and limits may name no other.
        rights: what need not be refused.
    """
    rules: dict[str, Rule] = dict.fromkeys(_REFUSED_TO_WORKERS, Refuse())
    otherwise = ASK if rights.ask else _EPERM
    if not rights.start:
        rules.update(dict.fromkeys(["fork", "vfork", "execve", "execveat"], Refuse()))
        rules["clone"] = RefuseFlags(forbidden=_CLONE_NEW, demanded=_CLONE_THREAD, errno=otherwise)
    if not rights.own_root:
        rules.update(dict.fromkeys(_MODES_AND_TIMES, Refuse(0)))
        if rights.landlock_abi < _TRUNCATE_ABI:
            rules["truncate"] = Refuse()
    if not (rights.start and rights.signal):
        for name in ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"):
            rules[name] = RefuseUnless(0, (pid,), errno=otherwise)
        for name in ("tkill", "pidfd_send_signal"):
            rules[name] = Refuse()
    if rights.start and rights.own_pids:
        rules["prlimit64"] = RefuseValues(0, (_FIRST_PID,))
    else:
        rules["prlimit64"] = RefuseUnless(0, (0, pid))
        rules["pidfd_open"] = Refuse()  # Landlock keeps signals from the host, not a descriptor of it
    # RLIMIT_DATA does not count shared anonymous memory.
    rules["mmap"] = RefuseValues(3, (_MAP_SHARED_ANONYMOUS,), mask=_MAP_SHARED_ANONYMOUS, errno=_ENOMEM)
    rules["prctl"] = RefuseValues(0, (_PR_SET_PDEATHSIG, _PR_SET_MM))
    return rules


def assemble(rules: dict[str, Rule], *, arch: str | None = None, first_unknown: int | None = None) -> bytes:
    """Turn rules by name into a program for an architecture, this machine's by default.

    Raises:
        OSError: there is no table for the architecture.
    """
    arch = arch or machine()
    if arch not in AUDIT_ARCH:
        raise OSError(_ENOSYS, f"no system call table for this architecture ({arch})")
    numbered = {number(name, arch): rule for name, rule in rules.items()}
    known = {at: rule for at, rule in numbered.items() if at is not None}
    return program(known, audit_arch=AUDIT_ARCH[arch], first_unknown=first_unknown)


_FIRST_PID = 1  # the worker's keeper, in a pid namespace of its own
_ANY_PID = 0x7FFFFFFE  # larger than any process id; stands for the worker's own in the prepared filter


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


class Filter:
    """An assembled program, ready to be loaded.

    Assembling and wrapping takes longer than loading, so the zygote does it once for all its workers.

    Args:
        code: the program.
    """

    def __init__(self, code: bytes) -> None:
        self._buffer = ctypes.create_string_buffer(code, len(code))
        self._program = _Program(len(code) // 8, ctypes.addressof(self._buffer))
        self._reference = ctypes.byref(self._program)
        self._call = _SECCOMP[machine() or ""]
        marker = struct.pack("I", _ANY_PID)
        self._pid_at = [at for at in range(4, len(code), 8) if code[at : at + 4] == marker]

    def load(self, pid: int = 0) -> None:
        """Apply it to the calling thread, for good. Needs no_new_privs.

        Args:
            pid: the process id that the worker's rules are about.

        Raises:
            OSError: the kernel refused.
        """
        self._load(pid, 0)

    def load_with_listener(self, pid: int) -> int:
        """Like `load`; return the descriptor on which another process is asked, see `_notify`."""
        return self._load(pid, _NEW_LISTENER)

    def _load(self, pid: int, flags: int) -> int:
        for at in self._pid_at:
            struct.pack_into("I", self._buffer, at, pid)
        return _libc.syscall(self._call, _SET_MODE_FILTER, flags, self._reference)


def need_listeners() -> None:
    """Make sure that a filter can have another process asked.

    Raises:
        OSError: the kernel is too old.
    """
    call = _SECCOMP.get(machine() or "")
    if call is None:
        raise OSError(_ENOSYS, f"no system call table for this architecture ({machine()})")
    _libc.syscall(call, _GET_ACTION_AVAIL, 0, ctypes.byref(ctypes.c_uint32(_USER_NOTIF)))


def bulk_filter(sockets: Sockets = Sockets.NONE) -> Filter:
    """Return the zygote's filter.

    Args:
        sockets: as for `bulk_rules`.

    Raises:
        OSError: there is no table for this architecture.
    """
    return Filter(assemble(bulk_rules(sockets), first_unknown=FIRST_UNKNOWN))


def worker_filter(rights: Rights) -> Filter:
    """Return the worker's filter; `load` it with the worker's process id.

    Args:
        rights: what workers need not be refused.

    Raises:
        OSError: there is no table for this architecture.
    """
    return Filter(assemble(worker_rules(_ANY_PID, rights)))
