"""From the name of a part back to the part."""

from __future__ import annotations

import ast
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from dspex_actors.modules._module_errors import PathError
from dspex_actors.modules._paths import Kind
from dspex_actors.modules._structure import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable


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
        held = dict(Shape(type(at)).attributes(at))
        return held[what] if what in held else getattr(at, what)
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
