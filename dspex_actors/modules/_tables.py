"""What outlives the registry's actor: modules, versions, pins, watchers, saved states, and who is alive.

Any thread may use it. What is read is read in the calling thread; nothing here runs a module's code, and
nothing that waits is done with the lock held.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from dspex_actors.modules._by_module import ByModule
from dspex_actors.modules._catalog import Catalog, Entry, ModuleInfo
from dspex_actors.modules._code_gate import CodeGate
from dspex_actors.modules._file_modules import FileModules
from dspex_actors.modules._module_events import InstanceLost, InstanceRestarted, ModuleEvent
from dspex_actors.modules._reload_errors import ModuleExistsError
from dspex_actors.modules._subscribers import Subscribers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dspex_actors.modules._by_module import Key
    from dspex_actors.modules._catalog import LoadedCode
    from dspex_actors.modules._deliveries import Delivery
    from dspex_actors.modules._id_index import Pattern
    from dspex_actors.modules._module_events import ModuleChange
    from dspex_actors.modules._objects import SavedState
    from dspex_actors.modules._python_sources import LoadedSource
    from dspex_actors.modules._subscribers import Subscriber
    from dspex_actors.modules._version_table import ModuleVersion, ModuleVersions, VersionTable
    from supervisors import Pid


class FencedOffError(Exception):
    """The registry that wanted to write has been replaced by another incarnation."""


class ModuleTables:
    """See the module's docstring."""

    def __init__(self) -> None:
        self.gate = CodeGate()
        self.files = FileModules()
        self.loading = threading.Lock()  # held while a module's code runs to register or reload it
        self.sources: dict[str, LoadedSource] = {}  # of importable modules; written with `loading` held
        self.instances: Pid | None = None  # the supervisor that has been told of what is wanted
        self._lock = threading.RLock()
        self._catalog = Catalog()
        self._subscribers = Subscribers()
        self._saved: ByModule[SavedState] = ByModule()
        self._starts: ByModule[int] = ByModule()  # of the instances that are wanted
        self._live: ByModule[Pid] = ByModule()
        self._events = 0
        self._incarnation = 0

    # -- reading

    def __len__(self) -> int:
        with self._lock:
            return len(self._catalog)

    def entry(self, module_id: str) -> Entry:
        """Return what is kept of a module.

        Raises:
            UnknownModuleError: there is none.
        """
        with self._lock:
            return self._catalog.get(module_id)

    def has(self, module_id: str) -> bool:
        """Whether a module is registered."""
        with self._lock:
            return self._catalog.find(module_id) is not None

    def entries_in(self, names: Iterable[str]) -> list[Entry]:
        """Return the modules whose class stands in one of these Python modules."""
        with self._lock:
            return self._catalog.homed_in(names)

    def get(self, module_id: str) -> ModuleInfo:
        """Return a module as users see it.

        Raises:
            UnknownModuleError: there is none.
        """
        return _info(self.entry(module_id))

    def discover(
        self,
        pattern: Pattern,
        *,
        type: str | None,  # noqa: A002 -- the field of a spec
        version: str | None,
        tags: frozenset[str] | None,
    ) -> list[ModuleInfo]:
        """Return the modules that are meant, sorted by id; see `Catalog.discover`."""
        with self._lock:
            found = self._catalog.discover(pattern, type=type, version=version, tags=tags)
        return [_info(each) for each in found]

    def versions(self, module_id: str) -> ModuleVersions:
        """Return the versions of a module.

        Raises:
            UnknownModuleError: there is none.
        """
        return self.entry(module_id).table.public()

    # -- writing, by the registry's incarnation of the time

    def new_incarnation(self) -> int:
        """Let nobody who wrote before write again; return what to write as from now on."""
        with self._lock:
            self._incarnation += 1
            return self._incarnation

    @contextmanager
    def writing(self, incarnation: int) -> Iterator[None]:
        """Hold the lock, so that what is written and what watchers are told is one step.

        Raises:
            FencedOffError: another incarnation has taken over.
        """
        with self._lock:
            if incarnation != self._incarnation:
                raise FencedOffError
            yield

    def add(self, entry: Entry) -> None:
        """Add a module.

        Raises:
            ModuleExistsError: there is one with this id.
        """
        with self._lock:
            known = self._catalog.find(entry.spec.module_id)
            if known is not None:
                raise ModuleExistsError(known.spec.module_id, known.table.current.version)
            self._catalog.put(entry)

    def change(
        self,
        entry: Entry,
        changed: tuple[VersionTable, tuple[ModuleVersion, ...]],
        code: LoadedCode | None = None,
    ) -> Entry:
        """Give a module another table of versions, and drop the code that is no longer kept.

        Args:
            entry: of the module, with the spec it is to have.
            changed: the new table, and the versions that are dropped.
            code: of a version that is new in the table.
        """
        table, dropped = changed
        kept = {each.version for each in table.kept}
        codes = {label: each for label, each in entry.codes.items() if label in kept}
        if code is not None:
            codes[code.version.version] = code
        gone = [entry.codes[each.version] for each in dropped if each.version in entry.codes]
        if not entry.spec.module_name:
            self.files.forget(each.home for each in gone)
        new = replace(entry, table=table, codes=MappingProxyType(codes))
        with self._lock:
            self._catalog.put(new)
        return new

    def remove(self, module_id: str) -> Entry:
        """Remove a module, its instances' names and saved states, and its private code.

        Raises:
            UnknownModuleError: there is none.
        """
        with self._lock:
            entry = self._catalog.remove(module_id)
            self._saved.drop(module_id)
            self._starts.drop(module_id)
            if not entry.spec.module_name:
                self.files.forget(code.home for code in entry.codes.values())
        return entry

    def emit(self, module_id: str, change: ModuleChange) -> None:
        """Tell those who watch a module."""
        with self._lock:
            self._events += 1
            event = ModuleEvent(module_id, change, self._events)
            for subscriber in self._subscribers.of(module_id):
                if subscriber.delivery.gone:
                    self._subscribers.remove(subscriber.number)
                else:
                    subscriber.delivery.put(event)

    # -- watchers

    def subscribe(self, pattern: Pattern, delivery: Delivery, owner: Pid | None) -> Subscriber:
        """Let a watcher be told of what happens from now on."""
        with self._lock:
            return self._subscribers.add(pattern, delivery, owner)

    def unsubscribe(self, number: int) -> bool:
        """Tell a watcher no more; False if it was gone."""
        with self._lock:
            subscriber = self._subscribers.remove(number)
        if subscriber is not None:
            subscriber.delivery.close()
        return subscriber is not None

    def subscribers(self) -> list[Subscriber]:
        """Return all watchers."""
        with self._lock:
            return list(self._subscribers)

    # -- instances

    def want(self, key: Key) -> bool:
        """Note that an instance is wanted; False if it was already."""
        with self._lock:
            self._catalog.get(key[0])
            if key in self._starts:
                return False
            self._starts.put(key, 0)
            return True

    def forget(self, key: Key) -> bool:
        """Forget an instance, its state and its pin; False if it was not wanted."""
        with self._lock:
            wanted = self._starts.pop(key) is not None
            self._saved.pop(key)
            entry = self._catalog.find(key[0])
            if entry is not None and key[1] in entry.table.pins:
                self.change(entry, entry.table.unpinned(key[1]))
            return wanted

    def wanted(self, module_id: str | None = None) -> list[Key]:
        """Return the instances that are wanted, of one module or of all, sorted."""
        with self._lock:
            return self._starts.keys() if module_id is None else list(self._starts.of(module_id))

    def is_wanted(self, key: Key) -> bool:
        """Whether an instance is wanted."""
        with self._lock:
            return key in self._starts

    def counts(self, module_id: str) -> tuple[int, int]:
        """Return how many instances of a module are wanted, and how many of them have an object now."""
        with self._lock:
            return self._starts.count(module_id), self._live.count(module_id)

    def started(self, key: Key, pid: Pid, version: ModuleVersion) -> bool:
        """Note that an instance's object is there; watchers are told if it is there again.

        Returns:
            False if it is not wanted any more: it was stopped, or its module unregistered, while it started.
        """
        with self._lock:
            before = self._starts.get(key)
            if before is None:
                return False
            self._live.put(key, pid)
            self._starts.put(key, before + 1)
            if before:
                self.restarted(key, version)
            return True

    def restarted(self, key: Key, version: ModuleVersion) -> None:
        """Tell watchers that an instance's object was made anew."""
        with self._lock:
            saved = self._saved.get(key)
            old = saved.version if saved is not None else version
            self.emit(
                key[0],
                InstanceRestarted(
                    old=old.version,
                    new=version.version,
                    old_digest=old.digest,
                    new_digest=version.digest,
                    instance=key[1],
                ),
            )

    def lost(self, key: Key, reason: str) -> bool:
        """Note that an instance could not be made; False if it never was, and nobody is told."""
        with self._lock:
            if not self._starts.get(key):
                return False
            self._starts.pop(key)
            entry = self._catalog.find(key[0])
            version = entry.table.current if entry is not None else None
            self.emit(
                key[0],
                InstanceLost(
                    new=version.version if version else None,
                    new_digest=version.digest if version else None,
                    instance=key[1],
                    reason=reason,
                ),
            )
            return True

    def ended(self, key: Key, pid: Pid) -> None:
        """Note that an instance's actor has ended."""
        with self._lock:
            if self._live.get(key) is pid:
                self._live.pop(key)

    def live(self, module_ids: Iterable[str]) -> dict[Key, Pid]:
        """Return the instances of some modules that have an object now."""
        with self._lock:
            return {key: pid for each in sorted(set(module_ids)) for key, pid in self._live.of(each).items()}

    def save(self, key: Key, saved: SavedState) -> None:
        """Keep the state of an instance, in place of the one before."""
        with self._lock:
            if key in self._starts:
                self._saved.put(key, saved)

    def saved(self, key: Key) -> SavedState | None:
        """Return the last saved state of an instance; None if there is none."""
        with self._lock:
            return self._saved.get(key)

    def saved_all(self, saved: Mapping[Key, SavedState]) -> None:
        """Keep several states."""
        for key, each in saved.items():
            self.save(key, each)


def _info(entry: Entry) -> ModuleInfo:
    return ModuleInfo(entry.spec, entry.table.current, entry.current.make)
