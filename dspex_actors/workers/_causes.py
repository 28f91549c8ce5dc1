"""Why the host kills a worker, and the timers that make it do so."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Cancelable(Protocol):
    """An armed timer."""

    def cancel(self) -> object:
        """Disarm it; quiet if it has fired."""


class Timers(Protocol):
    """Runs a callback after some seconds, on a thread of its own."""

    def arm(self, seconds: float, callback: Callable[[], object]) -> Cancelable:
        """Arm a timer."""


class Cause(Enum):
    """Why the host killed a worker."""

    TIME = "its time was up"
    CPU = "its CPU time was used up"
    MEMORY = "it had too much memory"
    CANCELLED = "the caller cancelled"
    STOPPED = "the executor stopped"
    CLOSED = "its session was closed"
    PROTOCOL = "it broke the protocol"
    TOOL_CALLS = "it called tools too often"
    CONNECTIONS = "it asked for too many connections"
    NETWORK_BYTES = "it sent or received too much"
    SPENT = "its work was done"
    START = "it was not ready in time"
