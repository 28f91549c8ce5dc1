"""Names of the parts of an object: one name leads to one place, and no two places have one name.

    layers[0].weight        attribute `layers`, its item 0, attribute `weight`
    experts['a'].bias       the entry of the key 'a'; [1], [True] and ['1'] are three different keys
    .'odd name'             an attribute that is no identifier
    table[#2]               the third entry of a dict, whose key has no text of its own
    choices{0}              the first member of a set, as it is iterated now

A step is a pair of a kind and what it needs; a trail is a step with the trail before it, so that walking
into a deep object costs nothing until somebody asks for a name. The object itself has the empty name.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    Step = tuple["Kind", Any]
    Trail = tuple["Trail | None", "Kind", Any]


class Kind(IntEnum):
    """What a step does."""

    ATTRIBUTE = 0  # by name
    INDEX = 1  # the n-th item of a list, a tuple or a deque
    KEY = 2  # the entry of a key that has a text
    PLACE = 3  # the n-th entry of a dict
    MEMBER = 4  # the n-th member of a set


_NAMED_KEYS: Final = frozenset({type(None), bool, int, float, str, bytes})
_MOST_DIGITS: Final = 4000  # of an int in a name; Python refuses to read more


def key_step(key: object, place: int) -> tuple[Kind, Any]:
    """Return the step to an entry: by its key if that has a text, otherwise by its place."""
    if type(key) in _NAMED_KEYS:
        return (Kind.KEY, key) if _is_readable(key) else (Kind.PLACE, place)
    if type(key) is tuple and all(type(each) in _NAMED_KEYS and _is_readable(each) for each in key):
        return Kind.KEY, key
    return Kind.PLACE, place


def _is_readable(key: object) -> bool:
    if type(key) is float:
        return math.isfinite(key)
    return type(key) is not int or key.bit_length() < 3 * _MOST_DIGITS


def render(trail: Trail | None) -> str:
    """Return the name of the place that a trail leads to."""
    steps: list[Step] = []
    while trail is not None:
        trail, kind, what = trail
        steps.append((kind, what))
    return join(reversed(steps))


def join(steps: Iterable[Step]) -> str:
    """Return the name that these steps make."""
    texts: list[str] = []
    for kind, what in steps:
        texts.append(_text(kind, what, first=not texts))
    return "".join(texts)


def _text(kind: Kind, what: Any, *, first: bool) -> str:  # noqa: ANN401 -- what a step needs
    if kind is Kind.ATTRIBUTE:
        if what.isidentifier():
            return f"{what}" if first else f".{what}"
        return f".{what!r}"
    if kind is Kind.INDEX or kind is Kind.KEY:
        return f"[{what!r}]"
    return f"[#{what}]" if kind is Kind.PLACE else f"{{{what}}}"


class Names:
    """Gives names to many places, quickly to those that stand beside each other."""

    __slots__ = ("_around", "_name_around")

    def __init__(self) -> None:
        self._around: Trail | None = None
        self._name_around = ""

    def of(self, trail: Trail | None) -> str:
        """Return the name of the place that a trail leads to."""
        if trail is None:
            return ""
        around, kind, what = trail
        if around is not self._around:
            self._around, self._name_around = around, render(around)
        return self._name_around + _text(kind, what, first=not self._name_around)
