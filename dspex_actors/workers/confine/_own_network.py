"""A network namespace for each worker alone, and in it a way to the host: a socket that the host listens on.

Programs that a guest starts know nothing of the conversation with the host, only of addresses. So they get a
loopback interface of their own, on which a proxy answers; that proxy is the host itself, for it holds the
socket. A socket stays in the namespace that it was made in, whoever has it, and guests never have this one.

A namespace belongs to one worker and ends with it: two workers in one could reach each other's servers. It is
made by the process that starts nannies, and the worker is moved into it by way of its nanny. Nobody in it has
rights over it.
"""

from __future__ import annotations

import _socket  # guests find another class in the place of the library's, and a zygote too
import fcntl
import os
import socket
import struct
from contextlib import closing, suppress

from dspex_actors.workers.confine import _libc

ADDRESS, PORT = "127.0.0.1", 3128
"""Where the host listens in each of the namespaces."""

NEW_NETWORK = 0x40000000
_BACKLOG = 64
_SET_FLAGS, _UP, _RUNNING = 0x8914, 0x1, 0x40
_OUTSIDE = "192.0.2.1"  # nobody has it (RFC 5737)
_LOOPBACK = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def enter_new() -> _socket.socket:
    """Enter a new network namespace, alone; return the socket for the host to listen on.

    Raises:
        OSError: the kernel refused.
    """
    _libc.unshare(NEW_NETWORK)
    with closing(_socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        fcntl.ioctl(any_socket.fileno(), _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP | _RUNNING))
    listener = _socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((ADDRESS, PORT))
        listener.listen(_BACKLOG)
        listener.settimeout(0)
    except OSError:
        listener.close()
        raise
    return listener


def make(home: int) -> _socket.socket:
    """Like `enter_new`; stay where we are if that fails. What is forked before `go_back` is born there.

    Args:
        home: pidfd of a process that is where we are to be afterwards.

    Raises:
        OSError: the kernel refused.
    """
    try:
        return enter_new()
    except OSError:
        go_back(home)
        raise


def go_back(home: int) -> None:
    """Enter the network namespace of another process."""
    _libc.setns(home, NEW_NETWORK)


class HostServers:
    """Servers on the loopback interface of the host, while a trial looks for them from within a namespace.

    Made before the zygote leaves the host's namespaces.

    Attributes:
        addresses: family, address and port of each.
    """

    def __init__(self) -> None:
        self._sockets: list[_socket.socket] = []
        self.addresses: list[tuple[int, str, int]] = []
        for family, address in _LOOPBACK:
            with suppress(OSError):  # a machine without this family has nothing to be reached there
                server = _socket.socket(family, socket.SOCK_STREAM)
                self._sockets.append(server)
                server.bind((address, 0))
                server.listen(1)
                self.addresses.append((family, address, server.getsockname()[1]))

    def close(self) -> None:
        """Stop serving."""
        for server in self._sockets:
            server.close()


def way_out(servers: HostServers) -> str:
    """Look for a way out of the namespace that this process is in; return what was found, empty if none was.

    Args:
        servers: of the host; a connection that is made by the address of one has reached that, or there is
            none of them.
    """
    if not servers.addresses:
        return "the host has no loopback interface to try"
    for family, address, port in servers.addresses:
        if _connects(family, address, port):
            return f"a server of the host at {address} was reached"
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        if _connects(socket.AF_INET, _OUTSIDE, 9, kind):
            return f"there is a way to {_OUTSIDE}"
    if not _connects(socket.AF_INET, ADDRESS, PORT):
        return "the proxy does not answer"
    return ""


def _connects(family: int, address: str, port: int, kind: int = socket.SOCK_STREAM) -> bool:
    """Whether a socket can be connected. Refusals come at once: there is no route that could take long."""
    try:
        with closing(_socket.socket(family, kind)) as sock:
            sock.settimeout(1)
            sock.connect((address, port))
    except OSError:
        return False
    return True


def send_listener(channel: socket.socket, message: bytes, listener: _socket.socket | None) -> None:
    """Send a datagram, with a listener if there is one, which is closed here."""
    if listener is None:
        channel.send(message)
        return
    with closing(listener):
        socket.send_fds(channel, [message], [listener.fileno()])


def receive_listener(channel: socket.socket, size: int) -> tuple[bytes, _socket.socket | None]:
    """Receive a datagram, and the listener that has come with it."""
    message, fds, _, _ = socket.recv_fds(channel, size, 1, socket.MSG_CMSG_CLOEXEC)
    for descriptor in fds[1:]:
        os.close(descriptor)
    return message, _socket.socket(fileno=fds[0]) if fds else None
