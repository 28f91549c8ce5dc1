"""Reading the frames of one request up to the final one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors._errors import ProtocolError
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._decoding import decode_message, decode_value
from dspex_actors.workers._protocol import Final, FrameType

if TYPE_CHECKING:
    from dspex_actors._limits import Limits
    from dspex_actors.workers._output import OutputCollector
    from dspex_actors.workers._tool_calls import ToolCalls

_decode_final = msgspec.msgpack.Decoder(Final).decode


class TooManyToolCallsError(Exception):
    """The guest called tools more often than it may."""


def receive_final(
    reader: _framing.FrameReader,
    caps: dict[int, int],
    nonce: int,
    limits: Limits,
    output: OutputCollector,
    calls: ToolCalls | None,
) -> tuple[Final | None, Any]:
    """Read frames up to the final one; return it with its value. (None, None) if the worker ends before.

    Args:
        reader: of the worker's socket.
        caps: the reader's; set to what this request allows.
        nonce: of the request.
        limits: of the request.
        output: takes what the guest writes.
        calls: takes its calls of tools; None if it has none.

    Raises:
        ProtocolError: a frame that is not allowed.
        TooManyToolCallsError: one call of a tool too many.
        OSError: from the socket.
    """
    final_cap = _protocol.REQUEST_CAP
    if limits.result_bytes is not None:
        final_cap = limits.result_bytes + _protocol.FINAL_OVERHEAD
    caps.clear()
    caps.update({FrameType.OUTPUT: _protocol.OUTPUT_CAP, FrameType.FINAL: final_cap})
    if calls is not None:
        caps[FrameType.TOOL_CALL] = calls.cap
    while (frame := reader.read()) is not None:
        if frame.nonce != nonce:
            raise ProtocolError("a frame that belongs to no request")
        if frame.type == FrameType.OUTPUT:
            output.add(memoryview(frame.payload))
        elif frame.type == FrameType.TOOL_CALL and calls is not None:
            if not calls.take(frame.payload):
                raise TooManyToolCallsError
        else:
            if calls is not None:
                calls.finish()
            return _final_of(frame.payload)
    return None, None


def _final_of(payload: bytes | memoryview) -> tuple[Final, Any]:
    """Decode a final frame and its value.

    Raises:
        ProtocolError: it is none.
    """
    parts = _framing.split_parts(payload)
    final = decode_message(_decode_final, parts)
    if final.outcome != "completed":
        return final, None
    if len(parts) < 2:
        raise ProtocolError("a final frame without a value")
    return final, decode_value(parts[1], parts[2:])
