"""What a guest and the host say to each other about a connection.

The worker sends a CONNECT frame with a `Connect` and, beside it, one end of a new pair of stream sockets. On
that socket the host answers with one `Answer`: a code, the length of a text, the text, which says for the
guest why it was refused. After an answer that it is connected, all bytes on the socket are the connection's,
in both directions; after any other one the host closes it.

A socket that does not block has to look busy until its connection is there. So the guest may have filled it
before, with as many bytes as its request says; the host drops them, after it has answered.
"""

from __future__ import annotations

import errno
from enum import IntEnum
from struct import Struct
from typing import TYPE_CHECKING, Annotated

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PADDING = 64 * 1024
MAX_TEXT = 400  # bytes
CONNECT_CAP = 1024
"""Bytes a CONNECT frame may have."""

HEAD = Struct("<BH")


class Connect(msgspec.Struct, array_like=True, frozen=True):
    """Ask for a connection.

    Attributes:
        host: a name or an address, as the guest wrote it.
        port: of it.
        padding: bytes that the guest has put into the socket before.
    """

    host: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    padding: Annotated[int, msgspec.Meta(ge=0, le=MAX_PADDING)] = 0


class ConnectCode(IntEnum):
    """What came of it."""

    CONNECTED = 0
    NOT_ALLOWED = 1
    NO_SUCH_NAME = 2
    REFUSED = 3  # nobody listens there
    TIMED_OUT = 4
    UNREACHABLE = 5


def encode_answer(code: ConnectCode, text: str = "") -> bytes:
    """Return an answer as bytes; the text is cut to fit."""
    content = text.encode("utf-8", "backslashreplace")[:MAX_TEXT]
    return HEAD.pack(code, len(content)) + content


def read_answer(read: Callable[[int], bytes]) -> tuple[ConnectCode, str]:
    """Read an answer.

    Args:
        read: returns at most so many bytes, none at the end.

    Raises:
        ConnectionError: the host closed the socket before it had answered.
    """
    code, size = HEAD.unpack(_exactly(read, HEAD.size))
    return ConnectCode(code), _exactly(read, size).decode("utf-8", "replace")


def _exactly(read: Callable[[int], bytes], size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = read(size - len(content))
        if not more:
            raise ConnectionResetError(errno.ECONNRESET, "the host has made no connection, the call is over")
        content += more
    return content
