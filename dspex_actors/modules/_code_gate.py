"""Code is read by any number of starts at a time, or changed by one reload."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class CodeGate:
    """A lock for many readers or one writer; a writer that waits goes first.

    An instance makes its object as a reader, so that no object is made of code that a reload is about to
    change, and none of which a reload does not know.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._waiting = 0
        self._writing = False

    @contextmanager
    def reading(self, timeout_s: float | None = None) -> Iterator[None]:
        """Hold the gate beside other readers.

        Raises:
            TimeoutError: a writer had it for longer than `timeout_s` seconds; None waits for ever.
        """
        with self._changed:
            free = self._changed.wait_for(lambda: not self._writing and not self._waiting, timeout_s)
            if not free:
                raise TimeoutError(f"a reload was under way for longer than {timeout_s:g} s")
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self, timeout_s: float | None = None) -> Iterator[None]:
        """Hold the gate alone.

        Raises:
            TimeoutError: others had it for longer than `timeout_s` seconds; None waits for ever.
        """
        with self._changed:
            self._waiting += 1
            try:
                free = self._changed.wait_for(lambda: not self._writing and not self._readers, timeout_s)
                self._writing = free
            finally:
                self._waiting -= 1
                self._changed.notify_all()
            if not free:
                raise TimeoutError(f"instances were starting for longer than {timeout_s:g} s")
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
