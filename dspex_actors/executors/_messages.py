"""What the actors of one sandbox say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dspex_actors._execution import Execute
    from dspex_actors._limits import Limits
    from dspex_actors.workers import WorkerProcess
    from supervisors import Pid


@dataclass(frozen=True, slots=True)
class GetHandle:
    """Ask the zygote's actor for its `ZygoteHandle`."""


@dataclass(frozen=True, slots=True)
class GetReport:
    """Ask the zygote's actor what its probe found: a list of `LayerReport`."""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker is confined and warm.

    Attributes:
        pid: its actor.
        process: its process, so that the executor can kill it while its actor is busy.
        token: the start token it was asked for under; a restarted worker comes with an old one.
    """

    pid: Pid
    process: WorkerProcess
    token: int


@dataclass(frozen=True, slots=True)
class StartFailed:
    """A worker could not be started."""

    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """Run one request in a worker.

    Attributes:
        id: number of the execution, for the log and telemetry.
        request: what to run.
        limits: its limits, the executor's own filled in.
        queued_s: seconds it waited for the worker.
    """

    id: int
    request: Execute
    limits: Limits
    queued_s: float


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The caller of an execution has gone."""

    id: int


@dataclass(frozen=True, slots=True)
class QueueTimeout:
    """An execution has waited for a worker for too long."""

    id: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more work; reply when all that was accepted is done."""


@dataclass(frozen=True, slots=True)
class GetStats:
    """Ask an executor for its books: a `Stats`."""


@dataclass(frozen=True, slots=True)
class GetProcesses:
    """Ask an executor for its processes: a dict of new pidfds, which the asker closes, to process ids."""


@dataclass(frozen=True, slots=True)
class Stats:
    """How busy an executor is.

    Attributes:
        ready, busy, starting: its workers.
        queued: requests that wait for one.
    """

    ready: int
    busy: int
    starting: int
    queued: int
