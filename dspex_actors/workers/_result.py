"""What the frames of one request come to: a result, and what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors._errors import ProtocolError
from dspex_actors._execution import (
    Completed,
    ExecutionResult,
    Failed,
    GuestFailure,
    LimitExceeded,
    Usage,
)
from dspex_actors.workers import _framing
from dspex_actors.workers._decoding import decode_message, decode_value
from dspex_actors.workers._protocol import Final

if TYPE_CHECKING:
    from dspex_actors._limits import Limits
    from dspex_actors.workers._tool_calls import ToolCalls


_decode_final = msgspec.msgpack.Decoder(Final).decode


def final_of(payload: bytes | memoryview, most: int | None) -> tuple[Final, Any]:
    """Decode a final frame and its value.

    Args:
        payload: of the frame.
        most: bytes the value may have; None for no limit.

    Raises:
        ProtocolError: it is none.
    """
    parts = _framing.split_parts(payload)
    final = decode_message(_decode_final, parts)
    if final.outcome != "completed":
        return final, None
    if len(parts) < 2:
        raise ProtocolError("a final frame without a value")
    if most is not None and sum(map(len, parts[1:])) > most:
        raise ProtocolError(f"a value of more than {most} bytes")
    return final, decode_value(parts[1], parts[2:])


def result_of(final: Final, value: Any, limits: Limits, common: dict[str, Any]) -> ExecutionResult:  # noqa: ANN401 -- guest values are any plain data
    """Turn a final frame into a result.

    Args:
        final: the frame's message.
        value: what came with it.
        limits: of the request.
        common: what all results have.
    """
    if final.outcome == "completed":
        return Completed(value=value, **common)
    if final.outcome == "memory" and limits.memory_bytes is not None:
        return LimitExceeded(limit="memory", allowed=limits.memory_bytes, **common)
    if final.outcome == "result" and limits.result_bytes is not None:
        return LimitExceeded(limit="result", allowed=limits.result_bytes, used=final.used, **common)
    return Failed(error=GuestFailure(final.error_type, final.message, final.traceback), **common)


def usage_of(final: Final | None, calls: ToolCalls | None) -> Usage:
    """Say what a request used; a worker that gave no final frame did not tell its part."""
    count = calls.count if calls is not None else 0
    if final is None:
        return Usage(tool_calls=count)
    return Usage(final.cpu_s, final.memory_peak_bytes, final.dropped_bytes, count)
