"""The one line and the one event that every execution leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors import _events
from dspex_actors._execution import Completed, Failed, LimitExceeded, WorkerDied
from dspex_actors._log import log

if TYPE_CHECKING:
    from dspex_actors._execution import ExecutionResult
    from dspex_actors.executors._messages import Run
    from supervisors import System

_OUTCOMES: dict[type, str] = {
    Completed: "completed",
    Failed: "failed",
    LimitExceeded: "limit_exceeded",
    WorkerDied: "worker_died",
}


def outcome_of(result: ExecutionResult | BaseException) -> str:
    """Return the outcome's name: one for each of the four results, `lost` for a failure of the host's."""
    return _OUTCOMES.get(type(result), "lost")


def report_finished(
    system: System, message: Run, result: ExecutionResult | BaseException, session: int | None = None
) -> None:
    """Emit `execution.finished` and log one line.

    Args:
        system: whose telemetry handlers are told.
        message: what was run.
        result: how it ended; an exception if the host failed.
        session: number of the session it was a call in.
    """
    if not (system.telemetry.is_heard(_events.EXECUTION_FINISHED) or log.is_heard("info")):
        return  # the caller has its result and waits for the interpreter's lock
    measurements = {"queued_s": message.queued_s}
    metadata: dict[str, object] = {
        "execution": message.id,
        "language": message.request.context.language,
        "tag": message.request.context.tag,
        "outcome": outcome_of(result),
        "result": result,
    }
    if session is not None:
        metadata["session"] = session
    if not isinstance(result, BaseException):
        measurements["duration_s"] = result.duration_s
        measurements["tool_calls"] = result.usage.tool_calls
        metadata["worker"] = result.worker.id
    system.telemetry.emit(_events.EXECUTION_FINISHED, measurements, metadata)
    plain = {name: value for name, value in metadata.items() if name != "result"}
    log("info", _events.EXECUTION_FINISHED, **plain, **measurements)
