"""The line to a database: opened when needed, replaced when lost, and a decision about what is tried again.

What is tried again: an operation that ended with `StorageUnavailableError` and certainly wrote nothing, for
as long as the line may wait. What may have been written is never tried again here; the ledger, which can tell
a write of its own from another one, does that.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, TypeVar

from dspex_actors.state._storage_errors import StorageError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.state._backend import Backend, Capability, Storage

_T = TypeVar("_T")

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0


class Line:
    """A storage that is opened again after it was lost. For one thread at a time.

    Args:
        backend: what to open.
        outage_wait_s: how long one operation may wait for a database that is not there; 0 fails at once.
        pause: waits that many seconds and returns whether to give up now; of a worker that is being stopped.
        opened: told of each storage that was opened.
        now: a clock in seconds that only goes forward.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        outage_wait_s: float = 0.0,
        pause: Callable[[float], bool] | None = None,
        opened: Callable[[Storage], object] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._wait_s = outage_wait_s
        self._pause = pause or _sleep
        self._opened = opened
        self._now = now
        self._storage: Storage | None = None
        self._down_until = 0.0
        self._down: StorageError | None = None

    @property
    def name(self) -> str:
        """The kind of the backend."""
        return self._backend.name

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the backend can do."""
        return self._backend.capabilities

    @property
    def given_up(self) -> bool:
        """Whether nothing new is to be begun: whoever this worked for was killed, and has a successor."""
        return self._pause(0)

    def open(self) -> Storage:
        """Return the storage, opening it if there is none.

        A database that could not be reached is left alone for a moment, so that many requests in a row do not
        each wait for a connection that does not come.

        Raises:
            StorageError: it cannot be opened.
        """
        if self._storage is not None:
            return self._storage
        if self._down is not None and self._now() < self._down_until:
            raise self._down
        try:
            self._storage = self._backend.open()
        except StorageUnavailableError as error:
            self._down, self._down_until = error, self._now() + _FIRST_PAUSE_S
            raise
        self._down = None
        if self._opened is not None:
            self._opened(self._storage)
        return self._storage

    def run(self, operation: Callable[[Storage], _T]) -> _T:
        """Do one operation, again if that is safe and the database comes back in time.

        Raises:
            StorageError: as the operation, or the database cannot be reached.
        """
        deadline = self._now() + self._wait_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return operation(self.open())
            except StorageUnavailableError as error:
                self.drop()
                left_s = deadline - self._now()
                if error.written is not False or left_s <= 0 or self._pause(min(pause_s, left_s)):
                    raise
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def drop(self) -> None:
        """Close the storage; the next operation opens another one."""
        storage, self._storage = self._storage, None
        if storage is not None:
            storage.close()


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
