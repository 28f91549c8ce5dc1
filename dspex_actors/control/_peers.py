"""Who is at the other end of a socket, as the kernel says it."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Final

from dspex_actors._errors import ConfigError

_CREDENTIALS: Final = struct.Struct("iII")
ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected, or that listens.

    Attributes:
        pid: its id, 0 if it is none that can be seen from here.
        uid: of its user, when it connected or began to listen.
    """

    pid: int
    uid: int


def check_supported(path: object) -> None:
    """Refuse a machine whose kernel does not tell who connects.

    Raises:
        ConfigError: it does not.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        raise ConfigError("control", path, "None here: only Linux says who connects to a socket")


def peer_of(connection: socket.socket) -> Peer:
    """Return who is at the other end.

    Raises:
        OSError: nobody is.
    """
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(data)
    return Peer(pid, uid)


def may_ask(peer: Peer, own_uid: int) -> bool:
    """Return whether a client may ask a runtime of the user `own_uid`: that user and root may."""
    return peer.uid in {own_uid, ROOT}


def may_answer(peer: Peer, own_uid: int) -> bool:
    """Return whether a client of the user `own_uid` trusts who listens: that user or root, and root all."""
    return peer.uid in {own_uid, ROOT} or own_uid == ROOT
