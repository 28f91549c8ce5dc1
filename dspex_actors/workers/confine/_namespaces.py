"""Namespaces that a zygote enters once and its workers inherit: user, network, mount, ipc and uts.

Pid namespaces are another matter, see `_nannies`.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _libc

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

USER = 0x10000000
_UNSHARED = {
    "user_namespace": USER,
    "network_namespace": 0x40000000,
    "mount_namespace": 0x00020000,
    "ipc_namespace": 0x08000000,
    "uts_namespace": 0x04000000,
}
KINDS = {
    "user_namespace": "user",
    "pid_namespace": "pid",
    "network_namespace": "net",
    "mount_namespace": "mnt",
    "ipc_namespace": "ipc",
    "uts_namespace": "uts",
}
"""Layer name to the kernel's name of the namespace."""

HOST_NAME = "sandbox"
_SWITCHED_OFF = "switched off"


def identities(proc: int, process: int | str) -> dict[str, int]:
    """Return which namespaces a process is in, as numbers, by layer name.

    Args:
        proc: descriptor of the folder /proc.
        process: a process id, or `"self"`.

    Raises:
        OSError: they cannot be seen.
    """
    return {layer: os.stat(f"{process}/ns/{kind}", dir_fd=proc).st_ino for layer, kind in KINDS.items()}


def enter(disabled: Collection[str]) -> dict[str, str]:
    """Leave the host's namespaces as far as this machine lets us; runs in the zygote, once.

    Args:
        disabled: layers to leave out.

    Returns:
        Reason by layer name, for those that could not be left. The pid namespace is not among them.
    """
    missing = {}
    for layer, flag in _UNSHARED.items():
        if layer in disabled:
            missing[layer] = _SWITCHED_OFF
            continue
        try:
            if flag == USER:
                _rehearse(_enter_user)
                _enter_user()
            else:
                _libc.unshare(flag)
        except OSError as error:
            missing[layer] = _why(error, missing)
    if "uts_namespace" not in missing:
        socket.sethostname(HOST_NAME)
    return missing


def reaches_loopback() -> bool:
    """Whether a datagram to this machine itself would find its way; none is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
            loopback.connect(("127.0.0.1", 9))
    except OSError:
        return False
    return True


def _why(error: OSError, missing: dict[str, str]) -> str:
    """Say why a namespace could not be had."""
    if error.errno == errno.EPERM and missing.get("user_namespace"):
        return f"{error}; without a user namespace it takes CAP_SYS_ADMIN"
    if error.errno == errno.ENOSPC:
        return f"{error}; the limit in /proc/sys/user is reached"
    return str(error)


def _enter_user() -> None:
    """Enter a user namespace in which we have all rights and keep our own ids.

    Raises:
        OSError: the kernel refused, or gave a namespace without rights.
    """
    uid, gid = os.getuid(), os.getgid()
    _libc.unshare(USER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _rehearse(step: Callable[[], None]) -> None:
    """Try a step in a child first: one that fails half-way cannot be taken back.

    Raises:
        OSError: as the child saw it.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            step()
            _libc.unshare(_UNSHARED["uts_namespace"])  # has the new namespace any rights?
        except OSError as error:
            os.write(write, f"{error.errno} {error}".encode()[:4000])
        finally:
            os._exit(0)
    os.close(write)
    report = b""
    while part := os.read(read, 4096):
        report += part
    os.close(read)
    os.waitpid(pid, 0)
    if report:
        number, _, text = report.decode().partition(" ")
        raise OSError(int(number), text.partition("] ")[2] or text)
