"""Who is told of which modules: exact ids by lookup, globs one after the other. The caller holds the lock."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dspex_actors.modules._deliveries import Delivery
    from dspex_actors.modules._id_index import Pattern
    from supervisors import Pid


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One watcher.

    Attributes:
        number: what it is known by.
        pattern: of the ids it watches.
        delivery: how it is told.
        owner: the actor with whose end it ends; None if there is none.
    """

    number: int
    pattern: Pattern
    delivery: Delivery
    owner: Pid | None


class Subscribers:
    """All watchers, in the order in which they came."""

    def __init__(self) -> None:
        self._all: dict[int, Subscriber] = {}
        self._exact: dict[str, dict[int, Subscriber]] = {}
        self._globs: dict[int, Subscriber] = {}
        self._numbers = count(1)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(list(self._all.values()))

    def add(self, pattern: Pattern, delivery: Delivery, owner: Pid | None) -> Subscriber:
        """Add a watcher."""
        subscriber = Subscriber(next(self._numbers), pattern, delivery, owner)
        self._all[subscriber.number] = subscriber
        self._table(pattern)[subscriber.number] = subscriber
        return subscriber

    def remove(self, number: int) -> Subscriber | None:
        """Remove a watcher and return it; None if it was removed before."""
        subscriber = self._all.pop(number, None)
        if subscriber is not None:
            pattern = subscriber.pattern
            del self._table(pattern)[number]
            if pattern.literal and not self._exact[pattern.text]:
                del self._exact[pattern.text]
        return subscriber

    def of(self, module_id: str) -> list[Subscriber]:
        """Return those who watch an id."""
        exact = self._exact.get(module_id, {}).values()
        return [*exact, *(each for each in self._globs.values() if each.pattern.matches(module_id))]

    def _table(self, pattern: Pattern) -> dict[int, Subscriber]:
        return self._exact.setdefault(pattern.text, {}) if pattern.literal else self._globs
