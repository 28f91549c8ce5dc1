"""Where two states differ, part by part: a function of the two, for people who look at versions.

States are compared as resolvers compare them: 1 and True differ, and NaN equals NaN.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._conflict import _identity, equal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_DEEPEST: Final = 200  # containers; below that two parts are compared as a whole
_PLAIN: Final = frozenset({str, int, bool, bytes, type(None)})  # where `==` says all


class Change(Enum):
    """What became of a part."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of a state that is not what it was.

    Attributes:
        path: where, for example `state['weights'][3]`; an item of a set as `state['tags']{'a'}`.
        change: what became of it.
        old: the part before; None if it was added.
        new: the part after; None if it was removed.
        note: of arrays of one shape and type, in how many elements they differ; else empty.
    """

    path: str
    change: Change
    old: Any = None
    new: Any = None
    note: str = ""


def differences(old: object, new: object) -> tuple[Difference, ...]:
    """Return where two states differ, in the order of their parts; nothing if they are equal.

    Dicts are compared key by key, sets item by item, lists and tuples place by place after what they begin
    and end with alike. Everything else is one part.

    Args:
        old: a state.
        new: what it became.
    """
    return tuple(_differences(old, new, "state", 0))


def _differences(old: Any, new: Any, path: str, depth: int) -> Iterator[Difference]:  # noqa: ANN401 -- any states
    kind = type(old) if type(old) is type(new) and depth < _DEEPEST else None
    if old is new:
        return
    if kind is dict:
        yield from _of_dicts(old, new, path, depth)
    elif kind is list or kind is tuple:
        yield from _of_sequences(old, new, path, depth)
    elif kind is set or kind is frozenset:
        yield from _of_sets(old, new, path)
    elif kind in _PLAIN:
        if old != new:
            yield Difference(path, Change.CHANGED, old, new)
    elif not equal(old, new):
        yield Difference(path, Change.CHANGED, old, new, _note(old, new))


def _of_dicts(old: dict[Any, Any], new: dict[Any, Any], path: str, depth: int) -> Iterator[Difference]:
    before = {_identity(key): (key, value) for key, value in old.items()}
    after = {_identity(key): (key, value) for key, value in new.items()}
    for name, (key, value) in before.items():
        place = f"{path}[{_text(key)}]"
        if name in after:
            yield from _differences(value, after[name][1], place, depth + 1)
        else:
            yield Difference(place, Change.REMOVED, old=value)
    for name, (key, value) in after.items():
        if name not in before:
            yield Difference(f"{path}[{_text(key)}]", Change.ADDED, new=value)


def _of_sequences(old: Sequence[Any], new: Sequence[Any], path: str, depth: int) -> Iterator[Difference]:
    """Compare place by place; what is left of the longer one was added or removed."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and equal(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and equal(old[-1 - end], new[-1 - end]):
        end += 1
    ours, theirs = old[start : len(old) - end], new[start : len(new) - end]
    both = min(len(ours), len(theirs))
    for place in range(both):
        yield from _differences(ours[place], theirs[place], f"{path}[{start + place}]", depth + 1)
    for place in range(both, len(ours)):
        yield Difference(f"{path}[{start + place}]", Change.REMOVED, old=ours[place])
    for place in range(both, len(theirs)):
        yield Difference(f"{path}[{start + place}]", Change.ADDED, new=theirs[place])


def _of_sets(old: Collection[Any], new: Collection[Any], path: str) -> Iterator[Difference]:
    before = {_identity(item): item for item in old}
    after = {_identity(item): item for item in new}
    gone = [before[name] for name in before.keys() - after.keys()]
    come = [after[name] for name in after.keys() - before.keys()]
    for item in sorted(gone, key=_text):
        yield Difference(f"{path}{{{_text(item)}}}", Change.REMOVED, old=item)
    for item in sorted(come, key=_text):
        yield Difference(f"{path}{{{_text(item)}}}", Change.ADDED, new=item)


def _text(key: object) -> str:
    try:
        return repr(key)
    except ValueError:  # Python's limit of decimal digits
        return hex(key) if isinstance(key, int) else f"<a {type(key).__name__}>"


def _note(old: Any, new: Any) -> str:  # noqa: ANN401 -- any states
    numpy = sys.modules.get("numpy")  # whoever has an array has loaded it
    if numpy is None or type(old) is not numpy.ndarray or type(new) is not numpy.ndarray:
        return ""
    if old.dtype != new.dtype or old.shape != new.shape:
        return f"{old.dtype} of shape {old.shape} became {new.dtype} of shape {new.shape}"
    unequal = (old != new) & ~((old != old) & (new != new))  # noqa: PLR0124 -- a NaN equals a NaN here
    return f"{int(numpy.count_nonzero(unequal))} of {old.size} elements differ"
