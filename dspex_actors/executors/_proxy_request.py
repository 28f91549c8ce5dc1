"""What programs say to a proxy, and what it says to them: HTTP and SOCKS 5, as pure functions over bytes.

All of it was written by an enemy. It is read as far as it tells where to connect to; what goes on to the
server is the client's own, but for the first line and the headers that are between client and proxy.

Sources: RFC 9110 (CONNECT), RFC 9112 (forms of targets, `Connection`), RFC 1928 (SOCKS 5).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors.workers import ConnectCode

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_HEAD = 64 * 1024
"""Bytes of a request's head; servers take 8 to 64 KiB."""

SOCKS = 5
"""First byte of a client that speaks SOCKS 5; no method of HTTP starts with it."""

_DEFAULT_PORT = 80
_LINE = re.compile(rb"([!-~]+) ([!-~]+) HTTP/1\.[01]")
_ABSOLUTE = re.compile(
    r"http://(?:[^@/?#]*@)?(?P<authority>[^/?#@]+)(?P<rest>[/?][^#]*)?(?:#.*)?", re.IGNORECASE
)
_AUTHORITY = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
# Headers that end at the proxy. A connection carries one request, for the next one may be for another server;
# `Connection: close` has that one's server say so to the client.
_OURS = frozenset({b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive"})
_CODES = {
    ConnectCode.NOT_ALLOWED: (403, 2),
    ConnectCode.NO_SUCH_NAME: (502, 4),
    ConnectCode.REFUSED: (502, 5),
    ConnectCode.TIMED_OUT: (504, 4),
    ConnectCode.UNREACHABLE: (502, 3),
}
_SOCKS_HEAD, _SOCKS_CONNECT = 4, 1
_IPV4, _NAME, _IPV6 = 1, 3, 4


class BadRequestError(Exception):
    """That is no request to a proxy; the message says what would be one."""


class Wanted(NamedTuple):
    """A connection that a client asks for.

    Attributes:
        host: a name or an address, as it wrote it.
        port: 1 to 65535.
        is_tunnel: whether the client waits to be told before it sends to the server.
        first: what goes to the server before all that the client sends later.
    """

    host: str
    port: int
    is_tunnel: bool
    first: bytes = b""


def read_http(head: bytes) -> Wanted:
    """Read the head of a request.

    Args:
        head: up to and with its empty line.

    Raises:
        BadRequestError: it is none, or none for a proxy.
    """
    first, *headers = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    line = _LINE.fullmatch(first)
    if line is None:
        raise BadRequestError("that is no request in HTTP/1.1")
    method, target = line.group(1), line.group(2).decode("ascii")
    if method == b"CONNECT":
        host, port = _authority(target, None)
        return Wanted(host, port, is_tunnel=True)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadRequestError(
            "this is a proxy: it takes CONNECT host:port, and other methods with http://host/path"
        )
    host, port = _authority(absolute["authority"], _DEFAULT_PORT)
    rest = absolute["rest"] or "/"
    path = rest if rest.startswith("/") else f"/{rest}"
    start = b" ".join((method, path.encode("ascii"), b"HTTP/1.1"))
    return Wanted(host, port, is_tunnel=False, first=b"\r\n".join((start, *_passed_on(headers), b"", b"")))


def _authority(text: str, default_port: int | None) -> tuple[str, int]:
    """Return host and port.

    Raises:
        BadRequestError: it has none.
    """
    found = _AUTHORITY.fullmatch(text)
    port = default_port if found is None or found["port"] is None else int(found["port"])
    if found is None or port is None or not 1 <= port <= 65535:
        raise BadRequestError("a target has a host, and a port from 1 to 65535")
    return found["six"] or found["host"], port


def _passed_on(headers: list[bytes]) -> Iterator[bytes]:
    """Give the headers for the server: all but those that are the proxy's."""
    upgrades = any(header.lower().startswith(b"upgrade:") for header in headers)
    for header in headers:
        if header.partition(b":")[0].strip().lower() not in _OURS:
            yield header
    yield b"Connection: Upgrade" if upgrades else b"Connection: close"


def http_answer(code: ConnectCode, text: str) -> bytes:
    """Return what a client is told: that its tunnel is there, or why it has none."""
    if code is ConnectCode.CONNECTED:
        return b"HTTP/1.1 200 Connection established\r\n\r\n"
    return _http_refusal(_CODES[code][0], text)


def http_misunderstanding(error: BadRequestError) -> bytes:
    """Return what a client is told whose request was not understood."""
    return _http_refusal(400, str(error))


def _http_refusal(status: int, text: str) -> bytes:
    line = "".join(each if each.isprintable() and each.isascii() else "?" for each in text)
    body = f"{line}\n"
    headers = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status} {line}\r\n{headers}\r\n\r\n{body}".encode("ascii")


SOCKS_WELCOME = b"\x05\x00"
"""Said to a client after its greeting: no method of authentication is asked for."""


def greeting_size(data: bytes) -> int:
    """Return how many bytes a client's greeting has, as far as its first ones tell."""
    return 2 if len(data) < 2 else 2 + data[1]


def request_size(data: bytes) -> int:
    """Return how many bytes a request has, as far as its first ones tell.

    Raises:
        BadRequestError: its address is of a kind that there is not.
    """
    if len(data) <= _SOCKS_HEAD:
        return _SOCKS_HEAD + 1
    sizes = {_IPV4: 4, _NAME: 1 + data[_SOCKS_HEAD], _IPV6: 16}
    if data[3] not in sizes:
        raise BadRequestError("an address of another kind")
    return _SOCKS_HEAD + sizes[data[3]] + 2


def read_socks(request: bytes) -> Wanted:
    """Read a request of SOCKS 5.

    Args:
        request: whole, see `request_size`.

    Raises:
        BadRequestError: it is none to connect.
    """
    port = int.from_bytes(request[-2:], "big")
    if request[0] != SOCKS or request[1] != _SOCKS_CONNECT or not port:
        raise BadRequestError("only connections are made")
    address = request[_SOCKS_HEAD:-2]
    if request[3] == _NAME:
        name = address[1:]
        if not name:
            raise BadRequestError("a name")
        return Wanted(name.decode("latin-1"), port, is_tunnel=True)
    return Wanted(str(ip_address(address)), port, is_tunnel=True)


def socks_answer(code: ConnectCode) -> bytes:
    """Return what a client of SOCKS 5 is told."""
    reply = 0 if code is ConnectCode.CONNECTED else _CODES[code][1]
    return bytes([SOCKS, reply, 0, _IPV4]) + bytes(6)


SOCKS_MISUNDERSTANDING = bytes([SOCKS, 7, 0, _IPV4]) + bytes(6)
"""What a client is told that asks for something else than a connection."""
