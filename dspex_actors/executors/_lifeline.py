"""What reaches a session while its actor is blocked in a call."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dspex_actors.workers import Cause, KeptWorker


class Lifeline:
    """The process behind a session, to be killed from any thread, and the number of calls it owes.

    Shared by the session's actor, which attaches each process it gets, and by those who hold the session.

    Attributes:
        why: why the session is to end, once it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: KeptWorker | None = None
        self._cause: Cause | None = None
        self._owed = 0
        self.why = ""

    def attach(self, process: KeptWorker) -> None:
        """Take note of the actor's present process; it is killed at once if the session was cut."""
        with self._lock:
            self._process, cause = process, self._cause
        if cause is not None:
            process.kill(cause)

    def cut(self, cause: Cause, why: str) -> None:
        """Kill the process, and any that comes after it: the session is to end."""
        with self._lock:
            self._cause, self.why = self._cause or cause, self.why or why
            process = self._process
        if process is not None:
            process.kill(cause)

    @property
    def is_cut(self) -> bool:
        """Whether the session is to end."""
        return self._cause is not None

    @property
    def owed(self) -> int:
        """How many calls were sent and are not answered yet."""
        return self._owed

    def owe(self, calls: int) -> None:
        """Add to the calls that are not answered yet."""
        with self._lock:
            self._owed += calls

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of what the session runs, as the host sees them."""
        process = self._process
        return () if process is None else process.pids()
