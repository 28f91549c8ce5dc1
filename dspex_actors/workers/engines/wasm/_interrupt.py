"""Interrupting the calls of a session that are out of time, by one thread that sleeps through most of them.

A thread for each call would take longer than a short call. This one sleeps until the deadline that it knew of
when it fell asleep; calls that begin later have later ones, as a rule, and need not wake it.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Interrupter:
    """See the module.

    Args:
        interrupt: called at a deadline, in the thread of this object.
    """

    def __init__(self, interrupt: Callable[[], object]) -> None:
        self._interrupt = interrupt
        self._changed = threading.Condition()
        self._deadline: float | None = None
        self._wakes_at = math.inf
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float) -> bool:
        """Take a call that may last so long; False if there may be no thread, and nothing interrupts it."""
        with self._changed:
            self._deadline = time.monotonic() + seconds
            if self._thread is None:
                return self._started()
            if self._deadline < self._wakes_at:
                self._changed.notify()
            return True

    def end(self) -> None:
        """Take the end of the call; it is not interrupted any more."""
        with self._changed:
            self._deadline = None

    def _started(self) -> bool:
        thread = threading.Thread(target=self._run, daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        """Sleep until the next deadline, for ever. Runs in a thread of its own."""
        with self._changed:
            while True:
                now = time.monotonic()
                if self._deadline is not None and self._deadline <= now:
                    self._deadline = None
                    self._interrupt()
                self._wakes_at = math.inf if self._deadline is None else self._deadline
                self._changed.wait(None if self._deadline is None else self._deadline - now)
