"""What the actors of one sandbox say to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dspex_actors._execution import Execute
    from dspex_actors._limits import Limits
    from dspex_actors.workers import LayerReport, WorkerProcess
    from supervisors import Pid


class GetHandle(NamedTuple):
    """Ask the zygote's actor for its `ZygoteHandle`."""


class GetNetwork(NamedTuple):
    """Ask the network's actor for its `Proxy`."""


class GetReport(NamedTuple):
    """Ask the zygote's actor what its probe found: a `ProbeReport`."""


class ProbeReport(NamedTuple):
    """What the probe of a zygote has found.

    Attributes:
        layers: each layer, in the order of the table.
        no_copies: why the state of a session cannot be copied; empty if it can.
    """

    layers: tuple[LayerReport, ...]
    no_copies: str


class WorkerReady(NamedTuple):
    """A worker is confined and warm.

    Attributes:
        pid: its actor.
        process: its process, so that the executor can kill it while its actor is busy.
        token: the start token it was asked for under; a restarted worker comes with an old one.
    """

    pid: Pid
    process: WorkerProcess
    token: int


class StillBusy(NamedTuple):
    """A worker's guest is not done at once; until it is, another spare is wanted in its place."""


class StartFailed(NamedTuple):
    """A worker could not be started."""

    token: int
    reason: str


class Run(NamedTuple):
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


class Withdraw(NamedTuple):
    """The caller of an execution has gone."""

    id: int


class QueueTimeout(NamedTuple):
    """An execution has waited for a worker for too long."""

    id: int


class Drain(NamedTuple):
    """Take no more work; reply when all that was accepted is done."""


class GetStats(NamedTuple):
    """Ask an executor for its books: a `Stats`."""


class GetProcesses(NamedTuple):
    """Ask an executor for its processes: a dict of new pidfds, which the asker closes, to process ids."""


class Stats(NamedTuple):
    """How busy an executor is.

    Attributes:
        ready, busy, starting: its workers.
        queued: requests that wait for one.
    """

    ready: int
    busy: int
    starting: int
    queued: int
