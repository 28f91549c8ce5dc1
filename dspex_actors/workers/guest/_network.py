"""The guest's side of a network that is a list: sockets whose connections the host makes.

A guest has no network, and the kernel refuses it every socket but pairs of its own. So here a stream socket
is one half of such a pair from the start; to connect it, its other half goes to the host in a CONNECT frame,
and the host carries the bytes. Names are not resolved here: they are passed on as they are.

Nothing here is a protection, the guest could send such frames by itself.
"""

from __future__ import annotations

import _socket
import errno
import os
import socket
from _thread import RLock
from contextlib import closing
from struct import Struct
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors.workers import _framing
from dspex_actors.workers._network_protocol import MAX_PADDING, Connect, ConnectCode, read_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_encode = msgspec.msgpack.encode
_INTERNET = socket.AF_INET, socket.AF_INET6
# Levels whose options mean nothing to a pair of Unix sockets, and are only hints to others.
_IGNORED_LEVELS = socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6
_SMALL_BUFFER = 1  # bytes; the kernel makes it the smallest that it has, about 4600
_BUFFER = 212992  # bytes; the kernel's default
_KIND = 0xF  # of a socket's type, without its flags
_ERRNOS = {
    ConnectCode.NOT_ALLOWED: errno.EACCES,
    ConnectCode.REFUSED: errno.ECONNREFUSED,
    ConnectCode.TIMED_OUT: errno.ETIMEDOUT,
    ConnectCode.UNREACHABLE: errno.EHOSTUNREACH,
}

_plain_socket: type[socket.socket] = socket.socket


class NetworkClient:
    """Sends a worker's requests for connections.

    Args:
        send: sends the parts of a CONNECT frame through what its second argument makes of the channel.
    """

    def __init__(self, send: Callable[[Sequence[Any], Callable[[Any], Any]], None]) -> None:
        self._send = send
        self._turn = RLock()
        self._open = False

    def begin(self) -> None:
        """Let the code of a request ask."""
        self._open = True

    def end(self) -> None:
        """Take no more requests, and let the one go out that another thread is sending."""
        with self._turn:
            self._open = False

    def connect(self, wanted: Connect, other: socket.socket) -> None:
        """Ask for a connection; the answer comes on the half that stays here.

        Args:
            wanted: which one.
            other: the half that goes to the host; closed here.

        Raises:
            OSError: there is nobody to ask.
        """
        request = _encode(wanted)
        with other, self._turn:
            if not self._open:
                raise OSError(errno.ENETDOWN, "a connection is made only while an execution is running")
            self._send(_framing.pack_parts([request]), lambda sock: _WithDescriptor(sock, other.fileno()))

    def install(self, proxy: tuple[str, int] | None = None) -> None:
        """Put its sockets in the place of the standard library's, for all modules that are imported later.

        Args:
            proxy: where one answers in the worker's own network namespace, which the guest's environment
                names for programs, and which is connected to without the host; None if there is none.
        """
        _Connected.proxy = proxy
        _Connected.client = self
        replacements = {"socket": _Connected, "getaddrinfo": _getaddrinfo, "gethostbyname": _gethostbyname}
        for name, replacement in replacements.items():
            setattr(socket, name, replacement)


class _WithDescriptor:
    """A socket that sends a descriptor along with the first bytes of what it sends next.

    Args:
        sock: a Unix stream socket.
        descriptor: stays open here.
    """

    def __init__(self, sock: Any, descriptor: int) -> None:  # noqa: ANN401 -- a socket, or what stands in for one
        self._sock = sock
        self._ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, Struct("i").pack(descriptor))]

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""
        sent = self._sock.sendmsg([data], self._ancillary)
        self._sock.sendall(data[sent:])

    def sendmsg(self, buffers: Iterable[memoryview], /) -> int:
        """Send a part of the buffers and return its size."""
        return int(self._sock.sendmsg(buffers, self._ancillary))

    def recv_into(self, buffer: memoryview, /) -> int:
        """Put what has arrived into the buffer and return its size."""
        return int(self._sock.recv_into(buffer))


class _Connected(_plain_socket):  # type: ignore[misc,valid-type]  # the class of a variable that is never set again
    """A socket as guests know it; of the Internet's stream sockets, one half of a pair."""

    client: NetworkClient
    proxy: tuple[str, int] | None = None

    def __init__(self, family: int = -1, type: int = -1, proto: int = -1, fileno: int | None = None) -> None:  # noqa: A002 -- the library's name
        self._other: socket.socket | None = None
        self._peer: tuple[str, int] | None = None
        self._unanswered = False
        kind = socket.SOCK_STREAM if type == -1 else type & _KIND
        if fileno is not None or family not in {-1, *_INTERNET} or kind != socket.SOCK_STREAM:
            super().__init__(family, type, proto, fileno)
            return
        ours, theirs = _socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._other = _plain_socket(fileno=theirs.detach())
        self._other.settimeout(None)
        protocol = socket.IPPROTO_TCP if proto in {-1, 0} else proto
        super().__init__(
            socket.AF_INET if family == -1 else family, socket.SOCK_STREAM, protocol, ours.detach()
        )
        if type != -1 and type & socket.SOCK_NONBLOCK:
            self.settimeout(0)

    def connect(self, address: Any) -> None:  # noqa: ANN401 -- an address is any tuple, or text
        """Have the host connect this socket.

        Raises:
            PermissionError: the policy's list does not allow it.
            OSError: as always.
            OverflowError: the port is none.
            TypeError: the address is none.
        """
        if self._other is None:
            if not self._unanswered:
                super().connect(address)  # of another kind, or connected: the kernel says what is wrong
            else:
                self._take_answer()
            return
        host, port = _checked(address)
        other, self._other = self._other, None
        if (host, port) == self.proxy:
            other.close()
            self._become_plain()
            super().connect(address)
            return
        padding = self._fill() if self.gettimeout() == 0 else 0
        try:
            self.client.connect(Connect(host, port, padding), other)
        except BaseException:
            other.close()
            self.close()
            raise
        self._peer = address[:2]
        self._unanswered = True
        if padding:
            raise BlockingIOError(errno.EINPROGRESS, os.strerror(errno.EINPROGRESS))
        self._take_answer()

    def _become_plain(self) -> None:
        """Be a socket of the kernel's in place of one half of a pair."""
        with closing(_socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as plain:
            os.dup2(plain.fileno(), self.fileno(), inheritable=False)
        os.set_blocking(self.fileno(), self.gettimeout() is None)

    def connect_ex(self, address: Any) -> int:  # noqa: ANN401 -- as above
        """Like `connect`; return the error's number in place of raising it."""
        try:
            self.connect(address)
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def _fill(self) -> int:
        """Make this half look busy until the host takes out what is put in here; return how much that is."""
        super().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SMALL_BUFFER)
        padding, piece = 0, bytes(1024)
        try:
            while padding < MAX_PADDING:
                padding += super().send(piece[: MAX_PADDING - padding])
        except BlockingIOError:
            pass
        return padding

    def _take_answer(self) -> None:
        """Wait for what the host says.

        Raises:
            OSError: it did not connect; BlockingIOError if it has not said anything yet.
        """
        code, text = read_answer(super().recv)
        self._unanswered = False
        super().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        if code is ConnectCode.NO_SUCH_NAME:
            raise socket.gaierror(socket.EAI_NONAME, text)
        if code is not ConnectCode.CONNECTED:
            raise OSError(_ERRNOS[code], text)

    def getsockopt(self, level: int, option: int, *size: int) -> Any:  # noqa: ANN401 -- a number or bytes
        """Return an option; the error of a connection that was made without waiting is what came of it."""
        if self._unanswered and (level, option) == (socket.SOL_SOCKET, socket.SO_ERROR):
            try:
                self._take_answer()
            except BlockingIOError:
                raise
            except OSError as error:
                return error.errno
        if self._is_half and level in _IGNORED_LEVELS:
            return 0
        return super().getsockopt(level, option, *size)

    def setsockopt(self, level: int, option: int, *value: Any) -> None:  # noqa: ANN401 -- a number or bytes
        """Set an option; those of the Internet's protocols do nothing."""
        if not (self._is_half and level in _IGNORED_LEVELS):
            super().setsockopt(level, option, *value)

    def getpeername(self) -> Any:  # noqa: ANN401 -- an address
        """Return the host and port that were asked for."""
        if self._other is not None or self._unanswered:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        name = super().getpeername()
        return name if self._peer is None else self._peer

    def close(self) -> None:
        """Close both halves."""
        if self._other is not None:
            self._other.close()
            self._other = None
        super().close()

    @property
    def _is_half(self) -> bool:
        return self.family in _INTERNET


def _checked(address: Any) -> tuple[str, int]:  # noqa: ANN401 -- what a guest gives
    """Return host and port of an address, as they may be asked for.

    Raises:
        OSError: they name nobody.
        OverflowError: the port is none.
        TypeError: the address is none.
    """
    if not isinstance(address, tuple) or len(address) < 2 or not isinstance(address[1], int):
        message = "an address is a tuple of a host and the number of a port"
        raise TypeError(message)
    host, port = _text(address[0]), int(address[1])
    if not 0 <= port <= 65535:
        message = "connect(): port must be 0-65535."
        raise OverflowError(message)
    if not port:
        raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    if not 0 < len(host) <= 255:
        raise socket.gaierror(socket.EAI_NONAME, "that is not the name of a host")
    return host, port


def _text(host: object) -> str:
    """Return a host's name as text in ASCII.

    Raises:
        TypeError: it is none.
        UnicodeError: it has no such form.
    """
    if isinstance(host, (bytes, bytearray)):
        host = host.decode("ascii")
    if not isinstance(host, str):
        message = f"the name of a host, not {type(host).__name__}"
        raise TypeError(message)
    return host if host.isascii() else host.encode("idna").decode("ascii")


def _getaddrinfo(
    host: Any,  # noqa: ANN401 -- text, bytes or None
    port: Any,  # noqa: ANN401 -- a number, text or None
    family: int = 0,
    type: int = 0,  # noqa: A002 -- the library's name
    proto: int = 0,
    flags: int = 0,
) -> list[Any]:
    """Return the name itself as its address: the host resolves it when it connects."""
    if host is None or flags & (socket.AI_PASSIVE | socket.AI_NUMERICHOST) or type == socket.SOCK_DGRAM:
        return list(_socket.getaddrinfo(host, port, family, type, proto, flags))
    try:
        number = int(port or 0)
    except ValueError:
        number = _socket.getservbyname(port)
    name = _text(host)
    chosen = socket.AF_INET6 if ":" in name or family == socket.AF_INET6 else socket.AF_INET
    address = (name, number) if chosen == socket.AF_INET else (name, number, 0, 0)
    return [(chosen, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address)]


def _gethostbyname(name: Any) -> str:  # noqa: ANN401 -- text or bytes
    """Return the name itself, see `_getaddrinfo`."""
    return _text(name)
