"""What all actors of one tree share. One object per root; there is no global state."""

from __future__ import annotations

import os
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING

from supervisors import telemetry
from supervisors._abandoned import Abandonments
from supervisors._clock import MonotonicClock
from supervisors._future import running
from supervisors._threads import ActorThread, Threads
from supervisors._timers import Timers
from supervisors.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._clock import Clock, TimerService
    from supervisors._reaper import Reaper
    from supervisors._thread_reaper import ThreadReaper

KILL_GRACE_S = 0.2  # seconds; an idle thread needs 0.1 ms, a busy one rarely less than a second


class System:
    """Clock, timers, reaper, telemetry and abandoned threads of one tree.

    A root makes its own; hand one to several roots to let them share it, and call `close` yourself then.

    Args:
        clock: seconds for deadlines and restart windows; `time.monotonic` by default.
        timers: what runs callbacks later; a thread on `clock`, started when first used, by default.
        kill_grace_s: how long the thread of a killed actor may take before it is recorded as abandoned.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        timers: TimerService | None = None,
        kill_grace_s: float = KILL_GRACE_S,
    ) -> None:
        self.clock: Clock = clock or MonotonicClock()
        self.timers: TimerService = timers or Timers(self.clock)
        self.kill_grace_s = kill_grace_s
        self.telemetry = Telemetry()
        self.abandoned = Abandonments(self)
        self.threads = Threads()
        self._lock = threading.Lock()
        self._published = threading.Condition(self._lock)
        self._waiters = 0
        self._dropped = 0
        self._living = 0  # actors that have not ended
        self._closing = False
        self._reaper: Reaper | ThreadReaper | None = None
        self.serials = count(1)  # of dynamic children, unique in the tree, so that no address is reused

    @property
    def reaper(self) -> Reaper:
        """The one thread that sees operating system processes end; made when first asked for.

        Raises:
            NotImplementedError: this host has no pidfds; `OsProcess` uses a thread for each process there.
        """
        from supervisors._reaper import Reaper  # noqa: PLC0415 -- most trees have no processes

        reaper = self.process_watcher
        if not isinstance(reaper, Reaper):
            raise NotImplementedError("this host has no pidfds")
        return reaper

    @property
    def process_watcher(self) -> Reaper | ThreadReaper:
        """What reaps the processes of this tree: the reaper, or where that cannot be a `ThreadReaper`."""
        with self._lock:
            if self._reaper is None:
                from supervisors._reaper import Reaper  # noqa: PLC0415 -- as above
                from supervisors._thread_reaper import ThreadReaper  # noqa: PLC0415 -- as above

                self._reaper = Reaper() if has_pidfds() else ThreadReaper()
            return self._reaper

    @property
    def dropped_casts(self) -> int:
        """How many casts met an actor that was dead or being restarted."""
        return self._dropped

    def count_dropped(self, target: str) -> None:
        """Note one dropped cast."""
        with self._lock:
            self._dropped += 1
        self.telemetry.emit(telemetry.CAST_DROPPED, {"count": 1}, {"target": target})

    def run_in_thread(self, name: str, work: Callable[[], object]) -> ActorThread:
        """Run what may take long in a thread of this tree, beside the actor that needs it.

        The thread is a daemon: a stop does not wait for it. Its owner says so in `abandoned` when it must
        leave it behind.

        Args:
            name: of the thread.
            work: runs in an empty context.

        Raises:
            RuntimeError: there is no room for one more thread.
        """

        def plainly() -> None:
            running.pid = None  # an actor had this thread before
            work()

        thread = ActorThread(name)
        self.threads.run(thread, plainly)
        return thread

    def published(self) -> None:
        """Wake those who wait for an address; supervisors call it when a child has become available."""
        if self._waiters:
            with self._lock:
                self._published.notify_all()

    def wait_published(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Block until `condition()`, looked at when a supervisor publishes; False after `timeout` seconds."""
        with self._lock:
            self._waiters += 1
            try:
                return self._published.wait_for(condition, timeout)
            finally:
                self._waiters -= 1

    def close(self) -> None:
        """End the threads of timers and reaper, and idle ones; called for a root's own system at its end.

        They go on while an actor lives: those below a supervisor that was killed still end in order, each
        within its limit. And while it is not known of a killed thread whether it ends.
        """
        with self._lock:
            self._closing = True
            if self._living:
                return
        self.abandoned.when_settled(self._end_threads)

    def actor_begun(self) -> None:
        """Count one more actor that needs the timers and the reaper."""
        with self._lock:
            self._living += 1

    def actor_ended(self) -> None:
        """Count one less; the last one ends the threads of a system that was closed."""
        with self._lock:
            self._living -= 1
            last = self._closing and not self._living
        if last:
            self.abandoned.when_settled(self._end_threads)

    def _end_threads(self) -> None:
        self.threads.close()
        self.timers.close()
        # Made if there was none: a process started in spite of the end is reaped, and then its thread ends.
        self.process_watcher.close()


def has_pidfds() -> bool:
    """Say whether this host can tell of the end of a process by a descriptor."""
    return hasattr(os, "pidfd_open") and sys.platform == "linux"
