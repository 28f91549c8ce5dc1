"""From what a worker says of a request to the result that the caller gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors._execution import Completed, Failed, GuestFailure, LimitExceeded, Usage

if TYPE_CHECKING:
    from dspex_actors._execution import ExecutionResult
    from dspex_actors._limits import Limits
    from dspex_actors.workers._protocol import Final


def result_of(final: Final, value: Any, limits: Limits, common: dict[str, Any]) -> ExecutionResult:  # noqa: ANN401 -- guest values are any plain data
    """Turn a final frame into a result.

    Args:
        final: what the worker says.
        value: the decoded value, if there is one.
        limits: what the code was allowed.
        common: the fields that every result has.
    """
    usage = Usage(final.cpu_s, final.memory_peak_bytes, final.dropped_bytes)
    if final.outcome == "completed":
        return Completed(value=value, usage=usage, **common)
    if final.outcome == "memory" and limits.memory_bytes is not None:
        return LimitExceeded(limit="memory", allowed=limits.memory_bytes, usage=usage, **common)
    if final.outcome == "result" and limits.result_bytes is not None:
        return LimitExceeded(
            limit="result", allowed=limits.result_bytes, used=final.used, usage=usage, **common
        )
    return Failed(error=GuestFailure(final.error_type, final.message, final.traceback), usage=usage, **common)
