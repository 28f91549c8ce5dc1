"""The host's watch over one request: its deadline, and the memory that its worker really has.

The kernel's own limits come first, see `confine._limits`: beyond them a guest gets a `MemoryError` at once.
But they count what is reserved as writable, and a guest can have memory that is not: pages that it has filled
and then made read-only, or mappings that grow like a stack. Those end at the limit of address space, which
leaves 256 MiB of room for libraries. So the host looks at the memory itself, every twentieth of a second,
while a request is under way. A shorter request costs one timer, and is never looked at.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors.workers import _pidfds
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._queue_watch import queued_in_network_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors._limits import Limits
    from dspex_actors.workers._causes import Cancelable, Timers
    from dspex_actors.workers._driver_watch import DriverWatch

LOOK_S = 0.05
"""Seconds from look to look. In that time a guest can fill a hundred megabytes or so."""

SLACK = 32 * 2**20
"""Bytes beyond the limit that are left alone: the stack, tables of libraries, the report of a failure."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Footprint(NamedTuple):
    """Memory of a process, in bytes.

    Attributes:
        filled: what it has filled and shares with no file.
        reserved: what it may fill: its private writable mappings and its stack.
    """

    filled: int
    reserved: int


def footprint_of(statm: str) -> Footprint:
    """Read the content of a process's `statm` file; see proc_pid_statm(5)."""
    _, resident, shared, _, _, data, *_ = map(int, statm.split())
    return Footprint((resident - shared) * _PAGE, data * _PAGE)


def look_at(pid: int) -> Footprint | None:
    """Return the memory of a process, None if it is gone or must not be seen."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 -- half the time of pathlib
            return footprint_of(file.read())
    except (OSError, ValueError):
        return None


class RequestWatch:
    """Has a worker killed when its request takes too long, or its memory is too much.

    Args:
        limits: of the request.
        timers: arms the looks; they run in the timers' thread.
        kill: called at most once, with the reason.
        memory: how many bytes the worker has more than an idle one; None if nobody can tell.
        grace_s: seconds beyond the deadline, for a worker that ends the request by itself.
    """

    def __init__(
        self,
        limits: Limits,
        timers: Timers,
        kill: Callable[[Cause], object],
        memory: Callable[[], int | None],
        grace_s: float = 0.0,
    ) -> None:
        self._limits = limits
        self._timers = timers
        self._kill = kill
        self._memory = memory
        self._over = False
        self._timer: Cancelable | None = None
        if limits.time_s is not None:
            self._deadline = time.monotonic() + limits.time_s + grace_s
        if limits.time_s is not None or limits.memory_bytes is not None:
            left_s = None if limits.time_s is None else limits.time_s + grace_s
            self._timer = timers.arm(self._next_s(left_s), self._look)

    def cancel(self) -> None:
        """Look no more. Quiet the second time."""
        self._over = True
        if self._timer is not None:
            self._timer.cancel()

    def _next_s(self, left_s: float | None) -> float:
        if left_s is None or self._limits.memory_bytes is None:
            return LOOK_S if left_s is None else left_s
        return min(LOOK_S, left_s)

    def _look(self) -> None:
        """Kill, or arm the next look. Runs in the timers' thread."""
        if self._over:
            return
        left_s = None if self._limits.time_s is None else self._deadline - time.monotonic()
        if left_s is not None and left_s <= 0:
            self._kill(Cause.TIME)
            return
        allowed = self._limits.memory_bytes
        used = None if allowed is None else self._memory()
        if allowed is not None and used is not None and used > allowed + SLACK:
            self._kill(Cause.MEMORY)
            return
        timer = self._timers.arm(self._next_s(left_s), self._look)
        self._timer = timer
        if self._over:  # since we looked
            timer.cancel()


def memory_beyond(
    pid: int, pidfd: int, zygote_pid: int, driver: DriverWatch | None = None, *, own_network: bool = False
) -> int | None:
    """Return how many bytes a worker has filled beyond what an idle one may fill; None if nobody can tell.

    Args:
        pid: of the worker.
        pidfd: of the same; tells whether the number was still its own when it was looked at.
        zygote_pid: of its zygote, which every worker starts as a copy of; 0 if it is not known.
        driver: the watch over its child, whose memory counts too if it has one.
        own_network: whether it has a network of its own, in which what waits to be read counts too.
    """
    if not zygote_pid:
        return None
    worker, zygote = look_at(pid), look_at(zygote_pid)
    queued = queued_in_network_of(pid) if own_network else 0
    if worker is None or zygote is None or _pidfds.wait_ended(pidfd, 0):
        return None
    own = worker.filled - zygote.reserved
    return queued + (own if driver is None else max(own, driver.beyond(pid)))
