"""Threads that would not end: Python cannot kill one, so they are counted and shown instead."""

from __future__ import annotations

import os.path
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisors import telemetry
from supervisors._log import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._clock import Timer
    from supervisors._pid import Pid
    from supervisors._system import System
    from supervisors._threads import ActorThread

_STDLIB = os.path.dirname(threading.__file__)  # noqa: PTH120 -- pathlib would be half of the import time


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The thread of a killed actor, or of work nobody waits for, that was there when it was looked for.

    `where` is `file:line` of its innermost frame outside the standard library; `since` is the time of the
    kill on the system's clock. The actor is fenced off: nothing reaches it, but what it is doing goes on.
    """

    id: str
    thread: str
    where: str
    since: float


class Abandonments:
    """The abandoned threads of one tree; a record goes when its thread ends after all."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._lock = threading.Lock()
        self._records: dict[object, Abandoned] = {}  # by Pid, or by a key of its own
        self._watches = 0  # not settled yet
        self._when_settled: Callable[[], object] | None = None

    def records(self) -> tuple[Abandoned, ...]:
        """Return what is abandoned now, oldest first."""
        with self._lock:
            return tuple(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def of(self, pids: set[Pid]) -> tuple[Abandoned, ...]:
        """Return what is abandoned of `pids` now, oldest first."""
        with self._lock:
            return tuple(record for pid, record in self._records.items() if pid in pids)

    def add(self, id: str, thread: ActorThread | threading.Thread) -> Callable[[], object]:  # noqa: A002 -- as in the record
        """Record a thread that works on although what it does is of no use any more.

        Args:
            id: says what it does.
            thread: has been started.

        Returns:
            A function to call when it is through; the record goes then.
        """
        key = object()
        record = Abandoned(id, thread.name, where_is(thread), self._system.clock.now())
        with self._lock:
            self._records[key] = record
        self._tell(record)
        return lambda: self._forget(key)

    def watch(self, pid: Pid, on_settled: Callable[[], object] | None) -> None:
        """Wait, without a thread, until the killed `pid`'s thread ends or the grace is over.

        Args:
            pid: has been fenced off.
            on_settled: called once, by the ending thread or by the timer thread.
        """
        since = self._system.clock.now()
        pending: list[Callable[[], object]] = [on_settled or _nothing]  # popped by whoever is first
        timer: list[Timer] = []

        def expire() -> None:
            if pending:
                self._record(pid, since)
                self._settle(pending)

        def ended() -> None:
            for armed in timer:
                armed.cancel()
            self._forget(pid)
            self._settle(pending)

        with self._lock:
            self._watches += 1
        timer.append(self._system.timers.arm(self._system.kill_grace_s, expire))
        pid.on_thread_end(ended)

    def when_settled(self, callback: Callable[[], object]) -> None:
        """Run `callback` as soon as no killed thread is waited for, and again whenever that comes about."""
        with self._lock:
            self._when_settled = callback
            if self._watches:
                return
        callback()

    def _settle(self, pending: list[Callable[[], object]]) -> None:
        try:
            settled = pending.pop()
        except IndexError:
            return
        settled()
        with self._lock:
            self._watches -= 1
            last = self._when_settled if not self._watches else None
        if last is not None:
            last()

    def _record(self, pid: Pid, since: float) -> None:
        thread = pid.thread
        if thread is None or not thread.is_alive():
            return
        record = Abandoned(pid.name, thread.name, where_is(thread), since)
        with self._lock:
            if pid.has_thread_ended:
                return
            self._records[pid] = record
        self._tell(record)

    def _forget(self, key: object) -> None:
        with self._lock:
            self._records.pop(key, None)

    def _tell(self, record: Abandoned) -> None:
        log("error", "actor.abandoned", actor=record.id, thread=record.thread, where=record.where)
        self._system.telemetry.emit(telemetry.ACTOR_ABANDONED, {"since": record.since}, {"record": record})


def where_is(thread: ActorThread | threading.Thread) -> str:
    """Return `file:line` of a thread's innermost frame outside the standard library."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 -- documented; the only way to see another thread's frame
    innermost = frame
    while frame is not None and os.path.dirname(frame.f_code.co_filename) == _STDLIB:  # noqa: PTH120 -- as above
        frame = frame.f_back
    frame = frame or innermost
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "unknown"


def _nothing() -> None:
    pass
