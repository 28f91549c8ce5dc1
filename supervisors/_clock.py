"""Time, as far as supervision depends on it: replaceable, so that tests need not wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock(Protocol):
    """A source of monotonic seconds."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        ...


class Timer(Protocol):
    """An armed timer."""

    def cancel(self) -> bool:
        """Disarm; False when the callback has run, is running, or was cancelled before."""
        ...


class TimerService(Protocol):
    """Runs callbacks later."""

    def arm(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Run `callback` after `seconds`, in a thread of the service; it must be short."""
        ...

    def close(self) -> None:
        """End the thread; armed timers never fire."""
        ...


class MonotonicClock:
    """`time.monotonic`."""

    def now(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()
