"""The backend without a disk: a table that belongs to whoever made it, and outlives the stores on it."""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right, insort
from typing import TYPE_CHECKING, Final

from dspex_actors.state._backend import AsOf, Capability, Entry, Label, Latest, Revision, Row, SnapshotRow
from dspex_actors.state._storage_errors import SnapshotExistsError, StorageClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dspex_actors.state._backend import Which

_NAME: Final = "memory"


class _Chain:
    """The versions of one id, the oldest first. `times` and `revisions` are what is searched."""

    __slots__ = ("entries", "labels", "revisions", "times")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.revisions: list[int] = []
        self.times: list[int] = []
        self.labels: dict[str, list[int]] = {}

    def add(self, entry: Entry) -> None:
        row = entry.row
        self.entries.append(entry)
        self.revisions.append(row.revision)
        self.times.append(row.saved_us)
        if not row.deleted:
            self.labels.setdefault(row.label, []).append(row.revision)

    def without(self, gone: set[int]) -> _Chain:
        chain = _Chain()
        for entry in self.entries:
            if entry.row.revision not in gone:
                chain.add(entry)
        return chain

    def at(self, revision: int) -> Entry | None:
        index = bisect_left(self.revisions, revision)
        found = index < len(self.revisions) and self.revisions[index] == revision
        return self.entries[index] if found else None

    def find(self, which: Which) -> Entry | None:
        match which:
            case Latest():
                return self.entries[-1]
            case Revision(number):
                return self.at(number)
            case Label(text):
                return self.at(self.labels[text][-1]) if text in self.labels else None
            case AsOf(us):
                index = bisect_right(self.times, us)
                return self.entries[index - 1] if index else None


class Memory:
    """Keeps states in this process: as a GenServer's ETS table does, for as long as somebody holds it.

    Give one object to the spec of a store, and every incarnation of the store finds what the one before
    acknowledged. Several stores may share it, from any threads. It cannot be copied or pickled.
    """

    name = _NAME
    capabilities = frozenset({Capability.TRANSACTIONS, Capability.NOTIFIES, Capability.READS_AT_ONCE})

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._chains: dict[str, _Chain] = {}
        self._ids: list[str] = []  # sorted
        self._snapshots: dict[str, tuple[SnapshotRow, dict[str, int]]] = {}
        self._listeners: list[Callable[[str], object]] = []

    def __repr__(self) -> str:
        return f"<Memory of {len(self._ids)} ids>"

    def __reduce__(self) -> str:
        raise TypeError("a Memory is not pickled: its table belongs to this process")

    def open(self) -> MemoryStorage:
        """Return a storage on the table."""
        return MemoryStorage(self)

    # -- for the storages; each is one critical section

    def append(self, entries: Sequence[Entry], *, together: bool) -> list[int | None]:
        """Store what its id waits for, or with `together` all or nothing."""
        with self._lock:
            results = self._fit(entries) if together else []
            if any(at is not None for at in results):
                return results
            refused: set[str] = set()
            results = [self._add(entry, refused) for entry in entries]
            listeners = list(self._listeners)
        stored = {entry.row.id for entry, at in zip(entries, results, strict=True) if at is None}
        for tell in listeners:
            for each in stored:
                tell(each)
        return results

    def _revision(self, id: str) -> int:  # noqa: A002 -- as in the protocol
        chain = self._chains.get(id)
        return 0 if chain is None else chain.revisions[-1]

    def _fit(self, entries: Sequence[Entry]) -> list[int | None]:
        """Return which revisions are in the way, None where an entry would fit after those before it."""
        at: dict[str, int] = {}
        results: list[int | None] = []
        for row in (entry.row for entry in entries):
            current = at.get(row.id, self._revision(row.id))
            fits = row.revision == current + 1
            results.append(None if fits else current)
            at[row.id] = current + fits
        return results

    def _add(self, entry: Entry, refused: set[str]) -> int | None:
        current = self._revision(entry.row.id)
        if entry.row.id in refused or entry.row.revision != current + 1:
            refused.add(entry.row.id)
            return current
        if not current:
            self._chains[entry.row.id] = _Chain()
            insort(self._ids, entry.row.id)
        self._chains[entry.row.id].add(entry)
        return None

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        with self._lock:
            chain = self._chains.get(id)
            return None if chain is None else chain.find(which)

    def rows(self, id: str, before: int | None, limit: int) -> list[Row]:  # noqa: A002 -- as in the protocol
        """Return versions of an id, the newest first."""
        with self._lock:
            chain = self._chains.get(id)
            if chain is None:
                return []
            end = len(chain.entries) if before is None else bisect_left(chain.revisions, before)
            return [entry.row for entry in reversed(chain.entries[max(0, end - limit) : end])]

    def heads(self, after: str, limit: int) -> list[Row]:
        """Return the newest version of each id."""
        with self._lock:
            start = bisect_right(self._ids, after)
            return [self._chains[each].entries[-1].row for each in self._ids[start : start + limit]]

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove versions that are neither the newest nor held."""
        with self._lock:
            chain = self._chains.get(id)
            if chain is None:
                return 0
            held = {items[id] for _, items in self._snapshots.values() if id in items}
            gone = set(revisions).intersection(chain.revisions[:-1]) - held
            if gone:
                self._chains[id] = chain.without(gone)
            return len(gone)

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot if its versions are there.

        Raises:
            SnapshotExistsError: there is one of this name.
        """
        with self._lock:
            if snapshot.name in self._snapshots:
                raise SnapshotExistsError(snapshot.name)
            missing = [
                each
                for each, revision in items.items()
                if each not in self._chains or self._chains[each].at(revision) is None
            ]
            if not missing:
                self._snapshots[snapshot.name] = (snapshot, dict(items))
            return sorted(missing)

    def snapshots(self) -> list[SnapshotRow]:
        """Return all of them, sorted by name."""
        with self._lock:
            return [self._snapshots[name][0] for name in sorted(self._snapshots)]

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        with self._lock:
            return self._snapshots.pop(name, None) is not None

    def subscribe(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Call a function with each id that is written, in the thread that writes it."""
        with self._lock:
            self._listeners.append(on_change)

        def end() -> None:
            with self._lock:
                if on_change in self._listeners:
                    self._listeners.remove(on_change)

        return end


class MemoryStorage:
    """A storage on a `Memory`; see `Storage` for the contract. It fails only after it was closed."""

    def __init__(self, table: Memory) -> None:
        self._open: Memory | None = table
        self._ends: list[Callable[[], None]] = []

    def _table(self, operation: str) -> Memory:
        if self._open is None:
            raise StorageClosedError(_NAME, operation, "it was closed")
        return self._open

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions."""
        return self._table("append").append(entries, together=False)

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add all of them or none."""
        return self._table("append").append(entries, together=True)

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        return self._table("read").read(id, which)

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first."""
        return self._table("read").rows(id, before, limit)

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id."""
        return self._table("read").heads(after, limit)

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove old versions."""
        return self._table("remove").remove(id, revisions)

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot."""
        return self._table("put_snapshot").put_snapshot(snapshot, items)

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot."""
        rows = self._table("read").snapshots()
        return next((row for row in rows if row.name == name), None)

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name."""
        rows = self._table("read").snapshots()
        return [row for row in rows if row.name > after][:limit]

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        return self._table("drop_snapshot").drop_snapshot(name)

    def subscribe(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Have a function called with each id that changes."""
        end = self._table("subscribe").subscribe(on_change)
        self._ends.append(end)
        return end

    def check(self) -> list[str]:
        """Find nothing: memory that is damaged is not found by looking at it."""
        self._table("check")
        return []

    def close(self) -> None:
        """End its subscriptions and let go of the table."""
        self._open = None
        while self._ends:
            self._ends.pop()()
