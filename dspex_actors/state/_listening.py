"""The thread that hears of changes in a database server, and goes on when the connection is lost."""

from __future__ import annotations

import os
import select
import sys
import threading
from typing import TYPE_CHECKING, Final, Protocol

from dspex_actors.state._storage_errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0  # so a server that is back is found within this time

_ANYTHING: Final = ""
"""What is told instead of an id when anything may have changed."""


class Feed(Protocol):
    """A source of news about changes. One thread uses it."""

    @property
    def pause_s(self) -> float | None:
        """How long to wait before looking although nothing woke us; None for ever."""
        ...

    def fileno(self) -> int | None:
        """Return the descriptor that is readable when there may be news; None if there is none."""
        ...

    def news(self) -> list[str]:
        """Return the ids that changed since the last time, without waiting for more.

        Raises:
            StorageError: the connection is lost, or what came is not to be understood.
        """
        ...

    def close(self) -> None:
        """Close its connection; raises nothing."""
        ...


class Listener:
    """Tells functions of what a feed hears. Its thread runs while there are functions to tell.

    A function that raises ends nothing: the error goes to `threading.excepthook`.

    Args:
        connect: makes a feed, or raises `StorageError`.
    """

    def __init__(self, connect: Callable[[], Feed]) -> None:
        self._connect = connect
        self._lock = threading.Lock()
        self._told: list[Callable[[str], object]] = []
        self._thread: threading.Thread | None = None
        self._wake = -1

    def add(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Tell one more function, from before this returns until the returned function is called.

        Raises:
            StorageError: there is no feed to be had.
        """
        with self._lock:
            if self._thread is None:
                feed = self._connect()
                sleeper, self._wake = os.pipe()
                self._thread = threading.Thread(
                    target=self._listen, args=(feed, sleeper), name="dspex-state-listener", daemon=True
                )
                self._thread.start()
            self._told.append(on_change)

        def end() -> None:
            with self._lock:
                if on_change in self._told:
                    self._told.remove(on_change)
                last = None if self._told else self._stop()
            _join(last)

        return end

    def close(self) -> None:
        """Tell nobody any more, and wait for the thread unless this is it."""
        with self._lock:
            self._told.clear()
            last = self._stop()
        _join(last)

    def _stop(self) -> threading.Thread | None:
        thread, self._thread = self._thread, None
        if thread is not None:
            os.close(self._wake)
        return thread

    # -- in its thread

    def _listen(self, first: Feed, sleeper: int) -> None:
        feed: Feed | None = first
        failures = 0
        try:
            while True:
                wait_s = feed.pause_s if feed is not None else pause_s(failures)
                if _wait(sleeper, None if feed is None else feed.fileno(), wait_s):
                    return
                try:
                    if feed is None:
                        feed = self._connect()
                        self._tell(_ANYTHING)
                    for each in feed.news():
                        self._tell(each)
                    failures = 0
                except StorageError:
                    failures += 1
                    if feed is not None:
                        feed.close()
                        feed = None
        finally:
            if feed is not None:
                feed.close()
            os.close(sleeper)

    def _tell(self, id: str) -> None:  # noqa: A002 -- the word of the whole library
        with self._lock:
            told = list(self._told) if self._thread is threading.current_thread() else []
        for each in told:
            try:
                each(id)
            except Exception:  # noqa: BLE001 -- what one listener raises is not the others' trouble
                kind, error, trace = sys.exc_info()
                args = (kind, error, trace, threading.current_thread())
                threading.excepthook(threading.ExceptHookArgs(args))


def pause_s(failures: int) -> float:
    """Return the seconds before the next attempt to connect. They double, up to a second."""
    return min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(max(0, failures - 1), 32))


def _wait(sleeper: int, source: int | None, wait_s: float | None) -> bool:
    """Wait until there may be news or the time is over. Return whether the thread has to end."""
    poll = select.poll()
    poll.register(sleeper, 0)  # the other end is closed: no event that one has to ask for
    if source is not None:
        poll.register(source, select.POLLIN)
    ready = poll.poll(None if wait_s is None else wait_s * 1000)
    return any(descriptor == sleeper for descriptor, _ in ready)


def _join(thread: threading.Thread | None) -> None:
    if thread is not None and thread is not threading.current_thread():
        thread.join()
