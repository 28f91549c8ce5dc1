"""The other end of a control socket: asks a runtime in another process. Loads nothing of the runtime."""

from __future__ import annotations

import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Final, Self

from dspex_actors.control._errors import ControlProtocolError, ControlUnreachableError, RequestFailedError
from dspex_actors.control._peers import may_answer, peer_of
from dspex_actors.control._protocol import (
    MAX_REPLY_BYTES,
    PROTOCOL,
    Done,
    Failed,
    FrameReader,
    Hello,
    decode_reply,
    encode_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dspex_actors.control._protocol import Item, Reply, Request

PATIENCE_S: Final = 10.0  # seconds until a runtime has said hello; arbitrary
_PIECE_BYTES: Final = 64 * 1024


class ControlClient:
    """One connection to a runtime, for one request and one thread. A context manager.

    Args:
        path: of its control socket.

    Attributes:
        hello: what the runtime said of itself.

    Raises:
        ControlUnreachableError: no runtime listens there, or one of another user does.
        RequestFailedError: it does not listen to this process.
        ControlProtocolError: what listens there is no runtime, or one of another protocol.
    """

    hello: Hello

    def __init__(self, path: str) -> None:
        self.path = path
        self._reader = FrameReader(MAX_REPLY_BYTES)
        self._arrived: deque[bytes] = deque()
        self._socket = _connected(path)
        try:
            self.hello = self._greeted()
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; a reload that is under way goes on. Twice is quiet."""
        self._socket.close()

    def ask(self, request: Request) -> Iterator[Item]:
        """Send a request and yield what answers it, as it comes; waits for it as long as it takes.

        Raises:
            RequestFailedError: it was not done, or cannot be sent.
            ControlUnreachableError: the runtime ended before it had answered.
            ControlProtocolError: the runtime sent what is no answer.
        """
        try:
            frame = encode_request(request)
        except ControlProtocolError as error:
            raise RequestFailedError("usage", error.reason) from None
        self._socket.settimeout(None)
        try:
            self._socket.sendall(frame)
        except OSError as error:
            raise ControlUnreachableError(self.path, str(error)) from None
        while True:
            match self._next():
                case Done():
                    return
                case Failed(kind=kind, reason=reason):
                    raise RequestFailedError(kind, reason)
                case Hello():
                    raise ControlProtocolError("a second hello")
                case item:
                    yield item

    def _greeted(self) -> Hello:
        peer = peer_of(self._socket)
        if not may_answer(peer, os.geteuid()):
            raise ControlUnreachableError(self.path, f"the user {peer.uid} listens there, who is not you")
        self._socket.settimeout(PATIENCE_S)
        match self._next():
            case Hello(protocol=protocol) as hello if protocol == PROTOCOL:
                return hello
            case Hello(protocol=protocol):
                raise ControlProtocolError(f"it speaks version {protocol}, and this is version {PROTOCOL}")
            case Failed(kind=kind, reason=reason):
                raise RequestFailedError(kind, reason)
            case _:
                raise ControlProtocolError("no hello")

    def _next(self) -> Reply:
        while not self._arrived:
            try:
                data = self._socket.recv(_PIECE_BYTES)
            except TimeoutError:
                raise ControlUnreachableError(self.path, f"no answer within {PATIENCE_S:g} s") from None
            except OSError as error:
                raise ControlUnreachableError(self.path, str(error)) from None
            if not data:
                raise ControlUnreachableError(self.path, "it has ended")
            self._arrived += self._reader.feed(data)
        return decode_reply(self._arrived.popleft())


def _connected(path: str) -> socket.socket:
    if not path or "\0" in path:
        raise ControlUnreachableError(path, "that is no path of a socket")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except (OSError, UnicodeEncodeError) as error:
        connection.close()
        match error:
            case FileNotFoundError():
                reason = "there is no socket"
            case ConnectionRefusedError():
                reason = "nobody listens; the socket was left over by a runtime that was killed"
            case PermissionError():
                reason = "the socket belongs to another user"
            case OSError(strerror=str(strerror)):
                reason = strerror
            case _:
                reason = str(error)
        raise ControlUnreachableError(path, reason) from None
    return connection
