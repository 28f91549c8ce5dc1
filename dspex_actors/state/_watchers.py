"""Who wants to know of which changes, and what they know already. Pure bookkeeping."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class StateChanged:
    """An id has a new newest version; what a watcher is sent.

    Of several versions that were saved in quick succession by other processes only the last may be told.

    Attributes:
        id: whose.
        revision: of its newest version.
        deleted: whether that says that the id is deleted.
    """

    id: str
    revision: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class _Watcher:
    id: str | None
    notify: Callable[[StateChanged], object]


class Watchers:
    """Watchers of one id or of all, each under a number."""

    def __init__(self) -> None:
        self._watchers: dict[int, _Watcher] = {}
        self._known: dict[str, int] = {}
        self._numbers = count(1)

    def __bool__(self) -> bool:
        return bool(self._watchers)

    def add(self, id: str | None, notify: Callable[[StateChanged], object], known: dict[str, int]) -> int:  # noqa: A002 -- the word of the whole library
        """Add a watcher and return its number.

        Args:
            id: what it watches, None for all ids.
            notify: tells it.
            known: the revisions of what it watches, from which it starts. Earlier watchers were told of them.
        """
        number = next(self._numbers)
        self._watchers[number] = _Watcher(id, notify)
        for each, revision in known.items():
            self._known[each] = max(revision, self._known.get(each, 0))
        return number

    def remove(self, number: int) -> bool:
        """Remove a watcher; False if it was removed before."""
        if self._watchers.pop(number, None) is None:
            return False
        if not self._watchers:
            self._known.clear()
        return True

    @property
    def ids(self) -> frozenset[str] | None:
        """What is watched; None if somebody watches all ids."""
        if any(watcher.id is None for watcher in self._watchers.values()):
            return None
        return frozenset(watcher.id for watcher in self._watchers.values() if watcher.id is not None)

    def told(self, change: StateChanged) -> list[Callable[[StateChanged], object]]:
        """Return whom to tell of a change: nobody, if it is known already."""
        if change.revision <= self._known.get(change.id, 0):
            return []
        watching = [each.notify for each in self._watchers.values() if each.id in {None, change.id}]
        if watching:
            self._known[change.id] = change.revision
        return watching
