"""One connection of a control socket: one request, and what answers it."""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from dspex_actors._log import log
from dspex_actors.control._errors import ClientGoneError, ControlProtocolError, RequestFailedError
from dspex_actors.control._protocol import (
    MAX_REQUEST_BYTES,
    PROTOCOL,
    Done,
    Failed,
    FrameReader,
    Hello,
    decode_request,
    encode_reply,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.control._protocol import Item, Reply, Request

    Answer: TypeAlias = Callable[[Request, "Conversation"], object]

PATIENCE_S: Final = 10.0  # seconds until a client has sent its request, or taken a reply; arbitrary
_PIECE_BYTES: Final = 16 * 1024


class Conversation:
    """A client that may ask. `serve` runs in a thread of its own; any thread may `send` and `close`.

    Args:
        connection: to the client; closed at the end of `serve`.
        answer: does what is asked: sends items, or raises a `RequestFailedError`.
        patience_s: seconds for the request as a whole, and for each reply to be taken.
    """

    def __init__(self, connection: socket.socket, answer: Answer, *, patience_s: float = PATIENCE_S) -> None:
        self._connection = connection
        self._answer = answer
        self._patience_s = patience_s
        self._sending = threading.Lock()
        self._lock = threading.Lock()
        self._closed = False
        self._on_close: list[Callable[[], object]] = []

    def serve(self) -> None:
        """Take the request and answer it."""
        try:
            self._say(Hello(protocol=PROTOCOL, pid=os.getpid(), python=platform.python_version()))
            self._say(self._outcome())
        except ClientGoneError:
            pass  # there is nobody to tell
        finally:
            self.close()
            with self._sending:  # whoever sends has been woken; its descriptor must not become another file's
                self._connection.close()

    def send(self, item: Item) -> None:
        """Send a part of the answer.

        Raises:
            ClientGoneError: the client has gone, or has not taken it in time.
            ControlProtocolError: it is too long.
        """
        self._say(item)

    def wait_gone(self) -> None:
        """Wait until the client goes or this is closed; after `take_time`, for as long as it takes."""
        with suppress(OSError):
            self._connection.recv(1)  # more than one request is not allowed, so whatever comes is the end

    def take_time(self) -> None:
        """Let the client take its time with replies from now on: whoever sends them can wait."""
        self._connection.settimeout(None)

    def on_close(self, tell: Callable[[], object]) -> None:
        """Call a function when this is closed; at once if it is."""
        with self._lock:
            if not self._closed:
                self._on_close.append(tell)
                return
        tell()

    def close(self) -> None:
        """End it: wakes whoever waits for the client. Twice is quiet."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            told, self._on_close = self._on_close, []
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)
        for tell in told:
            tell()

    # -- inside

    def _outcome(self) -> Reply:
        """Receive the request and answer it; return the last word."""
        try:
            request = self._received()
            self._answer(request, self)
        except ControlProtocolError as error:
            return Failed(kind="refused", reason=text(error))
        except RequestFailedError as error:
            return Failed(kind=error.kind, reason=text(error))
        except ClientGoneError:
            raise
        except Exception as error:  # noqa: BLE001 -- one request's fault is not the other clients'
            log("error", "control.request_failed", error=error)
            return Failed(kind="internal", reason=text(f"{type(error).__name__}: {error}"))
        return Done()

    def _received(self) -> Request:
        reader = FrameReader(MAX_REQUEST_BYTES)
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                self._connection.settimeout(_left(deadline))
                data = self._connection.recv(_PIECE_BYTES)
            except TimeoutError:
                raise ControlProtocolError(f"no request within {self._patience_s:g} s") from None
            except OSError as error:
                raise ClientGoneError(str(error)) from None
            if not data:
                raise ClientGoneError("it closed before it had asked")
            bodies = reader.feed(data)
            if len(bodies) > 1 or (bodies and reader.inside):
                raise ControlProtocolError("more than one request")
            if bodies:
                self._connection.settimeout(self._patience_s)
                return decode_request(bodies[0])

    def _say(self, reply: Reply) -> None:
        frame = encode_reply(reply)
        with self._sending:  # two threads may have something to say
            try:
                self._connection.sendall(frame)
            except OSError as error:  # a TimeoutError too, and then a part of it may be on its way
                self.close()
                raise ClientGoneError(str(error)) from None


def _left(deadline: float) -> float:
    """Return the seconds until a deadline.

    Raises:
        TimeoutError: it is over.
    """
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
