"""The host's side of a request's tools: what a worker may ask for, and what it is told.

The thread that reads the worker's frames takes each call and hands it on; the answer is sent by whichever
thread ran the function. So the reader goes on reading meanwhile: output, and the worker's end.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from dspex_actors._errors import ProtocolError
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._decoding import decode_message, decode_value
from dspex_actors.workers._protocol import FrameType

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection

    from dspex_actors._limits import Limits
    from dspex_actors.values import Encoded

_decode_call = msgspec.msgpack.Decoder(_protocol.ToolCall).decode
_encode = msgspec.msgpack.encode
_RETURNED = _encode(_protocol.ToolResult("", ""))


class ToolFailure(NamedTuple):
    """What a guest is told of a tool that raised: the name of the class, and the text."""

    error_type: str
    message: str


class Tools(Protocol):
    """Runs the tools of one request; made by whoever owns the worker."""

    @property
    def names(self) -> Collection[str]:
        """What the guest may call."""

    def call(
        self,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        answer: Callable[[Encoded | ToolFailure], None],
    ) -> None:
        """Run a tool elsewhere and pass what came of it to `answer`, from any thread. Must not block."""

    def close(self) -> None:
        """Stop caring: the request is over and answers are of no use. Must not block."""


class ToolCalls:
    """The calls of one request, as its worker makes them.

    `take`, `finish` and `close` belong to the thread that reads the worker's frames.

    Args:
        tools: what runs them.
        limits: of the request.
        sock: where answers are sent.
        nonce: of the request.

    Attributes:
        count: calls so far, the one beyond the limit included.
    """

    def __init__(self, tools: Tools, limits: Limits, sock: socket.socket, nonce: int) -> None:
        self._tools = tools
        self._names = tuple(tools.names)
        self._limit = limits.tool_calls
        self._socket = sock
        self._nonce = nonce
        self._sending = threading.Lock()
        self._under_way = False
        self._over = False
        self.count = 0
        self.cap = _protocol.REQUEST_CAP
        if limits.result_bytes is not None:
            self.cap = min(self.cap, limits.result_bytes + _protocol.TOOL_CALL_OVERHEAD)

    @property
    def names(self) -> tuple[str, ...]:
        """What the guest may call."""
        return self._names

    def take(self, payload: bytes | memoryview) -> bool:
        """Take one call and have it run.

        Args:
            payload: of a TOOL_CALL frame.

        Returns:
            False if it is one more than the limit allows; it is not run.

        Raises:
            ProtocolError: it is none, comes before the answer to the last one, or is for a tool that was not
                given.
        """
        if self._under_way:
            raise ProtocolError("a call of a tool while another one is under way")
        parts = _framing.split_parts(payload)
        name = decode_message(_decode_call, parts).tool
        if name not in self._names:
            raise ProtocolError("a call of a tool that was not given")
        args, kwargs = _arguments(parts)
        self.count += 1
        if self._limit is not None and self.count > self._limit:
            return False
        self._under_way = True
        self._tools.call(name, args, kwargs, self._answer)
        return True

    def finish(self) -> None:
        """Make sure that the worker may end the request now.

        Waits for an answer that is just being sent, which a worker that does not read it holds up; the
        deadline is armed still.

        Raises:
            ProtocolError: a call is under way.
        """
        if self._under_way:
            raise ProtocolError("a final frame while a tool is being called")
        with self._sending:
            self._over = True

    def close(self) -> None:
        """Send no more answers. The worker has finished, or was killed, which ends a send that blocks."""
        self._tools.close()
        with self._sending:
            self._over = True

    def _answer(self, outcome: Encoded | ToolFailure) -> None:
        """Send what came of a call; runs in the thread that ran the tool."""
        if isinstance(outcome, ToolFailure):
            parts: list[Any] = [_encode(_protocol.ToolResult(*outcome))]
        else:
            parts = [_RETURNED, outcome.structure, *outcome.buffers]
        blocks = _framing.pack_parts(parts)
        with self._sending:
            if self._over:
                return
            self._under_way = False  # before the worker can have the answer, and call again
            with suppress(OSError):  # the worker is gone, which is noticed where its frames are read
                _framing.send_frame(self._socket, FrameType.TOOL_RESULT, self._nonce, blocks)


def _arguments(parts: list[memoryview]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call.

    Raises:
        ProtocolError: there are none, or they are no list and no dict of names.
    """
    if len(parts) < 2:
        raise ProtocolError("a call of a tool without arguments")
    match decode_value(parts[1], parts[2:]):
        case [list(args), dict(kwargs)] if all(type(name) is str for name in kwargs):
            return args, kwargs
    raise ProtocolError("arguments of a call that are none")
