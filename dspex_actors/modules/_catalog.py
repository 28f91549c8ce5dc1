"""The registered modules, found by id, glob, type, tag and version. Pure: the caller holds the lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.modules._id_index import IdIndex, Pattern
from dspex_actors.modules._reload_errors import UnknownModuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from packaging.specifiers import SpecifierSet

    from dspex_actors.modules._spec import ModuleSpec
    from dspex_actors.modules._version_table import ModuleVersion, VersionTable


@dataclass(frozen=True, slots=True)
class LoadedCode:
    """The code of one version of a module.

    Attributes:
        version: which.
        make: the class, or what makes objects in its place.
        sources: the bytes it was compiled from, by the name of the Python module.
        home: name of the Python module that `make` stands in.
        path: the file that a file module's version was read from; None for an importable one.
    """

    version: ModuleVersion
    make: Any
    sources: Mapping[str, bytes]
    home: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered module, as the tables keep it.

    Attributes:
        spec: as it was registered; its `source` is that of the current version.
        table: its versions.
        codes: the code of the versions kept, by label.
    """

    spec: ModuleSpec
    table: VersionTable
    codes: Mapping[str, LoadedCode] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def current(self) -> LoadedCode:
        """The code that new instances get."""
        return self.codes[self.table.current.version]

    def code_for(self, instance: str) -> LoadedCode:
        """Return the code that an instance gets: that of its pin, else the current one."""
        return self.codes[self.table.pins.get(instance, self.table.current.version)]


@dataclass(frozen=True, slots=True)
class ModuleInfo:
    """A registered module, as users see it.

    Attributes:
        spec: as it was registered.
        version: the current version and its digest.
        make: the class of the current version. Whoever keeps it keeps this version: hold the id instead.
    """

    spec: ModuleSpec
    version: ModuleVersion
    make: Any

    @property
    def module_id(self) -> str:
        """Its id."""
        return self.spec.module_id


class Catalog:
    """Entries by id, with what is needed to find them without looking at each."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._ids = IdIndex()
        self._by_tag: dict[str, set[str]] = {}
        self._by_type: dict[str, set[str]] = {}
        self._by_home: dict[str, set[str]] = {}  # Python module, to the modules whose class stands in it

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def find(self, module_id: str) -> Entry | None:
        """Return an entry; None if there is none."""
        return self._entries.get(module_id)

    def get(self, module_id: str) -> Entry:
        """Return an entry.

        Raises:
            UnknownModuleError: there is none.
        """
        entry = self._entries.get(module_id)
        if entry is None:
            raise UnknownModuleError(module_id, self._ids.near(module_id))
        return entry

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of this id, whose type, tags and target stay."""
        spec = entry.spec
        if spec.module_id not in self._entries:
            self._ids.add(spec.module_id)
            for table, key in self._places(spec):
                table.setdefault(key, set()).add(spec.module_id)
        self._entries[spec.module_id] = entry

    def remove(self, module_id: str) -> Entry:
        """Remove an entry and return it.

        Raises:
            UnknownModuleError: there is none.
        """
        entry = self.get(module_id)
        del self._entries[module_id]
        self._ids.remove(module_id)
        for table, key in self._places(entry.spec):
            table[key].discard(module_id)
            if not table[key]:
                del table[key]
        return entry

    def homed_in(self, names: Iterable[str]) -> list[Entry]:
        """Return the importable modules whose class stands in one of these Python modules, by id."""
        found = {each for name in names for each in self._by_home.get(name, ())}
        return [self._entries[each] for each in sorted(found)]

    def discover(
        self,
        pattern: Pattern,
        *,
        type: str | None,  # noqa: A002 -- the field of a spec
        version: str | None,
        tags: frozenset[str] | None,
    ) -> list[Entry]:
        """Return the entries that are meant, sorted by id.

        Args:
            pattern: over ids.
            type: the type they must have.
            version: what their current version must satisfy, for example `">=1.2,<2"`.
            tags: what they must all have.

        Raises:
            ConfigError: `version` is no set of specifiers.
        """
        wanted = _specifiers(version)
        narrow = [self._by_tag.get(tag, set()) for tag in tags or ()]
        if type is not None:
            narrow.append(self._by_type.get(type, set()))
        if narrow:
            common = set.intersection(*sorted(narrow, key=len))
            ids = sorted(each for each in common if pattern.matches(each))
        else:
            ids = self._ids.matching(pattern)
        entries = [self._entries[each] for each in ids]
        if wanted is None:
            return entries
        return [each for each in entries if wanted.contains(each.table.current.version, prereleases=True)]

    def _places(self, spec: ModuleSpec) -> list[tuple[dict[str, set[str]], str]]:
        places = [(self._by_tag, tag) for tag in spec.tags]
        places.append((self._by_type, spec.type))
        if spec.module_name:
            places.append((self._by_home, spec.module_name))
        return places


def _specifiers(version: str | None) -> SpecifierSet | None:
    if version is None:
        return None
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # noqa: PLC0415 -- 10 ms that only this filter needs

    try:
        return SpecifierSet(version)
    except (InvalidSpecifier, AttributeError, TypeError):
        raise ConfigError("version", version, "a range as in PEP 440, for example '>=1.2,<2'") from None
