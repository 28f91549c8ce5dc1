"""Signals as an exception, but only where the command can be left.

A runtime that is half started would leave threads behind, and one that is half stopped a scratch folder. So
a signal is kept while either goes on, and raised when the command can deal with it.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InterruptedBySignal(BaseException):
    """A signal asks the command to end.

    Attributes:
        number: which signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupts:
    """Takes SIGINT, SIGTERM and SIGHUP over while it is entered; for the main thread."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._pending: int | None = None
        self._open = False

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Raise `InterruptedBySignal` inside the block, at once for a signal that came before it.

        Raises:
            InterruptedBySignal: a signal asks the command to end.
        """
        self._open = True
        try:
            if self._pending is not None:
                raise InterruptedBySignal(self._pending)
            yield
        finally:
            self._open = False

    def _handle(self, number: int, frame: object) -> None:  # noqa: ARG002 -- the standard library's signature
        self._pending = number
        if self._open:
            self._open = False  # the second one must not interrupt what the first has begun
            raise InterruptedBySignal(number)
