"""All deadlines of a tree on one thread.

Arming and cancelling are on the path of every guarded call, so they are a heap push and a flag under one
lock. The thread is woken only for a deadline earlier than the one it sleeps towards; a cancelled entry
stays in the heap until it comes up or until the cancelled ones are the majority.
"""

from __future__ import annotations

import math
import threading
from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from supervisors._log import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._clock import Clock

COMPACT_ABOVE: Final = 64  # cancelled entries; fewer are not worth a rebuild


class ArmedTimer:
    """One timer of `Timers`."""

    __slots__ = ("_timers", "callback")

    def __init__(self, timers: Timers, callback: Callable[[], object]) -> None:
        self._timers = timers
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> bool:
        """Disarm; False when the callback has run, is running, or was cancelled before."""
        return self._timers.cancel(self)


class Timers:
    """A heap of deadlines and the daemon thread that serves it, started by the first `arm`.

    Args:
        clock: what `arm` counts on; the thread itself sleeps in real seconds.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Lock()  # released to wake the thread; a binary semaphore
        self._wake.acquire()
        self._heap: list[tuple[float, int, ArmedTimer]] = []
        self._serial = count()
        self._cancelled = 0
        self._sleeps_until = -math.inf
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        """Count the heap's entries, those cancelled and not yet removed included."""
        return len(self._heap)

    def arm(self, seconds: float, callback: Callable[[], object]) -> ArmedTimer:
        """Run `callback` after `seconds`, in the timer thread; it must be short.

        What it raises is logged.
        """
        timer = ArmedTimer(self, callback)
        deadline = self._clock.now() + seconds
        with self._lock:
            heappush(self._heap, (deadline, next(self._serial), timer))
            if self._thread is None:
                self._start()
            wake = deadline < self._sleeps_until
            if wake:
                self._sleeps_until = deadline
        if wake:
            self._rouse()
        return timer

    def cancel(self, timer: ArmedTimer) -> bool:
        """See `ArmedTimer.cancel`."""
        with self._lock:
            if timer.callback is None:
                return False
            timer.callback = None
            self._cancelled += 1
            if self._cancelled > COMPACT_ABOVE and self._cancelled * 2 > len(self._heap):
                self._heap = [entry for entry in self._heap if entry[2].callback is not None]
                heapify(self._heap)
                self._cancelled = 0
        if self._closed:
            self._rouse()  # it may have been the last one
        return True

    def close(self) -> None:
        """End the thread; armed timers never fire.

        A later `arm` still works, and its thread ends as soon as nothing is armed: what ends after its tree,
        such as a killed child, leaves no thread behind.
        """
        with self._lock:
            self._closed = True
            self._thread = None
            self._heap.clear()
            self._cancelled = 0
        self._rouse()

    def _start(self) -> None:
        self._sleeps_until = -math.inf
        self._thread = threading.Thread(target=self._run, name="supervisors-timers", daemon=True)
        self._thread.start()

    def _rouse(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            return  # released already: the thread is about to look

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._lock:
                if self._thread is not me:
                    self._rouse()  # the next thread may be the one that was meant
                    return
                callback = self._next_due()
                if self._closed and callback is None and not self._heap:
                    self._thread = None
                    return
                pause = self._sleeps_until - self._clock.now()
            if callback is None:
                self._wake.acquire(
                    timeout=-1 if pause == math.inf else min(max(0.0, pause), threading.TIMEOUT_MAX)
                )
                continue
            try:
                callback()
            except Exception as error:  # noqa: BLE001 -- one bad callback must not end everybody's deadlines
                log("error", "timer.callback_failed", error=error)

    def _next_due(self) -> Callable[[], object] | None:
        """Pop the next due callback; else note how long to sleep. Called with the lock held."""
        while self._heap:
            deadline, _, timer = self._heap[0]
            if timer.callback is None:
                heappop(self._heap)
                self._cancelled -= 1
            elif deadline > self._clock.now():
                self._sleeps_until = deadline
                return None
            else:
                heappop(self._heap)
                callback, timer.callback = timer.callback, None
                self._sleeps_until = -math.inf
                return callback
        self._sleeps_until = math.inf
        return None
