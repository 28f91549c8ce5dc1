"""The threads actors run in, kept for a while after their actor has ended.

A new thread takes about 90 us until it runs, an idle one a fourth of that, so a crashed actor's successor
and a short task usually get one that is there already (the idea is that of trio's `_thread_cache`). Each
actor starts in an empty context; data in a `threading.local` may be an earlier actor's.
"""

from __future__ import annotations

import threading
from contextvars import Context
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_IDLE: Final = 8  # threads; arbitrary, more than restart at a time in most trees
IDLE_S: Final = 1.0  # seconds of real time an idle thread waits for an actor; arbitrary


class ActorThread:
    """The time that one actor has a thread: what of `threading.Thread` is of use, for that time."""

    __slots__ = ("_over", "ended", "ident", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.ident: int | None = None  # of the thread; None until it runs
        self.ended = False
        self._over = threading.Lock()
        self._over.acquire()

    def is_alive(self) -> bool:
        """Whether the actor's code runs in it now."""
        return self.ident is not None and not self.ended

    def join(self, timeout: float | None = None) -> None:
        """Wait until the actor's code has left it, at most `timeout` seconds."""
        if self._over.acquire(timeout=-1 if timeout is None else timeout):
            self._over.release()

    def end(self) -> None:
        """Say that the actor's code has left it."""
        self.ended = True
        self._over.release()


_Job: TypeAlias = "tuple[ActorThread, Callable[[], object]]"


class _Keeper:
    """One thread and the job it is woken for; woken without one it ends."""

    __slots__ = ("job", "pool", "thread", "wake")

    def __init__(self, pool: Threads, job: _Job) -> None:
        self.pool = pool
        self.job: _Job | None = job
        self.wake = threading.Lock()  # released to wake the thread; a binary semaphore
        self.wake.acquire()
        self.thread = threading.Thread(target=self.serve, name=job[0].name, daemon=True)

    def serve(self) -> None:
        """Do job after job."""
        kept = True
        while kept and self.job is not None:
            kept = self._do()
            if kept and not self.wake.acquire(timeout=IDLE_S) and not self.pool.leave(self):
                self.wake.acquire()  # it was given a job at the last moment

    def _do(self) -> bool:
        assert self.job is not None  # noqa: S101 -- looked at by `serve`
        (occupant, work), self.job = self.job, None
        occupant.ident = threading.get_ident()
        self.thread.name = occupant.name
        kept = False
        try:
            Context().run(work)
            kept = self.pool.rest(self)
            if kept:
                self.thread.name = "supervisors-idle"
        finally:
            occupant.end()
        return kept


class Threads:
    """The threads of one tree's actors; all are daemons."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[_Keeper] = []  # the one that rests longest first
        self._leaving: list[threading.Thread] = []
        self._closed = False

    def run(self, occupant: ActorThread, work: Callable[[], object]) -> None:
        """Run `work` in an idle thread, in a new one if there is none.

        Raises:
            RuntimeError: there is no room for one more thread.
        """
        job = occupant, work
        with self._lock:
            idle = self._idle.pop() if self._idle else None
        if idle is None:
            _Keeper(self, job).thread.start()
        else:
            idle.job = job
            idle.wake.release()

    def close(self) -> None:
        """End the idle threads, and each other one when its actor has ended. `run` still works."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._leaving += [keeper.thread for keeper in idle]
        for keeper in idle:
            keeper.wake.release()

    def join(self) -> None:
        """Wait for the threads that are ending since `close`; not for those that an actor still has."""
        with self._lock:
            leaving, self._leaving = self._leaving, []
        for thread in leaving:
            if thread is not threading.current_thread():
                thread.join()

    def rest(self, keeper: _Keeper) -> bool:
        """Take a thread back; False when it is to end."""
        with self._lock:
            if self._closed:
                self._leaving.append(keeper.thread)
            kept = not self._closed and len(self._idle) < MAX_IDLE
            if kept:
                self._idle.append(keeper)
        return kept

    def leave(self, keeper: _Keeper) -> bool:
        """Let an idle thread end; False when it was woken meanwhile."""
        with self._lock:
            if keeper not in self._idle:
                return False
            self._idle.remove(keeper)
        return True
