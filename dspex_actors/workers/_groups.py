"""The control groups of one zygote's workers: made, tried, given out and taken back by the host."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from dspex_actors._errors import DspexError, WorkerLostError
from dspex_actors._execution import Completed
from dspex_actors._limits import MIB, Limits
from dspex_actors.workers._protocol import TRIAL, LayerReport
from dspex_actors.workers._request import Program
from dspex_actors.workers.confine import _cgroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.workers._driver_watch import DriverWatch
    from dspex_actors.workers._process import WorkerProcess

_KILL_S = 1.0  # seconds after which what is left of a killed group counts as having survived
_WORKER = 1  # process; where guests run in a driver, it is none of theirs
_SLACK = 16 * MIB  # for the worker itself, and for what the kernel keeps for a process
_ATTEMPT = "starting a process too many; leaving one behind"

# The process that is left behind holds the socket, and stays when the worker is gone.
_DAEMON = """
import os, signal
result = "started"
try:
    child = os.fork()
except OSError as error:
    result = error.errno
else:
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                signal.pause()
        os._exit(0)
    os.waitpid(child, 0)
result
"""
_EAGAIN = 11


class Groups:
    """Gives each worker a control group, and removes groups that are empty.

    Args:
        scratch_bytes: of the policy; files in a scratch folder count as memory.
    """

    def __init__(self, scratch_bytes: int | None) -> None:
        self._scratch_bytes = scratch_bytes
        self._places = _cgroup.own_places()
        self._ended: list[_cgroup.Group] = []
        self._lock = threading.Lock()
        _cgroup.remove_leftovers(self._places)

    def make(self) -> WorkerGroup:
        """Make a group.

        Raises:
            OSError: we may not, or it would be of no use.
        """
        self.sweep()
        return WorkerGroup(_cgroup.Group.make(self._places), self._scratch_bytes, self._take_back)

    def _take_back(self, group: _cgroup.Group) -> None:
        if not group.remove():
            with self._lock:
                self._ended.append(group)

    def sweep(self) -> bool:
        """Remove the groups that have become empty; return whether there is none left."""
        with self._lock:
            self._ended = [group for group in self._ended if not group.remove()]
            return not self._ended

    def close(self) -> None:
        """Kill whoever is left in a group, and remove all groups."""
        deadline, tick = time.monotonic() + _KILL_S, threading.Event()
        while not self.sweep() and time.monotonic() < deadline:
            with self._lock:
                for group in self._ended:
                    group.kill()
            tick.wait(0.002)


class WorkerGroup:
    """The control group of one worker, from before its birth until after its end."""

    def __init__(
        self,
        group: _cgroup.Group,
        scratch_bytes: int | None,
        take_back: Callable[[_cgroup.Group], None],
    ) -> None:
        self._group = group
        self._scratch_bytes = scratch_bytes
        self._take_back = take_back
        self.powers = group.powers
        self.most_tasks: int | None = None  # for the trial, which must not lower the worker's own limit
        self.kill_fd = group.open_kill()
        self._bounds: tuple[int | None, int | None] = None, None

    def admit(self, worker: WorkerProcess) -> None:
        """Put a worker into this group, before it has guest code.

        Raises:
            WorkerLostError: the kernel refused; the worker is killed.
        """
        try:
            self.add(worker.facts.pid)
        except OSError as error:
            worker.close()
            raise WorkerLostError(f"the worker could not enter its control group: {error}") from error

    def add(self, pid: int) -> None:
        """Put the worker into it.

        Raises:
            OSError: the worker is gone, or the kernel refused.
        """
        self._group.add(pid)

    def limit(self, limits: Limits, driver: DriverWatch | None = None) -> None:
        """Bound the worker and all that it starts, together.

        Args:
            limits: of the request.
            driver: what the worker's own child may use beside them; None if it has none.

        Raises:
            OSError: the kernel refused.
        """
        memory, tasks = limits.memory_bytes, limits.processes
        if memory is not None:
            memory += _SLACK + (self._scratch_bytes or 0) + (0 if driver is None else driver.room)
        if tasks is not None:
            tasks += 0 if driver is None else driver.footprint.threads + _WORKER
        bounds = memory, self.most_tasks or tasks
        if bounds == self._bounds:
            return
        before = self._bounds[0]
        is_raised = before is not None and (memory is None or memory > before)
        if self._group.limit(memory_bytes=memory, tasks=bounds[1], is_raised=is_raised):
            self._bounds = bounds

    def ran_out_of_memory(self) -> bool:
        """Whether the kernel has killed any of its processes for using too much memory."""
        return self._group.memory_kills() > 0

    def processes(self) -> list[int]:
        """Return who lives in it."""
        return self._group.processes()

    def kill(self) -> None:
        """Kill all in it; quiet if there is nobody, or if it has not that power."""
        self._group.kill()

    def close(self) -> None:
        """Give it back. Quiet the second time."""
        if self.kill_fd is not None:
            os.close(self.kill_fd)
            self.kill_fd = None
        self._take_back(self._group)


class ThreadTimers:
    """Timers of threads, for a trial that comes before there is anybody to lend others."""

    def arm(self, seconds: float, callback: Callable[[], object]) -> threading.Timer:
        timer = threading.Timer(seconds, callback)
        timer.daemon = True
        timer.start()
        return timer


def try_group(worker: WorkerProcess, group: WorkerGroup, timeout_s: float) -> LayerReport:
    """Let a worker try to break out of its group; it is killed by that alone.

    Args:
        worker: not yet ready; closed by the caller.
        group: its group.
        timeout_s: seconds it may take to be ready, and then to do it.
    """
    timers, seen, limits = ThreadTimers(), [], Limits(time_s=timeout_s, processes=None)
    daemon = _DAEMON if worker.driver is None else Program(_DAEMON, step=TRIAL)
    try:
        worker.wait_ready(timeout_s, timers)
        if "tasks" in group.powers:
            group.most_tasks = 1
            crowded = worker.execute(daemon, None, limits, timers, keep=True)
            group.most_tasks = None
            if not (isinstance(crowded, Completed) and crowded.value == _EAGAIN):
                return _report(active=False, detail="a process too many was started")
            seen.append("processes")
        if "memory" in group.powers:
            seen.append("memory (set, not tried)")  # trying takes as long as filling it
        if "kill" in group.powers:
            worker.execute(daemon, None, limits, timers, keep=True)
            started = len(group.processes())
            group.kill()
            if started < 2 or not _is_empty(group):
                return _report(active=False, detail=f"of {started} processes not all were killed")
            seen.append("kill")
    except (DspexError, OSError) as error:
        return _report(active=False, detail=str(error))
    return _report(active=True, detail=f"has power over: {', '.join(seen)}")


def _is_empty(group: WorkerGroup) -> bool:
    """Wait until nobody lives in a group; False if somebody does when the time is up."""
    deadline, tick = time.monotonic() + _KILL_S, threading.Event()
    while group.processes() and time.monotonic() < deadline:
        tick.wait(0.002)
    return not group.processes()


def _report(*, active: bool, detail: str) -> LayerReport:
    return LayerReport("cgroup", active, _ATTEMPT, detail)


def missing(reason: str) -> LayerReport:
    """Return the report of a machine, or a profile, without control groups."""
    return _report(active=False, detail=reason)


def with_group_kill(layers: list[LayerReport], group: LayerReport) -> list[LayerReport]:
    """Return the reports with the group's, which may be what makes a kill complete.

    Args:
        layers: of the zygote.
        group: from `try_group`, or `missing`.
    """
    by_group = group.active and group.detail.endswith("kill")
    merged = [
        msgspec.structs.replace(layer, active=True, detail="cgroup: its kill file ends all in it", fix="")
        if layer.name == "reliable_kill" and not layer.active and by_group
        else layer
        for layer in layers
    ]
    return [*merged, group]
