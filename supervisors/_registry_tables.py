"""The entries of one partition of a registry: two dicts and the one lock over both.

Guarantees: an entry is in both dicts or in neither; an actor's entries are gone before anybody is told of
its end, also when it registers while it is being killed. The proof of the last: `forget` runs in the ending
thread and takes the owner off the list of those it is to run for; an entry made after that finds the owner
not listed, asks `Pid.on_release` again, and that runs `forget` at once.

Assumption: entries of an owner are made and removed by the owner's own thread, or by `forget`.
"""

from __future__ import annotations

import threading
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason

    Predicate = Callable[[Any], bool]


class Registration(NamedTuple):
    """One entry of a `Registry`: `owner` registered `key` with `value`."""

    key: Hashable
    owner: Pid
    value: Any


class Shard:
    """The entries whose keys fall into one partition; `partition` is the actor that vouches for them.

    Keys come in as `strict` makes them. An owner is linked to the partition while it holds an entry here.
    """

    __slots__ = ("_by_key", "_by_owner", "_known", "_lock", "_on_exit", "_serials", "partition")

    def __init__(
        self, partition: Pid, on_exit: Callable[[list[Registration], ExitReason], object] | None = None
    ) -> None:
        self.partition = partition
        self._on_exit = on_exit
        self._lock = threading.Lock()
        self._serials = count()
        self._by_key: dict[Hashable, dict[int, Registration]] = {}
        self._by_owner: dict[Pid, dict[Hashable, dict[int, Registration]]] = {}
        self._known: set[Pid] = set()  # whose end will run `forget`

    # -- writing

    def add(self, key: Hashable, entry: Registration, *, unique: bool) -> Pid | None:
        """Insert an entry.

        Returns:
            None, or the living actor that has the key already when `unique`; nothing is recorded then.
        """
        owner = entry.owner
        left: list[Registration] = []
        with self._lock:
            rows = self._by_key.get(key)
            if rows and unique:
                holder = next(iter(rows.values())).owner
                if not holder.mailbox.closed:
                    return holder
                left = self._pop(holder, key)
            serial = next(self._serials)
            self._by_key.setdefault(key, {})[serial] = entry
            keys = self._by_owner.get(owner)
            first = keys is None
            if keys is None:
                keys = self._by_owner[owner] = {}
            keys.setdefault(key, {})[serial] = entry
            known = owner in self._known
            self._known.add(owner)
        if first:
            owner.link_one_way(self.partition)
            self.partition.link_one_way(owner)
        if not known:
            owner.on_release(partial(self.forget, owner))
        self._tell(left)
        return None

    def update(self, key: Hashable, owner: Pid, change: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Replace the value of an owner's unique entry; `change` runs here, outside the lock.

        Returns:
            The new value and the old one; None, without a run of `change`, when there is no such entry.
        """
        with self._lock:
            rows = self._by_owner.get(owner, {}).get(key)
            if not rows:
                return None
            [(serial, entry)] = rows.items()
        changed = entry._replace(value=change(entry.value))
        with self._lock:
            if serial not in rows:
                return None  # the owner was killed meanwhile
            self._by_key[key][serial] = rows[serial] = changed
        return changed.value, entry.value

    def remove(self, key: Hashable, owner: Pid, where: Predicate | None = None) -> list[Registration]:
        """Remove the owner's entries of a key, of those with a value `where` accepts, and return them."""
        with self._lock:
            rows = dict(self._by_owner.get(owner, {}).get(key, {}))
        chosen = [serial for serial, entry in rows.items() if where is None or where(entry.value)]
        with self._lock:
            removed = self._pop(owner, key, chosen)
            last = bool(removed) and owner not in self._by_owner
        if last:
            owner.unlink_one_way(self.partition)
            self.partition.unlink_one_way(owner)
        return removed

    def forget(self, owner: Pid) -> None:
        """Remove all entries of an actor that ends; runs in the ending thread, before anybody is told."""
        with self._lock:
            self._known.discard(owner)
            left = [entry for key in list(self._by_owner.get(owner, ())) for entry in self._pop(owner, key)]
        self.partition.unlink_one_way(owner)
        self._tell(left)

    def _pop(self, owner: Pid, key: Hashable, serials: Iterable[int] | None = None) -> list[Registration]:
        keys = self._by_owner.get(owner, {})
        mine, rows, popped = keys.get(key, {}), self._by_key.get(key, {}), []
        for serial in list(mine) if serials is None else serials:
            if serial in mine:
                popped.append(mine.pop(serial))
                del rows[serial]
        if not mine and keys.pop(key, None) is not None and not keys:
            del self._by_owner[owner]
        if not rows:
            self._by_key.pop(key, None)
        return popped

    def _tell(self, left: list[Registration]) -> None:
        if left and self._on_exit is not None:
            self._on_exit(left, left[0].owner.mailbox.reason)

    # -- reading

    def of_key(self, key: Hashable) -> list[Registration]:
        """Return the entries of a key whose owners live, in the order they were made."""
        with self._lock:
            rows = list(self._by_key.get(key, {}).values())
        return [entry for entry in rows if not entry.owner.mailbox.closed]

    def of_owner(self, owner: Pid) -> list[tuple[int, Registration]]:
        """Return an actor's entries with their serial numbers."""
        with self._lock:
            return [row for rows in self._by_owner.get(owner, {}).values() for row in rows.items()]

    def all(self) -> list[Registration]:
        """Return all entries, those of a key in the order they were made."""
        with self._lock:
            return [entry for rows in self._by_key.values() for entry in rows.values()]

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._by_key.values()))
