"""The host's side of a request's connections: what a worker may ask for, and with which socket.

The thread that reads the worker's frames takes each request and hands it on; whoever owns the worker makes
the connection and carries its bytes. The socket that comes with a request is the guest's: the guest may hold
another descriptor of it and do to it what it likes, so it is only ever used without waiting.
"""

from __future__ import annotations

import array
import os
import socket
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import msgspec

from dspex_actors._errors import ProtocolError, WorkerLostError
from dspex_actors.workers import _framing
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._decoding import decode_message
from dspex_actors.workers._network_protocol import Connect
from dspex_actors.workers._protocol import Born

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dspex_actors._limits import Limits

_decode_connect = msgspec.msgpack.Decoder(Connect).decode

_MOST_AT_ONCE = 8
"""Descriptors taken with one read; a guest's library sends one with each frame."""

_MOST_WAITING = 64
"""Descriptors whose frames have not been read yet; what lies in the socket's buffer ahead of them is less."""


class NetworkUse(Protocol):
    """The connections of one request; made by whoever owns the worker.

    Attributes:
        carried_bytes: what has crossed them so far, both directions together.
    """

    carried_bytes: int

    def connect(self, host: str, port: int, padding: int, guest: socket.socket) -> None:
        """Make a connection elsewhere, if the policy allows it, and carry its bytes. Must not block.

        Args:
            host: what the guest asked for.
            port: 1 to 65535.
            padding: bytes in the guest's socket that are to be dropped.
            guest: where to answer; owned from now on.
        """

    def listen(self, listener: socket.socket, is_allowed: Callable[[], bool]) -> None:
        """Answer who connects from now on, as a proxy; who has connected before is turned away.

        Args:
            listener: of the worker's own network namespace, which never blocks; owned from now on.
            is_allowed: counts one more and says whether it may be; called from any thread.
        """

    def close(self) -> None:
        """End all connections: the request is over. Returns when nothing is carried any more."""


class Network(Protocol):
    """Makes the connections of a policy's guests."""

    def begin(self, most_bytes: int | None, exceeded: Callable[[], object]) -> NetworkUse:
        """Return what makes the connections of one request.

        Args:
            most_bytes: that may cross them, both directions together; None for no limit.
            exceeded: called once, from any thread, if more would.
        """


class GuestSocket(socket.socket):
    """A guest's stream socket: no call waits, whatever the guest does to the flags that it shares."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As without this class; raises BlockingIOError in place of waiting."""
        return super().recv(size, flags | socket.MSG_DONTWAIT)

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]  # bytes are all that is sent
        """As without this class; raises BlockingIOError in place of waiting, and never a signal."""
        return super().send(data, flags | socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


class DescriptorStream:
    """A worker's socket, for the reader of its frames; keeps the descriptors that come along.

    Args:
        sock: the worker's.
        network: makes connections for them.

    Attributes:
        listener: where programs that the guest has started ask for connections; None if they cannot.
    """

    listener: socket.socket | None = None

    def __init__(self, sock: socket.socket, network: Network) -> None:
        self._sock = sock
        self.network = network
        self._room = socket.CMSG_SPACE(_MOST_AT_ONCE * array.array("i").itemsize)
        self._waiting: deque[int] = deque()

    def recv_into(self, buffer: memoryview, /) -> int:
        """Put what has arrived into the buffer and return its size.

        Raises:
            ProtocolError: descriptors have come, and nobody asks for them.
        """
        size, ancillary, _, _ = self._sock.recvmsg_into([buffer], self._room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
                self._waiting.extend(fds)
        if len(self._waiting) > _MOST_WAITING:
            raise ProtocolError("descriptors that belong to no frame")
        return size

    def take(self) -> int | None:
        """Return the descriptor that came first; None if there is none."""
        return self._waiting.popleft() if self._waiting else None

    def drop(self) -> None:
        """Close what nobody has taken."""
        while (descriptor := self.take()) is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close that, and the listener."""
        self.drop()
        if self.listener is not None:
            self.listener.close()

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""
        self._sock.sendall(data)

    def sendmsg(self, buffers: Iterable[memoryview], /) -> int:
        """Send a part of the buffers and return its size."""
        return self._sock.sendmsg(buffers)


class NetworkCalls:
    """The connections of one request, as its worker asks for them.

    All but the counting belongs to the thread that reads the worker's frames.

    Args:
        stream: keeps the descriptors that come with the frames.
        limits: of the request.
        kill: kills the worker for a cause, if this request is under way.

    Attributes:
        count: how many were asked for, the one beyond the limit included.

    Raises:
        WorkerLostError: there is no descriptor left for its listener.
    """

    def __init__(self, stream: DescriptorStream, limits: Limits, kill: Callable[[Cause], object]) -> None:
        self._use = stream.network.begin(limits.network_bytes, lambda: kill(Cause.NETWORK_BYTES))
        self._stream = stream
        self._most = limits.connections
        self._kill = kill
        self._counting = threading.Lock()
        self.count = 0
        if stream.listener is not None:
            try:  # one for the loop, which may still look at it when the other is closed
                listener = stream.listener.dup()
            except OSError as error:
                reason = f"no descriptor for the connections of its programs: {error}"
                raise WorkerLostError(reason) from error
            self._use.listen(listener, self._may_be_one_more)

    @property
    def carried_bytes(self) -> int:
        """What has crossed the connections so far, both directions together."""
        return self._use.carried_bytes

    def take(self, payload: _framing.Block) -> bool:
        """Take one request and have the connection made.

        Args:
            payload: of a CONNECT frame.

        Returns:
            False if it is one more than the limit allows; it is not made.

        Raises:
            ProtocolError: it is none, or what came along is no stream socket of the guest's.
        """
        wanted = decode_message(_decode_connect, _framing.split_parts(payload))
        if not self._counted():
            return False
        descriptor = self._stream.take()
        if descriptor is not None:  # else the host had no room for it, and the guest finds its socket closed
            self._use.connect(wanted.host, wanted.port, wanted.padding, _guest_socket(descriptor))
        return True

    def _counted(self) -> bool:
        """Count one more; False if it is one too many."""
        with self._counting:
            self.count += 1
            return self._most is None or self.count <= self._most

    def _may_be_one_more(self) -> bool:
        """Count one that comes by the listener; one too many ends the guest. Runs in any thread."""
        if self._counted():
            return True
        self._kill(Cause.CONNECTIONS)
        return False

    def close(self) -> None:
        """End all connections."""
        self._use.close()
        self._stream.drop()


def _guest_socket(descriptor: int) -> GuestSocket:
    """Return the socket that came with a request.

    Raises:
        ProtocolError: it is something else than a connected Unix stream socket.
    """
    try:
        sock = GuestSocket(fileno=descriptor)
    except OSError as error:
        os.close(descriptor)
        raise ProtocolError("a request for a connection with something that is no socket") from error
    with suppress(OSError):
        sock.getpeername()
        if sock.family == socket.AF_UNIX and sock.type == socket.SOCK_STREAM:
            sock.settimeout(0)
            return sock
    sock.close()
    raise ProtocolError("a request for a connection with a socket of another kind")


def part_listener(born: object, fds: list[int], stream: DescriptorStream | None) -> list[int]:
    """Part the listener of a worker's own network namespace, which comes last, from pidfds.

    Args:
        born: what the zygote has said.
        fds: as it has sent them.
        stream: gets the listener; None if nobody makes connections.
    """
    if not (isinstance(born, Born) and born.has_listener):
        return fds
    listener = socket.socket(fileno=fds[-1])
    listener.settimeout(0)  # its copies are what it is
    if stream is None:
        listener.close()
    else:
        stream.listener = listener
    return fds[:-1]
