"""Which request gets which worker, and how many workers to start: no thread, clock or process in here.

A worker is starting, ready or busy; a request is queued or running. Requests are served in order of arrival.
The worker that got ready last is used first: more of its memory is still in the processor's caches.

Workers that start at the same time delay each other, so no spare starts beside the first worker of all: the
first request has the machine for itself. From then on spares start whether requests wait or not, or those
that come one after the other would each wait for a worker of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")


@dataclass
class Pool(Generic[W, R]):
    """The books of one executor. `W` and `R` are any hashable names of workers and requests.

    Attributes:
        spares: ready workers wanted beside the busy ones.
        max_workers: workers at the same time.
        max_queue: requests that may wait before the queue counts as full.
    """

    spares: int
    max_workers: int
    max_queue: int
    ready: deque[W] = field(default_factory=deque)
    busy: dict[W, R] = field(default_factory=dict)
    starting: set[int] = field(default_factory=set)
    queue: dict[R, None] = field(default_factory=dict)
    _tokens: int = 0
    _has_had_one: bool = False  # a worker that got ready

    @property
    def full(self) -> bool:
        """Whether a request that does not want to wait is to be refused."""
        return not self.ready and len(self.queue) >= self.max_queue

    @property
    def idle(self) -> bool:
        """Whether no request is queued or running."""
        return not self.queue and not self.busy

    def request(self, request: R) -> W | None:
        """Take a request; return the worker it gets now, None if it waits."""
        if not self.ready:
            self.queue[request] = None
            return None
        worker = self.ready.pop()
        self.busy[worker] = request
        return worker

    def started(self, worker: W, token: int) -> R | None:
        """Book a new worker, ready under its start token; return the request it gets."""
        self.starting.discard(token)
        self._has_had_one = True
        return self.free(worker)

    def free(self, worker: W) -> R | None:
        """Book a worker as ready; return the request it gets, None if it idles."""
        self.busy.pop(worker, None)
        if not self.queue:
            if worker not in self.ready:
                self.ready.append(worker)
            return None
        request = next(iter(self.queue))
        del self.queue[request]
        self.busy[worker] = request
        return request

    def gone(self, worker: W) -> R | None:
        """Strike a worker that ended; return the request it was running."""
        if worker in self.ready:
            self.ready.remove(worker)
        return self.busy.pop(worker, None)

    def restarting(self, token: int) -> None:
        """Book a worker as being started again by its supervisor, under the token of its first start."""
        self.starting.add(token)

    def start_failed(self, token: int) -> R | None:
        """Strike a start that failed; return the oldest request if nothing is left that would serve it."""
        self.starting.discard(token)
        if self.queue and not self.busy and not self.starting:
            request = next(iter(self.queue))
            del self.queue[request]
            return request
        return None

    def withdraw(self, request: R) -> W | None:
        """Drop a request; return the worker that is running it, None if it was only queued."""
        if request in self.queue:
            del self.queue[request]
            return None
        return next((worker for worker, running in self.busy.items() if running == request), None)

    def wanted(self) -> list[int]:
        """Return a start token for each worker that should be started now."""
        wanted = len(self.busy) + len(self.queue) + self.spares
        if not self._has_had_one:
            wanted = max(len(self.queue), min(self.spares, 1))
        target = min(self.max_workers, wanted)
        missing = target - len(self.ready) - len(self.busy) - len(self.starting)
        tokens = list(range(self._tokens + 1, self._tokens + 1 + max(missing, 0)))
        self._tokens += len(tokens)
        self.starting.update(tokens)
        return tokens
