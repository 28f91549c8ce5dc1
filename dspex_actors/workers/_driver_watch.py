"""What the host sees of a driver: the child of a worker in which another language than Python runs.

The kernel's limit of memory counts what is reserved as writable. A runtime reserves much before it has any
guest code (Node 500 MiB for machine code), and what a guest fills of that the limit does not see. So the host
looks at what the driver has filled, as it does with the worker.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from dspex_actors.workers._protocol import Footprint

if TYPE_CHECKING:
    from dspex_actors.workers._groups import WorkerGroup

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ROOM = 64 * 2**20
"""Bytes beyond the limit that a driver may have filled: what its collector has not got to.

With the slack that every look has it is 96 MiB.
"""


class DriverWatch:
    """The memory of the children of one worker, compared with what they had filled when they were idle.

    Attributes:
        footprint: what the trial of the engine has found that an idle driver uses.
    """

    def __init__(self, footprint: Footprint | None = None) -> None:
        self.footprint = footprint or Footprint()
        self._idle: int | None = None

    def begin(self, pid: int, group: WorkerGroup | None = None) -> None:
        """Note what an idle driver has filled: nothing, where each call starts one of its own.

        Args:
            pid: of the worker, which is ready and has not had a request.
            group: the worker's control group; a driver may have been started before the worker was put there.

        Raises:
            OSError: the kernel refused.
        """
        children = children_of(pid)
        self._idle = _filled_below(pid) if children else 0
        while group is not None and children:
            child = children.pop()
            children += children_of(child)
            with suppress(ProcessLookupError):  # it has ended meanwhile
                group.add(child)

    @property
    def room(self) -> int:
        """Bytes that worker and driver may have filled beside the limit; more than `beyond` lets them."""
        return (self._idle or 0) + 2 * _ROOM

    def beyond(self, pid: int) -> int:
        """Return how many bytes the driver has filled beyond that and its room; 0 if nobody can tell.

        Args:
            pid: of the worker.
        """
        now = _filled_below(pid)
        return 0 if self._idle is None or now is None else now - self._idle - _ROOM


def children_of(pid: int) -> list[int]:
    """Return the process ids of the children of a process with one thread; none if they cannot be seen."""
    path = f"/proc/{pid}/task/{pid}/children"
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 -- half the time of pathlib
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _filled_below(pid: int) -> int | None:
    """Return the bytes that a process's children have filled and share with no file; None without any."""
    filled = [each for each in map(_filled_by, children_of(pid)) if each is not None]
    return sum(filled) if filled else None


def _filled_by(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 -- as above
            _, resident, shared, *_ = map(int, file.read().split())
    except (OSError, ValueError):
        return None
    return (resident - shared) * _PAGE
