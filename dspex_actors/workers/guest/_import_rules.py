"""Which modules, and which names of them, guest code may import.

Pure data and decisions: nothing is imported here. `ImportRules` answers two questions, whether a module may
be imported and whether a name of it may be used; what hands the guest its modules acts on the answers.

An entry is `"module"` (the module with all its public names) or `"module:name"` (that one name). Both halves
take shell wildcards: `"numpy.*"`, `"time:*_ns"`. An entry speaks of that module alone, never of its
submodules, except that a forbidden module takes its submodules with it. What is forbidden wins over what is
allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class ImportRules:
    """An allow-list and a deny-list of modules and of names in modules.

    Attributes:
        allow: entries that may be imported; nothing else may.
        forbid: entries that may not, whatever `allow` says.
    """

    allow: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    _exact: dict[str, set[str]] = field(init=False, repr=False, compare=False)
    _globs: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the allowed entries: a policy may list hundreds of names of one module."""
        exact: dict[str, set[str]] = {}
        globs: list[tuple[str, str]] = []
        for entry in (*self.allow, *self.forbid):
            _split(entry)
        for module, name in map(_split, self.allow):
            if _WILDCARDS.isdisjoint(module):
                exact.setdefault(module, set()).add(name or "*")
            else:
                globs.append((module, name or "*"))
        object.__setattr__(self, "_exact", exact)
        object.__setattr__(self, "_globs", tuple(globs))

    def widened(self, *, allow: tuple[str, ...] = (), forbid: tuple[str, ...] = ()) -> ImportRules:
        """Return rules with more entries; a new `forbid` entry also cancels an older `allow` entry."""
        return ImportRules((*self.allow, *allow), (*self.forbid, *forbid))

    def module_refusal(self, module: str) -> str | None:
        """Say why `module` may not be imported, or return `None` if it may.

        Args:
            module: full dotted name.
        """
        for entry in self.forbid:
            pattern, name = _split(entry)
            if not name and any(fnmatchcase(parent, pattern) for parent in _self_and_parents(module)):
                return f"module {module!r} is forbidden by the rule {entry!r}"
        if self._name_patterns(module):
            return None
        return f"module {module!r} is not on the list of allowed modules"

    def name_refusal(self, module: str, name: str) -> str | None:
        """Say why `name` of `module` may not be used, or return `None` if it may.

        A name that starts with an underscore is allowed only by an entry that spells it out. A submodule is
        judged by `module_refusal` alone: do not ask here for it.
        """
        refusal = self.module_refusal(module)
        if refusal is not None:
            return refusal
        entry = self.rule_against(module, name)
        if entry is not None:
            return f"{module}.{name} is forbidden by the rule {entry!r}"
        patterns = self._name_patterns(module)
        if name in patterns:
            return None
        if not name.startswith("_") and any(fnmatchcase(name, pattern) for pattern in patterns):
            return None
        return f"{module}.{name} is not on the list of allowed names"

    def rule_against(self, module: str, name: str) -> str | None:
        """Return the entry that forbids this one name, None if none does; whole modules do not count."""
        for entry in self.forbid:
            pattern, forbidden = _split(entry)
            if forbidden and fnmatchcase(module, pattern) and fnmatchcase(name, forbidden):
                return entry
        return None

    def allows_module(self, module: str) -> bool:
        """Tell whether `module` may be imported."""
        return self.module_refusal(module) is None

    def allows_name(self, module: str, name: str) -> bool:
        """Tell whether `name` of `module` may be used."""
        return self.name_refusal(module, name) is None

    def names_exactly(self, module: str, name: str) -> bool:
        """Tell whether an allowed entry spells out this name of this module, without a wildcard."""
        return name in self._exact.get(module, ())

    def _name_patterns(self, module: str) -> set[str]:
        """Return the patterns of allowed names of `module`; empty if it is not allowed."""
        patterns = set(self._exact.get(module, ()))
        patterns.update(name for pattern, name in self._globs if fnmatchcase(module, pattern))
        return patterns


def _split(entry: str) -> tuple[str, str]:
    """Split `"module:name"`; the name is empty when the entry means the whole module.

    Raises:
        ValueError: the entry has no module, or an empty name after its colon.
    """
    module, colon, name = entry.partition(":")
    if not module or (colon and not name):
        message = f"import rule {entry!r}: expected 'module' or 'module:name'"
        raise ValueError(message)
    return module, name


def _self_and_parents(module: str) -> list[str]:
    """Return `a.b.c`, `a.b`, `a`."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
