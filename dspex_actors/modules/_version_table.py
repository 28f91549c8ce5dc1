"""Which versions of a module there are: the current one, those before it, and those that are pinned. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from dspex_actors.modules._reload_errors import UnknownVersionError, VersionTakenError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT: Final = 2  # versions kept without a pin: the current one and the one before, as in Erlang


@dataclass(frozen=True, slots=True)
class ModuleVersion:
    """One version of a module's code.

    Attributes:
        version: its label.
        digest: sha256 of the source, in hexadecimal; of several files that of their names and digests.
    """

    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class ModuleVersions:
    """The versions of a module that are kept.

    Attributes:
        current: what new instances get.
        old: the others, the one that `rollback` would go back to first.
        pins: instances that stay at a version whatever is reloaded: name to version.
    """

    current: ModuleVersion
    old: tuple[ModuleVersion, ...]
    pins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class VersionTable:
    """The versions of one module; every change returns a new table and what is no longer kept.

    Attributes:
        module_id: whose, for errors.
        history: in the order in which they became current; the last one is.
        aside: not in the history any more, kept because they are pinned.
        pins: name of the instance to version.
    """

    module_id: str
    history: tuple[ModuleVersion, ...]
    aside: tuple[ModuleVersion, ...] = ()
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def current(self) -> ModuleVersion:
        """What new instances get."""
        return self.history[-1]

    @property
    def kept(self) -> tuple[ModuleVersion, ...]:
        """All versions there are, the current one first, then those before it, then those aside."""
        return (*reversed(self.history), *reversed(self.aside))

    def public(self) -> ModuleVersions:
        """Return it as users see it."""
        return ModuleVersions(self.current, self.kept[1:], self.pins)

    def get(self, version: str) -> ModuleVersion:
        """Return a version by its label.

        Raises:
            UnknownVersionError: it is not kept.
        """
        for each in self.kept:
            if each.version == version:
                return each
        raise UnknownVersionError(self.module_id, version, tuple(each.version for each in self.kept))

    def before(self) -> ModuleVersion:
        """Return the version that a roll-back goes to.

        Raises:
            UnknownVersionError: there is none.
        """
        if len(self.history) < 2:
            raise UnknownVersionError(
                self.module_id, f"before {self.current.version}", tuple(each.version for each in self.kept)
            )
        return self.history[-2]

    def check_new(self, version: str, digest: str) -> None:
        """Refuse a label that means another source already.

        Raises:
            VersionTakenError: it does.
        """
        if any(each.version == version and each.digest != digest for each in self.kept):
            raise VersionTakenError(self.module_id, version)

    def moved_to(self, version: ModuleVersion) -> tuple[VersionTable, tuple[ModuleVersion, ...]]:
        """Make a version the current one; a roll-back would go to the one that was."""
        history = tuple(each for each in self.history if each != version)
        aside = tuple(each for each in self.aside if each != version)
        return _trimmed(replace(self, history=(*history, version), aside=aside))

    def rolled_back(self) -> tuple[VersionTable, tuple[ModuleVersion, ...]]:
        """Make the version before the current one the current one.

        Raises:
            UnknownVersionError: there is none.
        """
        self.before()
        return _trimmed(replace(self, history=self.history[:-1], aside=(*self.aside, self.current)))

    def pinned(self, name: str, version: str) -> VersionTable:
        """Keep an instance at a version.

        Raises:
            UnknownVersionError: it is not kept.
        """
        self.get(version)
        return replace(self, pins=MappingProxyType({**self.pins, name: version}))

    def unpinned(self, name: str) -> tuple[VersionTable, tuple[ModuleVersion, ...]]:
        """Take a pin away; quiet if there is none."""
        pins = {each: version for each, version in self.pins.items() if each != name}
        return _trimmed(replace(self, pins=MappingProxyType(pins)))


def _trimmed(table: VersionTable) -> tuple[VersionTable, tuple[ModuleVersion, ...]]:
    """Drop what is neither recent nor pinned."""
    pinned = set(table.pins.values())
    recent, earlier = table.history[-KEPT:], table.history[:-KEPT]
    aside = tuple(each for each in (*table.aside, *earlier) if each.version in pinned)
    dropped = tuple(each for each in (*table.aside, *earlier) if each.version not in pinned)
    return replace(table, history=recent, aside=aside), dropped


def automatic_version(base: str, digest: str) -> str:
    """Return the label of a version that nobody named: that of `base` with a part of the digest.

    For example `"1.2.0+g3f2a9c1b"`, which sorts behind `"1.2.0"`.
    """
    return f"{base.partition('+')[0]}+g{digest[:8]}"
