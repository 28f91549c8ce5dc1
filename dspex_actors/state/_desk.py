"""The thread of a store that does the database's work, in the order in which it is asked for.

A database may take seconds, for a lock or for a network. In the store's own thread that would make the actor
deaf: to being stopped, to watchers, to `get_status`. So the actor hands each request to this thread and goes
on. Saves that are waiting when the thread looks are written together, and wait for the disk together.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

from dspex_actors._errors import DspexError
from dspex_actors.state._door import NOT_NOW
from dspex_actors.state._messages import Write
from dspex_actors.state._storage_errors import StorageClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._ledger import Draft, Ledger
    from dspex_actors.state._messages import ReadState, Request
    from dspex_actors.state._stored import StoredVersion

_MOST_TOGETHER: Final = 256
_MOST_BYTES: Final = 32 * 2**20


class Answer(Protocol):
    """Whoever waits for a request: the sender of a call, or a stand-in."""

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits any more."""
        ...

    def reply(self, value: Any) -> object:  # noqa: ANN401 -- each request has its own reply
        """Give the result."""
        ...

    def fail(self, error: BaseException) -> object:
        """Give an error."""
        ...


class Desk:
    """Requests, and the thread that does them.

    Args:
        config: of the store.
        saved: told of each version that was saved, in this thread.
        broke: told of an error that is none of this package's, in this thread.
    """

    def __init__(
        self,
        config: StoreConfig,
        saved: Callable[[StoredVersion], object],
        broke: Callable[[BaseException], object],
    ) -> None:
        self._config = config
        self._saved = saved
        self._broke = broke
        self._waiting: deque[tuple[Request, Answer]] = deque()
        self._lock = threading.Lock()
        self._asleep = False  # whether the thread waits for `_wake`, which is held until somebody wakes it
        self._wake = threading.Lock()
        self._wake.acquire()
        self._closing = False
        self._use = threading.Lock()  # of the ledger; held while something is taken from the queue and done
        self._ledger: Ledger | None = None
        self.stopping = threading.Event()
        """Set once nothing new is begun; the line's pauses end by it."""

    def ask(self, request: Request, answer: Answer) -> None:
        """Have a request done, after those that came before."""
        with self._lock:
            if not self._closing:
                self._waiting.append((request, answer))
                self._rouse()
                return
        answer.fail(_closed())

    def _rouse(self) -> None:
        """Wake the thread if it sleeps; with the lock held. A tenth of what a `Condition` takes for it."""
        if self._asleep:
            self._asleep = False
            self._wake.release()

    def finish(self) -> None:
        """Take no more requests; the thread ends when those that are waiting are done."""
        with self._lock:
            self._closing = True
            self._rouse()

    def abandon(self) -> None:
        """Take no more requests and begin none of those that are waiting; the thread ends when it can."""
        with self._lock:
            self._closing = True
            self.stopping.set()
            left, self._waiting = list(self._waiting), deque()
            self._rouse()
        for _, answer in left:
            answer.fail(_closed())

    def try_now(self, request: ReadState) -> Any:  # noqa: ANN401 -- as `Request.run`
        """Do a request in the calling thread if nothing is waiting or being done, else return `NOT_NOW`.

        Raises:
            DspexError: why it is not done.
        """
        if not self._use.acquire(blocking=False):
            return NOT_NOW
        try:
            with self._lock:
                if self._waiting or self._closing or self._ledger is None:
                    return NOT_NOW
            return request.run(self._ledger, self._config)
        except DspexError:
            raise
        except Exception as error:
            self._broke(error)
            raise
        finally:
            self._use.release()

    # -- in the thread

    def serve(self, ledger: Ledger) -> None:
        """Do what comes until told to end, then close the database.

        Args:
            ledger: used by this thread from now on, and by those that get a turn in `try_now`.
        """
        self._ledger = ledger
        try:
            while self._wait():
                with self._use:
                    batch = self._next()
                    if batch and isinstance(batch[0][0], Write):
                        self._write(ledger, batch)
                    elif batch:
                        self._do(ledger, *batch[0])
        except BaseException as error:  # noqa: BLE001 -- the actor raises it, and ends by it
            self._broke(error)
        finally:
            self.abandon()
            with self._use:
                ledger.line.drop()

    def _wait(self) -> bool:
        """Wait for a request; False when there will be none."""
        while True:
            with self._lock:
                if self._waiting:
                    return True
                if self._closing:
                    return False
                self._asleep = True
            self._wake.acquire()

    def _next(self) -> list[tuple[Request, Answer]]:
        """Return a request, a save with those behind it; nothing if they were abandoned meanwhile."""
        with self._lock:
            if not self._waiting:
                return []
            batch = [self._waiting.popleft()]
            if isinstance(batch[0][0], Write):
                while (
                    self._waiting and len(batch) < _MOST_TOGETHER and isinstance(self._waiting[0][0], Write)
                ):
                    batch.append(self._waiting.popleft())
            return batch

    def _do(self, ledger: Ledger, request: Request, answer: Answer) -> None:
        if answer.abandoned:
            return
        try:
            reply = request.run(ledger, self._config)
        except DspexError as error:
            answer.fail(error)
        except BaseException as error:
            answer.fail(error)
            raise
        else:
            answer.reply(reply)

    def _write(self, ledger: Ledger, batch: list[tuple[Request, Answer]]) -> None:
        """Write what is waiting, in portions of bounded size."""
        drafts: list[Draft] = []
        answers: list[Answer] = []
        size = 0
        try:
            for request, answer in batch:
                if answer.abandoned or not isinstance(request, Write):
                    continue
                try:
                    draft = request.draft(ledger, self._config)
                except DspexError as error:
                    answer.fail(error)
                    continue
                drafts.append(draft)
                answers.append(answer)
                size += 0 if draft.packed is None else len(draft.packed.body)
                if size >= _MOST_BYTES:
                    self._store(ledger, drafts, answers)
                    drafts, answers, size = [], [], 0
            if drafts:
                self._store(ledger, drafts, answers)
        except BaseException as error:
            for _, answer in batch:
                answer.fail(error)  # those that were answered already do not hear of it
            raise

    def _store(self, ledger: Ledger, drafts: list[Draft], answers: list[Answer]) -> None:
        for answer, result in zip(answers, ledger.write(drafts), strict=True):
            if isinstance(result, DspexError):
                answer.fail(result)
            else:
                self._saved(result)
                answer.reply(result)


def _closed() -> StorageClosedError:
    return StorageClosedError("store", "answer", "it is being stopped")
