"""What a worker has started, and what of it is still there after its end, however it hides.

Three ways, since a listing of processes can miss one that hops: it forks and ends, again and again, always
ahead of the list. Its dead links cannot hide: orphans become children of the host, which waits for none of
them. In a pid namespace it is the first process of that which waits for them; but that one does not hop, and
has to be gone as well.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from tests.corpus._checks import LEFTOVER_S
from tests.corpus._watch import Look, Process, descendants, kill, look, pid_namespace, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

# Looks in a row that must show nothing; a hopping process hops in less than the time that these take.
QUIET_LOOKS = 3
QUIET_LOOKS_AT_PROCESSES = 12


class Family:
    """One worker and all that it starts. A context manager: it holds on to the worker's pid namespace.

    Args:
        worker: its process id, before it has guest code.
        mark: how many seccomp filters a worker has; no process can shed them.
        known: returns the process ids of the zygote and its workers.
        settle: waits until no spare worker is on its way.
        starts_processes: whether guests can start any. Else their pid namespaces are kept.
    """

    def __init__(
        self,
        worker: int,
        *,
        mark: int,
        known: Callable[[], list[int]],
        settle: Callable[[], object],
        starts_processes: bool,
    ) -> None:
        self._worker = worker
        self._mark = mark
        self._known = known
        self._settle = settle
        # Held open: else the next namespace might get the number of one that has ended.
        self._held = os.open(f"/proc/{worker}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        namespace = os.fstat(self._held).st_ino
        is_own = namespace != pid_namespace("self")
        self._namespace = namespace if is_own and starts_processes else None
        self._looks = QUIET_LOOKS_AT_PROCESSES if starts_processes else QUIET_LOOKS
        self._dead = look().dead

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._held)

    def started(self) -> list[int]:
        """Return what the worker has started and still lives, and spares that are on their way."""
        known = {*self._known(), self._worker}
        found = descendants()
        return [each.pid for each in found if each.pid not in known and found[each] >= self._mark]

    def leftovers(self) -> tuple[int, ...]:
        """Return what is still there `LEFTOVER_S` after the end of the worker, and end it."""
        strangers: set[Process] = set()
        links: dict[Process, int] = {}
        quiet = 0

        def gone() -> bool:
            nonlocal quiet
            known = {*self._known()} - {self._worker}
            seen = look()
            strangers.clear()
            strangers.update(each for each in seen.living if self._is_strange(each, seen, known))
            links.clear()
            links.update({each: seen.dead[each] for each in seen.dead.keys() - self._dead.keys()})
            self._dead = seen.dead
            quiet = 0 if strangers or links else quiet + 1
            return quiet == self._looks

        if wait_until(gone, LEFTOVER_S):
            return ()
        return self._end(strangers, links)

    def _is_strange(self, process: Process, seen: Look, known: set[int]) -> bool:
        if process.pid in known:
            return False
        return seen.living[process] >= self._mark or pid_namespace(process.pid) == self._namespace

    def _end(self, strangers: set[Process], links: dict[Process, int]) -> tuple[int, ...]:
        """End what was found; return the process ids of what was really left, dead links included."""
        self._settle()  # a spare that was on its way is known by now
        living = descendants().keys()
        left = [each for each in strangers if each in living and each.pid not in self._known()]
        for process in left:
            kill(process)
        for group in {*links.values()} - {os.getpgrp(), 0}:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        return tuple(process.pid for process in (*left, *links))
