"""What a worker is given of a request's code: the text, or what it was compiled to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.workers import Program

if TYPE_CHECKING:
    from dspex_actors._execution import Execute, ExecutionResult
    from dspex_actors._limits import Limits
    from dspex_actors.workers import Builder, BuildWatch, Timers


def program_of(
    request: Execute, limits: Limits, builder: Builder | None, timers: Timers, watch: BuildWatch
) -> str | Program | ExecutionResult:
    """Return what a worker is given of a request's code; or how compiling it has ended, if not well.

    Raises:
        WorkerLostError: no worker could be had.
    """
    if builder is not None:
        return builder.program(request, limits, timers, watch)
    return request.code if isinstance(request.code, str) else Program("", module=request.code)
