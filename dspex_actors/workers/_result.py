"""What a request's frames come to: a result, and what it used."""

from __future__ import annotations

import os
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
    WorkerDied,
)
from dspex_actors.workers import _framing
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._decoding import decode_message, decode_value
from dspex_actors.workers._notes import notes_cap
from dspex_actors.workers._protocol import FINAL_OVERHEAD, OUTPUT_CAP, REQUEST_CAP, Final, FrameType

if TYPE_CHECKING:
    from dspex_actors._limits import Limits


_decode_final = msgspec.msgpack.Decoder(Final).decode


def answer_caps(limits: Limits) -> dict[int, int]:
    """Return how many bytes the frames of an answer may have, by their kinds."""
    result = limits.result_bytes
    return {
        FrameType.OUTPUT: OUTPUT_CAP,
        FrameType.NOTES: notes_cap(limits.output_bytes),
        FrameType.FINAL: REQUEST_CAP if result is None else result + FINAL_OVERHEAD,
    }


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
    if final.outcome == "fuel" and limits.fuel is not None:
        return LimitExceeded(limit="fuel", allowed=limits.fuel, used=final.used, **common)
    if final.outcome == "time" and limits.time_s is not None:
        return LimitExceeded(limit="time", allowed=limits.time_s, used=common.get("duration_s"), **common)
    if final.outcome == "result" and limits.result_bytes is not None:
        return LimitExceeded(limit="result", allowed=limits.result_bytes, used=final.used, **common)
    said = common.get("diagnostics", ())
    of_error = said if any(each.level == "error" for each in said) else ()
    return Failed(error=GuestFailure(final.error_type, final.message, final.traceback, of_error), **common)


def limit_of(cause: Cause | None, limits: Limits, common: dict[str, Any]) -> LimitExceeded | None:
    """Say which limit a worker was killed for; None if it was not for one.

    Args:
        cause: why it was killed.
        limits: of the request.
        common: what all results have.
    """
    usage: Usage = common.get("usage", Usage())
    exceeded: dict[Cause, tuple[str, float | None, float]] = {
        Cause.TIME: ("time", limits.time_s, common.get("duration_s", 0.0)),
        Cause.TOOL_CALLS: ("tool_calls", limits.tool_calls, usage.tool_calls),
        Cause.CONNECTIONS: ("connections", limits.connections, usage.connections),
        Cause.NETWORK_BYTES: ("network_bytes", limits.network_bytes, usage.network_bytes),
    }
    limit, allowed, used = exceeded.get(cause, ("", None, 0)) if cause is not None else ("", None, 0)
    return None if allowed is None else LimitExceeded(limit=limit, allowed=allowed, used=used, **common)


def death_of(status: int, cause: Cause | None, detail: str, common: dict[str, Any]) -> WorkerDied:
    """Say how a worker ended that was not killed for a limit.

    Args:
        status: as waitpid(2) gives it.
        cause: why the host killed it; None if it did not.
        detail: what is known besides.
        common: what all results have.
    """
    exit_code = os.waitstatus_to_exitcode(status)
    killed_by = -exit_code if exit_code < 0 else None
    if cause in {Cause.CANCELLED, Cause.STOPPED, Cause.CLOSED}:
        detail = f"the worker was killed: {cause.value}"
    code = exit_code if killed_by is None else None
    return WorkerDied(exit_code=code, signal=killed_by, detail=detail, **common)
