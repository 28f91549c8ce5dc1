"""Namespaces that a zygote enters once and its workers inherit: user, network, mount, ipc and uts.

Pid namespaces are another matter, see `_nannies`.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from dspex_actors.workers.confine import _libc, _users

if TYPE_CHECKING:
    from collections.abc import Collection

_UNSHARED = {
    "user_namespace": _users.NEW_USER_NAMESPACE,
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


def enter(disabled: Collection[str], first_user: int | None) -> dict[str, str]:
    """Leave the host's namespaces as far as this machine lets us; runs in the zygote, once.

    Args:
        disabled: layers to leave out.
        first_user: of the range of users for guests; None if there is none.

    Returns:
        Reason by layer name, for those that could not be left. The pid namespace is not among them; the
        process limit is, if the range cannot be had.
    """
    missing = {}
    for layer, flag in _UNSHARED.items():
        if layer in disabled:
            missing[layer] = _SWITCHED_OFF
            continue
        try:
            if flag != _users.NEW_USER_NAMESPACE:
                _libc.unshare(flag)
                continue
            try:
                _enter_user_namespace(first_user)
            except OSError as error:
                if first_user is None:
                    raise
                missing["process_limit"] = f"no users for guests: {error}"
                _enter_user_namespace(None)
        except OSError as error:
            missing[layer] = _why(error, missing)
    if "uts_namespace" not in missing:
        socket.sethostname(HOST_NAME)
    return missing


def _why(error: OSError, missing: dict[str, str]) -> str:
    """Say why a namespace could not be had."""
    if error.errno == errno.EPERM and missing.get("user_namespace"):
        return f"{error}; without a user namespace it takes CAP_SYS_ADMIN"
    if error.errno == errno.ENOSPC:
        return f"{error}; the limit in /proc/sys/user is reached"
    return str(error)


def _enter_user_namespace(first_user: int | None) -> None:
    """Enter a user namespace, after a child has found that it gives rights.

    Raises:
        OSError: the kernel refused.
    """

    def try_rights() -> None:
        _users.enter_namespace(first_user)
        _libc.unshare(_UNSHARED["uts_namespace"])

    _users.rehearse(try_rights)
    _users.enter_namespace(first_user)
