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

import ast
import math
from collections import deque
from enum import IntEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._module_errors import PathError

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
        if kind is Kind.ATTRIBUTE:
            if what.isidentifier():
                texts.append(f".{what}" if texts else what)
            else:
                texts.append(f".{what!r}")
        elif kind is Kind.INDEX or kind is Kind.KEY:
            texts.append(f"[{what!r}]")
        else:
            texts.append(f"[#{what}]" if kind is Kind.PLACE else f"{{{what}}}")
    return "".join(texts)


def resolve(root: object, path: str) -> Any:  # noqa: ANN401 -- a part of any type
    """Return the part of an object that a name leads to.

    Args:
        root: the object.
        path: a name as `named_parameters` gives it; the empty one is the object itself.

    Raises:
        PathError: it is not a name, or the object has no such part.
    """
    at = root
    rest = path
    while rest:
        kind, what, rest = _next_step(path, rest)
        try:
            at = _stepped(at, kind, what)
        except (AttributeError, LookupError, TypeError) as error:
            reached = path[: len(path) - len(rest)]
            reason = f"at {reached!r}, in a {type(at).__name__}: {type(error).__name__}: {error}"
            raise PathError(path, reason) from None
    return at


def _stepped(at: Any, kind: Kind | None, what: Any) -> Any:  # noqa: ANN401 -- as above
    if kind is Kind.ATTRIBUTE:
        return getattr(at, what)
    if kind is Kind.PLACE:
        if not isinstance(at, dict):
            raise TypeError("it is not a dict")
        return _nth(dict.values(at), what)
    if kind is Kind.MEMBER:
        if not isinstance(at, (set, frozenset)):
            raise TypeError("it is not a set")
        return _nth(at, what)
    if isinstance(at, dict):
        return dict.__getitem__(at, what)
    if type(what) is int and what >= 0:
        base: Any
        for base in (list, tuple, deque):
            if isinstance(at, base):
                return base.__getitem__(at, what)
    raise TypeError(f"it has no item {what!r}")


def _nth(items: Iterable[Any], place: int) -> Any:  # noqa: ANN401 -- as above
    for item in islice(items, place, None):
        return item
    raise IndexError(f"it has no entry {place}")


def _next_step(path: str, rest: str) -> tuple[Kind | None, Any, str]:
    """Return the first step and what follows it; one in brackets is an index or a key, as the part says."""
    if rest[0] == "[":
        inner, after = _until(path, rest, "]")
        if inner.startswith("#"):
            return Kind.PLACE, _number(path, inner[1:]), after
        return None, _literal(path, inner), after
    if rest[0] == "{":
        inner, after = _until(path, rest, "}")
        return Kind.MEMBER, _number(path, inner), after
    if rest[0] == ".":
        rest = rest[1:]
    elif len(rest) != len(path):
        raise PathError(path, f"a step starts with '.', '[' or '{{', not with {rest[:20]!r}")
    if rest[:1] in {"'", '"'}:
        inner, after = _quoted(path, rest)
        return Kind.ATTRIBUTE, _literal(path, inner), after
    end = 0
    while end < len(rest) and rest[end] not in ".[{":
        end += 1
    if not rest[:end].isidentifier():
        raise PathError(path, f"{rest[:end]!r} is not the name of an attribute")
    return Kind.ATTRIBUTE, rest[:end], rest[end:]


def _until(path: str, rest: str, end: str) -> tuple[str, str]:
    """Return what stands up to the closing bracket, quotes respected, and what follows it."""
    at = 1
    while at < len(rest) and rest[at] != end:
        if rest[at] in "'\"":
            at += len(_quoted(path, rest[at:])[0])
        else:
            at += 1
    if at >= len(rest):
        raise PathError(path, f"{rest[:20]!r} is never closed")
    return rest[1:at], rest[at + 1 :]


def _quoted(path: str, rest: str) -> tuple[str, str]:
    at = 1
    while at < len(rest) and rest[at] != rest[0]:
        at += 2 if rest[at] == "\\" else 1
    if at >= len(rest):
        raise PathError(path, f"{rest[:20]!r} is never closed")
    return rest[: at + 1], rest[at + 1 :]


def _number(path: str, text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise PathError(path, f"{text[:20]!r} is not a number")
    return int(text)


def _literal(path: str, text: str) -> Any:  # noqa: ANN401 -- as above
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise PathError(path, f"{text[:20]!r} is not a key") from None
