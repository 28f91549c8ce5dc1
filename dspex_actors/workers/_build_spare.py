"""The worker that waits for the next program to compile.

It is there after the first program, so that who never sends one has none. It is fresh like any other: it has
compiled nothing of a guest's.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from dspex_actors._errors import WorkerLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.workers._build import BuildWatch
    from dspex_actors.workers._causes import Timers
    from dspex_actors.workers._process import WorkerProcess

_RENEWED_AFTER_S = 0.02
"""When a spare is started: the program that was compiled runs first."""


class SpareBuilder:
    """See the module. Any thread may use it.

    Args:
        spawn: gives a fresh worker, before it is ready.
        start_timeout_s: seconds that one may take to be ready.
    """

    def __init__(self, spawn: Callable[[], WorkerProcess], start_timeout_s: float) -> None:
        self._spawn = spawn
        self._start_timeout_s = start_timeout_s
        self._lock = threading.Lock()
        self._spare: WorkerProcess | None = None
        self._closed = False

    def take(self, timers: Timers, watch: BuildWatch) -> WorkerProcess:
        """Return a worker that is ready: the spare if it lives, else a new one.

        Args:
            timers: arms the timeout.
            watch: is told of the worker, also when that is not ready yet.

        Raises:
            WorkerLostError: none could be had.
        """
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            with suppress(WorkerLostError):  # it has ended meanwhile
                return self._ready(spare, timers, watch)
        return self._ready(self._spawn(), timers, watch)

    def _ready(self, worker: WorkerProcess, timers: Timers, watch: BuildWatch) -> WorkerProcess:
        watch.attach(worker)
        try:
            worker.wait_ready(self._start_timeout_s, timers)
        except BaseException:
            watch.attach(None)
            worker.close()
            raise
        return worker

    def renew(self, timers: Timers) -> None:
        """Start a spare in a moment, if there is none.

        Args:
            timers: arms that moment.
        """
        timers.arm(_RENEWED_AFTER_S, self._renew)

    def _renew(self) -> None:
        with self._lock:
            if self._spare is None and not self._closed:
                with suppress(WorkerLostError):  # the zygote is gone, and this object with it
                    self._spare = self._spawn()

    def close(self) -> None:
        """End the spare, and start no other. Quiet the second time."""
        with self._lock:
            spare, self._spare, self._closed = self._spare, None, True
        if spare is not None:
            spare.close()
