"""What waits for one watcher: so many events, and a mark where more came than that. Pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from dspex_actors.modules._module_events import EventsMissed

if TYPE_CHECKING:
    from dspex_actors.modules._module_events import ModuleEvent


class WatchQueue:
    """Events in order. One that finds the queue full is dropped, and counted where it would have stood.

    Args:
        size: how many events wait at most, >= 1.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: deque[ModuleEvent | EventsMissed] = deque()
        self._missed = 0  # since the last event that was taken in

    def __len__(self) -> int:
        return len(self._waiting) + bool(self._missed)

    def put(self, event: ModuleEvent) -> None:
        """Take an event in, behind the others."""
        if len(self._waiting) >= self._size:
            self._missed += 1
            return
        if self._missed:
            self._waiting.append(EventsMissed(self._missed))
            self._missed = 0
        self._waiting.append(event)

    def take(self) -> ModuleEvent | EventsMissed | None:
        """Return what is next; None if nothing waits."""
        if self._waiting:
            return self._waiting.popleft()
        if self._missed:
            missed, self._missed = EventsMissed(self._missed), 0
            return missed
        return None
