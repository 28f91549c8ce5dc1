"""Keeping the low descriptors of a zygote free, which its workers arrange for themselves."""

from __future__ import annotations

import fcntl
import os
import socket

from dspex_actors.workers.confine import _descriptors

_FIRST_FREE_FD = 10


def stand_in() -> tuple[socket.socket, socket.socket]:
    """Reserve the descriptors that workers arrange; return the socket on theirs, and its other end."""
    ours, host = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    host = move_away(host.detach())
    ours = move_away(ours.detach())
    for reserved in (_descriptors.DATA_FD, _descriptors.RULESET_FD):
        os.dup2(ours.fileno(), reserved)
    ours.close()
    return socket.socket(fileno=_descriptors.DATA_FD), host


def move_away(descriptor: int) -> socket.socket:
    """Move a socket out of the low numbers."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_FD)
    os.close(descriptor)
    return socket.socket(fileno=moved)
