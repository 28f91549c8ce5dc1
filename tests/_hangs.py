"""The end of a run that hangs: where the main thread waits is printed, and the process ends.

pytest-timeout fails a test from a signal handler, which needs a main thread that still runs Python and a
teardown that ends. The thread here needs neither. It prints each different stack once, the main thread's
last, since the end of the output is what a report of a failed run shows; pytest's own dump stops after a
hundred threads, the newest first.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections import Counter

GRACE_S = 60.0  # seconds beyond the time a test may take, for its teardown; also for the end of the run
POLL_S = 1.0
STATUS = 3  # of the process, as for an internal error of pytest


class HangWatch(threading.Thread):
    """Ends the process when nothing was begun for longer than `limit_s` seconds."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(name="hang-watch", daemon=True)
        self._limit_s = limit_s
        self._stderr = os.dup(2)  # the true one: pytest captures nothing while it is configured
        self._begun = "the run", time.monotonic()

    def begin(self, what: str) -> None:
        """Note that something new has begun; called by the main thread."""
        self._begun = what, time.monotonic()

    def run(self) -> None:
        """Look at the clock until the process ends."""
        while True:
            time.sleep(POLL_S)
            what, since = self._begun
            if time.monotonic() - since > self._limit_s:
                with os.fdopen(self._stderr, "w", errors="backslashreplace") as stderr:
                    stderr.write(
                        f"\n{stacks()}\n{what} hangs for more than {self._limit_s:g} s; the run is ended\n"
                    )
                os._exit(STATUS)


def stacks() -> str:
    """Return what all threads do, equal stacks counted, the main thread last."""
    main = threading.main_thread().ident
    frames = sys._current_frames()
    of_main = "".join(traceback.format_stack(frames.pop(main))) if main in frames else "gone\n"
    others = Counter("".join(traceback.format_stack(frame)) for frame in frames.values())
    parts = [f"{number} thread(s):\n{stack}" for stack, number in others.most_common()]
    return "\n".join([*parts, f"the main thread:\n{of_main}"])
