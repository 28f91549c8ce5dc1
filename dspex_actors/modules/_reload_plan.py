"""Which Python modules a reload runs again, and in which order. Pure: decided from texts and digests."""

from __future__ import annotations

import graphlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dspex_actors.modules._source_text import SourceText


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One loaded Python module of a package, as a plan needs it.

    Attributes:
        name: of the module.
        changed: whether its source is another than the one that was loaded, or that is not known.
        text: of the source as it is now; None of one that cannot be run again.
        refusal: why it cannot or will not be run again; empty if it can.
    """

    name: str
    changed: bool
    text: SourceText | None
    refusal: str = ""


class PlanRefusedError(Exception):
    """There is no way to run these modules again; the argument says why."""


def plan_reload(sources: Iterable[PlannedSource]) -> tuple[str, ...]:
    """Return the modules to run again, each after those it imports.

    These are the changed ones and all that import one of them, directly or not: they would keep what they
    took from the old ones.

    Raises:
        PlanRefusedError: one of them refuses, or some of them take names from each other.
    """
    known = {each.name: each for each in sources}
    strong = {name: _taken_from(each, known) for name, each in known.items()}
    weak = {name: _used_by(each, known) for name, each in known.items()}
    again = _with_importers({each.name for each in known.values() if each.changed}, strong, weak)
    for name in sorted(again):
        if known[name].refusal:
            raise PlanRefusedError(f"{name} {known[name].refusal}")
    try:
        return _ordered(again, strong, weak)
    except graphlib.CycleError:
        pass  # `import module` in a circle does no harm: the object that stands for the module stays
    try:
        return _ordered(again, strong, {})
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise PlanRefusedError(
            f"these modules take names from each other: {circle}; move one of the imports into a function"
        ) from None


def _taken_from(source: PlannedSource, known: Mapping[str, PlannedSource]) -> set[str]:
    """Return the modules whose names a module takes over; a name that is a module itself is only used."""
    if source.text is None:
        return set()
    found = {base for base, name in source.text.taken if base in known and f"{base}.{name}" not in known}
    return found - {source.name}


def _used_by(source: PlannedSource, known: Mapping[str, PlannedSource]) -> set[str]:
    if source.text is None:
        return set()
    parts = {f"{base}.{name}" for base, name in source.text.taken}
    return {name for name in parts | source.text.used if name in known} - {source.name}


def _with_importers(
    changed: set[str], strong: Mapping[str, set[str]], weak: Mapping[str, set[str]]
) -> set[str]:
    importers: dict[str, set[str]] = {}
    for name in strong:
        for imported in strong[name] | weak[name]:
            importers.setdefault(imported, set()).add(name)
    found, waiting = set(changed), list(changed)
    while waiting:
        for importer in importers.get(waiting.pop(), set()) - found:
            found.add(importer)
            waiting.append(importer)
    return found


def _ordered(
    again: set[str], strong: Mapping[str, set[str]], weak: Mapping[str, set[str]]
) -> tuple[str, ...]:
    graph = {name: sorted((strong[name] | weak.get(name, set())) & again) for name in sorted(again)}
    return tuple(graphlib.TopologicalSorter(graph).static_order())
