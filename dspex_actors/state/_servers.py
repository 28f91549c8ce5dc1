"""Connections to a database server: lent, taken back, thrown away when broken, and what is tried again.

A server can go away at any moment. What then happens to a call depends on what is known of it:

| the connection was lost | the call |
|---|---|
| while nobody used it | is made with a new one |
| in a read, or before a change was sent to its end | is made again, once: the server may be well |
| after a change was sent, and before the answer came | ends: `StorageUnavailableError` with `written=None` |

How long a call waits for a server that cannot be reached is not decided here, but by the store.

Assumptions: an operation given to `Calls.run` raises `StorageUnavailableError` when its connection is lost,
with the `written` that is true of it, and other errors of ours only while the connection still works.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from dspex_actors.state._errors import StateError
from dspex_actors.state._storage_errors import (
    StorageBusyError,
    StorageClosedError,
    StorageError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Connection = TypeVar("_Connection")
_Result = TypeVar("_Result")


class Line(Protocol[_Connection]):
    """How to reach a server."""

    def connect(self) -> _Connection:
        """Return a new connection.

        Raises:
            StorageError: there is none to be had; nothing was written.
        """
        ...

    def is_sound(self, connection: _Connection) -> bool:
        """Return whether it could be used, as far as can be seen without asking the server."""
        ...

    def disconnect(self, connection: _Connection) -> None:
        """Close a connection, broken ones too; raises nothing."""
        ...


class Pool(Generic[_Connection]):
    """Keeps the connections that nobody uses, and bounds how many there are.

    Args:
        name: kind of the backend, for errors.
        line: how to reach the server.
        limit: the most connections at a time.
        busy_timeout_s: how long to wait for one of them before `StorageBusyError`.
    """

    def __init__(self, name: str, line: Line[_Connection], *, limit: int, busy_timeout_s: float) -> None:
        self._name = name
        self._line = line
        self._places = threading.BoundedSemaphore(limit)
        self._busy_timeout_s = busy_timeout_s
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []
        self._users = 0

    def join(self) -> None:
        """Count one more user; each of them leaves once."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Count one user less. With the last one, the connections are closed."""
        with self._lock:
            self._users -= 1
            gone, self._idle = (self._idle, []) if not self._users else ([], self._idle)
        for each in gone:
            self._line.disconnect(each)

    @contextmanager
    def lend(self, operation: str) -> Iterator[_Connection]:
        """Lend a connection: one that is there and sound, or a new one.

        It is kept if the block ends well or with an error of ours that says nothing of a lost connection;
        after any other its state is unknown, so it is closed.

        Raises:
            StorageBusyError: all are lent, and none came back in time.
            StorageError: a new one could not be made.
        """
        if not self._places.acquire(timeout=self._busy_timeout_s):
            reason = f"all connections were in use for {self._busy_timeout_s} s"
            raise StorageBusyError(self._name, operation, reason)
        try:
            connection = self._sound_one()
            if connection is None:
                connection = self._connect(operation)
            kept = False
            try:
                yield connection
                kept = True
            except StateError as error:
                kept = not isinstance(error, StorageUnavailableError)
                raise
            finally:
                self._take_back(connection, kept=kept)
        finally:
            self._places.release()

    def _connect(self, operation: str) -> _Connection:
        try:
            return self._line.connect()
        except StorageError as error:
            error.operation = operation
            error.args = (error.backend, operation, error.reason)
            raise

    def _sound_one(self) -> _Connection | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if self._line.is_sound(connection):
                return connection
            self._line.disconnect(connection)

    def _take_back(self, connection: _Connection, *, kept: bool) -> None:
        kept = kept and self._line.is_sound(connection)
        with self._lock:
            kept = kept and self._users > 0
            if kept:
                self._idle.append(connection)
        if not kept:
            self._line.disconnect(connection)


class Calls(Generic[_Connection]):
    """The operations of one storage: one at a time, and again only where that changes nothing twice.

    Args:
        name: kind of the backend, for errors.
        pool: where the connections come from. This object is one user of it until it is closed.
    """

    def __init__(self, name: str, pool: Pool[_Connection]) -> None:
        self._name = name
        self._pool = pool
        self._lock = threading.Lock()
        self._closed = False
        pool.join()

    def run(self, operation: str, act: Callable[[_Connection], _Result]) -> _Result:
        """Return what `act` does with a connection.

        Raises:
            StorageError: it failed; `written` says what is known.
        """
        reached = False

        def reaching(connection: _Connection) -> _Result:
            nonlocal reached
            reached = True
            return act(connection)

        with self._lock:
            self._check_open(operation)
            try:
                return self._once(operation, reaching)
            except StorageUnavailableError as error:
                if error.written is not False or not reached:
                    raise
            return self._once(operation, act)

    def _once(self, operation: str, act: Callable[[_Connection], _Result]) -> _Result:
        with self._pool.lend(operation) as connection:
            return act(connection)

    def _check_open(self, operation: str) -> None:
        if self._closed:
            raise StorageClosedError(self._name, operation, "it was closed")

    def check_open(self, operation: str) -> None:
        """Refuse an operation after `close`.

        Raises:
            StorageClosedError: it was closed.
        """
        with self._lock:
            self._check_open(operation)

    def close(self) -> None:
        """Wait for the operation that runs, and leave the pool. Twice is quiet."""
        with self._lock:
            closed, self._closed = self._closed, True
        if not closed:
            self._pool.leave()
