"""Counting the CPU time of a request in the host, for workers that outlive it.

The kernel's own limit (RLIMIT_CPU) is no help there: it counts from the start of the process, a hard one can
never be raised again for the next call, and a soft one is the guest's to raise. It also counts by ticks of
the kernel's clock, which on a loaded machine was seen to kill a guest after 0.7 of 1.0 seconds; the CPU clock
of a process, which is read here, counts nanoseconds.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

from dspex_actors.workers import _pidfds
from dspex_actors.workers._driver_watch import children_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.workers._causes import Cancelable, Timers

LEAST_S: Final = 0.05
"""Seconds between two looks, at least: a guest may use that much more than its limit on each core."""

_WHOLE_PROCESS: Final = 2  # CPUCLOCK_SCHED of linux/posix-timers.h; a thread's clock has the bit 4 beside it


class CpuWatch:
    """Calls back when a process has used its CPU seconds. Any thread may use it.

    Args:
        read: returns what the process has used so far, in seconds; None if it has ended.
        allowed_s: CPU seconds from now.
        timers: when to look again.
        exceeded: called at most once, in the timers' thread, with what was used.
        cores: how many of them the process may keep busy; None for all of this machine.
    """

    def __init__(
        self,
        read: Callable[[], float | None],
        allowed_s: float,
        timers: Timers,
        exceeded: Callable[[float], object],
        *,
        cores: int | None = None,
    ) -> None:
        self._read = read
        self._allowed_s = allowed_s
        self._timers = timers
        self._exceeded = exceeded
        self._cores = cores or os.cpu_count() or 1
        self._lock = threading.Lock()
        self._timer: Cancelable | None = None
        self._is_over = False
        begun = read()
        if begun is None:
            self._is_over = True
            return
        self._begun_s = begun
        self._arm(allowed_s)

    def _arm(self, left_s: float) -> None:
        """Look again when it can have used what is left, if it keeps all cores busy."""
        with self._lock:
            if not self._is_over:
                self._timer = self._timers.arm(max(left_s / self._cores, LEAST_S), self._look)

    def _look(self) -> None:
        now = None if self._is_over else self._read()
        if now is None:
            return
        used = now - self._begun_s
        if used >= self._allowed_s:
            self._exceeded(used)
        else:
            self._arm(self._allowed_s - used)

    def cancel(self) -> None:
        """Watch no longer."""
        with self._lock:
            self._is_over = True
            timer = self._timer
        if timer is not None:
            timer.cancel()


def cpu_s_of(pid: int, pidfd: int, *, has_driver: bool = False) -> float | None:
    """Return the CPU seconds that a process has used in all its threads; None if it has ended.

    Args:
        pid: its process id.
        pidfd: its descriptor, which tells whether the number still was its own.
        has_driver: whether what its living children have used counts, too.
    """
    if pid <= 0:
        return None
    seconds = _clock(pid)
    if has_driver and seconds is not None:
        seconds += sum(_clock(child) or 0.0 for child in children_of(pid))
    return None if _pidfds.wait_ended(pidfd, 0) else seconds


def _clock(pid: int) -> float | None:
    try:
        return time.clock_gettime(~pid << 3 | _WHOLE_PROCESS)
    except OSError:
        return None
