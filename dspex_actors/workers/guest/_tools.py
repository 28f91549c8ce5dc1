"""The guest's side of tools: functions that ask the host and wait for its answer.

One call at a time is under way in a worker, whichever of the guest's threads makes it: the others wait. A
request ends when its last call has been answered.
"""

from __future__ import annotations

from _thread import allocate_lock, get_ident  # threading is not loaded in a zygote
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors import values
from dspex_actors._errors import ToolError, ValueEncodeError
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._protocol import FrameType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_encode = msgspec.msgpack.encode
_decode_result = msgspec.msgpack.Decoder(_protocol.ToolResult).decode


class ToolClient:
    """Makes the functions that a request's code may call, and carries their calls to the host.

    Args:
        send: sends the parts of a TOOL_CALL frame.
        read: returns the next frame from the host, None if it is gone. Nobody else reads while a request
            with tools is running.
    """

    def __init__(
        self, send: Callable[[Sequence[Any]], None], read: Callable[[], _framing.Frame | None]
    ) -> None:
        self._send = send
        self._read = read
        self._turn = allocate_lock()
        self._owner = 0  # the thread that has the turn
        self._owed = False  # a call was sent, its answer not read
        self._names: frozenset[str] = frozenset()
        self._most_bytes: int | None = None

    def begin(self, names: tuple[str, ...], most_bytes: int | None) -> dict[str, Any]:
        """Return what a request's code finds bound: its tools, and the error they raise.

        Args:
            names: of the tools.
            most_bytes: size of the encoded arguments of one call.
        """
        self._names = frozenset(names)
        self._most_bytes = most_bytes
        bound: dict[str, Any] = {name: self._tool(name) for name in names}
        if bound:
            bound[ToolError.__name__] = ToolError
        return bound

    def end(self) -> None:
        """Take no more calls, and wait for the one that another thread has under way."""
        if self._names:
            with self._turn:
                self._names = frozenset()
                self._settle()

    def _tool(self, name: str) -> Callable[..., Any]:
        # A function: all it knows is in cells, which strict guest code cannot open.
        def tool(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- whatever the host's function takes and gives
            return self._call(name, args, kwargs)

        tool.__name__ = tool.__qualname__ = name
        tool.__doc__ = "Call the host's function of this name."
        return tool

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:  # noqa: ANN401 -- see above
        """Have the host call a tool.

        Raises:
            ToolError: it raised, it gave what cannot cross, or the request that had it is over.
            ValueEncodeError: an argument cannot cross.
            RuntimeError: this very thread is in a call; a signal handler or a finaliser made this one.
        """
        arguments = self._encoded(name, args, kwargs)
        if self._owner == get_ident():
            message = f"{name}() was called while this thread waits for another tool"
            raise RuntimeError(message)
        with self._turn:
            self._owner = get_ident()
            try:
                parts = self._answer(name, arguments)
            finally:
                self._owner = 0
        result = _decode_result(parts[0])
        if result.error_type:
            raise ToolError(name, result.error_type, result.message)
        values.prepare(parts[1])
        return values.decode(parts[1], parts[2:])

    def _answer(self, name: str, arguments: values.Encoded) -> list[memoryview]:
        """Send a call and return the parts of its answer.

        Raises:
            ToolError: the request has no such tool, or is over.
        """
        if name not in self._names:
            reason = "the execution that had this tool is over"
            raise ToolError(name, LookupError.__name__, reason)
        self._settle()
        call = _encode(_protocol.ToolCall(name))
        blocks = _framing.pack_parts([call, arguments.structure, *arguments.buffers])
        self._owed = True
        self._send(blocks)
        return self._next()

    def _settle(self) -> None:
        """Read the answer that an interrupted call has not waited for."""
        while self._owed:
            self._next()

    def _next(self) -> list[memoryview]:
        """Read one answer.

        Raises:
            ConnectionError: the host is gone.
        """
        frame = self._read()
        if frame is None or frame.type != FrameType.TOOL_RESULT:
            message = "the host is gone"
            raise ConnectionError(message)
        self._owed = False
        return _framing.split_parts(frame.payload)

    def _encoded(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> values.Encoded:
        """Encode the arguments of a call.

        Raises:
            ValueEncodeError: they cannot cross; the path starts with the tool.
        """
        try:
            encoded = values.encode([list(args), kwargs])
        except ValueEncodeError as error:
            raise ValueEncodeError(_path(name, error.path), error.type_name, error.reason) from None
        if self._most_bytes is not None and encoded.size > self._most_bytes:
            reason = f"they take {encoded.size} bytes, at most {self._most_bytes} may"
            raise ValueEncodeError(f"{name}(): args, kwargs", "list, dict", reason)
        return encoded


def _path(name: str, path: str) -> str:
    """Return the path to an item of `[args, kwargs]` in the words of the call."""
    for prefix, word in (("value[0]", "args"), ("value[1]", "kwargs")):
        if path.startswith(prefix):
            return f"{name}(): {word}{path.removeprefix(prefix)}"
    return f"{name}(): args, kwargs"
