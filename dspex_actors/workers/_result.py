"""What the frames of one request come to: a result, and what it used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors._execution import (
    Completed,
    ExecutionResult,
    Failed,
    GuestFailure,
    LimitExceeded,
    Usage,
)

if TYPE_CHECKING:
    from dspex_actors._limits import Limits
    from dspex_actors.workers._protocol import Final
    from dspex_actors.workers._tool_calls import ToolCalls


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
