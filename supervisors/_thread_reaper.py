"""The reaper of hosts without pidfds and epoll, such as macOS: a thread and a look every 50 ms per process.

Weaker than `_reaper.Reaper` in two ways: an exit is seen up to 50 ms late, and the group is killed after its
leader was reaped, when its number could in principle belong to somebody else if no member was left.
"""

from __future__ import annotations

import select
import threading
from typing import TYPE_CHECKING, Final

from supervisors._log import log

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._reaper import ChildProcess

LOOK_EVERY_S: Final = 0.05  # seconds; a compromise between lateness and idle wake-ups


class ThreadReaper:
    """Watches each process from a thread of its own."""

    def watch(self, process: ChildProcess, on_exit: Callable[[int], object]) -> None:
        """Reap `process` when it ends, then call `on_exit(returncode)` in its watching thread."""
        threading.Thread(
            target=self._watch, args=(process, on_exit), name=f"supervisors-reaper-{process.pid}", daemon=True
        ).start()

    def close(self) -> None:
        """Do nothing: each thread ends with its process."""

    def _watch(self, process: ChildProcess, on_exit: Callable[[int], object]) -> None:
        reading = [process.stderr_fd] if process.stderr_fd >= 0 else []
        while process.popen.poll() is None:
            ready, _, _ = select.select(reading, [], [], LOOK_EVERY_S)
            if ready and not process.read_stderr():
                reading = []
        returncode = process.reap()
        try:
            on_exit(returncode)
        except Exception as error:  # noqa: BLE001 -- as in Reaper: the thread has nobody to tell
            log("error", "reaper.callback_failed", process=process.pid, error=error)
