"""The workers of one zygote that somebody waits for, so that whoever ends them all reaches them as well."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dspex_actors.workers._process import WorkerProcess


class Starts:
    """See the module. Any thread may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[WorkerProcess, None] = {}

    @contextmanager
    def of(self, worker: WorkerProcess) -> Iterator[None]:
        """Count a worker among them while it starts."""
        with self._lock:
            self._under_way[worker] = None
        try:
            yield
        finally:
            with self._lock:
                del self._under_way[worker]

    def under_way(self) -> list[WorkerProcess]:
        """Return those that are starting."""
        with self._lock:
            return list(self._under_way)
