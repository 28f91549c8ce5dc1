"""Landlock: which files, ports and peers a worker can reach, enforced by the kernel without privileges.

A ruleset is built once, as a descriptor, and applied by each worker to itself; applying costs a fraction of
building. See landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _libc

if TYPE_CHECKING:
    from collections.abc import Iterable

# The numbers are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV = 1 << 14, 1 << 15
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV

# Number of file rights each ABI knows; later ones add none to the file set that we use.
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_NETWORK_ABI, SCOPE_ABI = 4, 6
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3


def abi() -> int:
    """Return the kernel's Landlock ABI version, 0 where there is none."""
    try:
        return _libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def build(
    *,
    read: Iterable[str] = (),
    listed: Iterable[str] = (),
    write: Iterable[str] = (),
    devices: Iterable[str] = (),
    run_programs: bool = False,
    open_network: bool = False,
) -> int:
    """Build a ruleset and return its descriptor, close-on-exec.

    Args:
        listed: folders that may be listed, with all below them, though their files may not be read.
        read: files and folders that may be read, with all below them.
        write: folders that may also be written.
        devices: device files that may be read and written.
        run_programs: whether what may be read or written may be executed as well.
        open_network: whether ports may be bound and connected to.

    Raises:
        OSError: the kernel has no Landlock, or refused. Paths that do not exist are left out.
    """
    version = abi()
    handled = (1 << _RIGHTS_OF_ABI[min(max(version, 1), 5)]) - 1
    network = _BIND_AND_CONNECT_TCP if version >= _NETWORK_ABI and not open_network else 0
    scope = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= SCOPE_ABI else 0
    size = 24 if version >= SCOPE_ABI else 16 if version >= _NETWORK_ABI else 8
    attributes = struct.pack("QQQ", handled, network, scope)[:size]
    ruleset = _libc.syscall(_CREATE_RULESET, attributes, size, 0)
    run = EXECUTE if run_programs else 0
    try:
        for paths, rights in (
            (listed, READ_DIR),
            (read, READ_FILE | READ_DIR | run),
            (write, handled & ~EXECUTE & ~IOCTL_DEV | run),
            (devices, READ_FILE | WRITE_FILE),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
    except OSError:
        os.close(ruleset)
        raise
    return ruleset


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Add one path to a ruleset."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not there, or out of our own reach: the guest will not reach it either
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor))
        _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def restrict_self(ruleset: int) -> None:
    """Apply a ruleset to the calling thread, for good. Needs no_new_privs.

    Raises:
        OSError: the kernel refused.
    """
    _libc.syscall(_RESTRICT_SELF, ruleset, 0)
