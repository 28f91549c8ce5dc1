"""Locks by key: first come, first served; freed when the holder leaves, raises or ends.

A claim waits on a `CallFuture` that is due from the holder. So an actor that would wait for itself, or for
an actor that waits for it, is refused like a call that closes a cycle.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from supervisors._errors import ActorExitedError, CallCycleError
from supervisors._future import CallFuture, running

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from supervisors._pid import Pid


class _Claim:
    """One wish to hold a key, granted or waiting."""

    __slots__ = ("future", "key", "owner", "thread")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.owner = running.pid
        self.thread = threading.current_thread()
        self.future = CallFuture()
        self.future.caller = self.owner


class KeyLocks:
    """The locks of one registry. Keys come in as `strict` makes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[Hashable, deque[_Claim]] = {}  # the first of each holds the key
        self._by_owner: dict[Pid, set[_Claim]] = {}
        self._known: set[Pid] = set()  # whose end will run `_forget`

    def __len__(self) -> int:
        return len(self._queues)

    @contextmanager
    def hold(self, key: Hashable, timeout: float | None = None) -> Iterator[None]:
        """Wait for a key and hold it; blocks the calling thread.

        Raises:
            CallCycleError: the caller holds it, or the holder waits for the caller.
            CallTimeoutError: it was not free within `timeout` seconds.
            ActorExitedError: the calling actor was killed before it had the key.
        """
        claim = _Claim(key)
        self._enter(claim)
        try:
            claim.future.get_or_abandon(timeout)
            if claim.owner is not None and claim.owner.mailbox.closed:
                raise ActorExitedError(claim.owner.name, claim.owner.mailbox.reason)
            yield
        finally:
            self._leave(claim)

    def _enter(self, claim: _Claim) -> None:
        owner = claim.owner
        known = True
        with self._lock:
            queue = self._queues.get(claim.key)
            if queue and owner is None and queue[0].thread is claim.thread:
                raise CallCycleError([claim.thread.name, claim.thread.name])
            if queue is None:
                queue = self._queues[claim.key] = deque()
            queue.append(claim)
            if owner is not None:
                known = owner in self._known
                self._known.add(owner)
                self._by_owner.setdefault(owner, set()).add(claim)
            self._grant(queue)
        if owner is not None and not known:
            owner.on_release(partial(self._forget, owner))

    def _leave(self, claim: _Claim) -> None:
        with self._lock:
            self._remove(claim)

    def _forget(self, owner: Pid) -> None:
        """Free what an ending actor holds and end its waits; runs in the ending thread."""
        with self._lock:
            self._known.discard(owner)
            claims = list(self._by_owner.get(owner, ()))
            for claim in claims:
                self._remove(claim)
        for claim in claims:
            claim.future.target = owner
            claim.future.exited(owner.mailbox.reason)

    def _remove(self, claim: _Claim) -> None:
        if claim.owner is not None:
            claims = self._by_owner.get(claim.owner, set())
            claims.discard(claim)
            if not claims:
                self._by_owner.pop(claim.owner, None)
        queue = self._queues.get(claim.key)
        if queue is None or claim not in queue:
            return
        queue.remove(claim)
        if queue:
            self._grant(queue)
        else:
            del self._queues[claim.key]

    @staticmethod
    def _grant(queue: deque[_Claim]) -> None:
        """Let the first go on, and tell the others whom they wait for."""
        first = queue[0]
        for other in queue:
            other.future.target = first.owner
        first.future.target = None
        first.future.reply(None)
