"""Finding the objects that an object is made of, nearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors.modules._marks import is_dspy_module_class, is_parameter
from dspex_actors.modules._paths import render
from dspex_actors.modules._structure import IMMUTABLE, Shapes, Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dspex_actors.modules._paths import Trail
    from dspex_actors.modules._structure import Found

MAX_DEPTH: Final = 5


def named_sub_modules(
    obj: object,
    type_: type | tuple[type, ...] | None = None,
    *,
    skip: Callable[[Any], bool] | None = None,
    max_depth: int | None = None,
) -> Iterator[tuple[str, Any]]:
    """Yield an object and those it is made of, each once, with their names; level by level.

    Args:
        obj: any object; it comes first, with the empty name.
        type_: yield only objects of this class, or one of these. None yields every object that is neither a
            container nor a value nor a parameter.
        skip: objects that are left out with all below them; the first is not asked about.
        max_depth: objects between `obj` and what is yielded, the latter included; containers do not count.
            None goes to the end.

    Raises:
        ConfigError: `max_depth` is not a whole number from 0.
    """
    if max_depth is not None and (type(max_depth) is not int or max_depth < 0):
        raise ConfigError("max_depth", max_depth, "None or a whole number from 0")
    return _levels(obj, type_, skip, max_depth)


def _levels(
    obj: object,
    type_: type | tuple[type, ...] | None,
    skip: Callable[[Any], bool] | None,
    max_depth: int | None,
) -> Iterator[tuple[str, Any]]:
    shapes = Shapes()
    seen: dict[int, object] = {id(obj): obj}
    level: list[Found] = [(None, obj)]
    depth = 0
    while level:
        below: list[Found] = []
        for trail, module in level:
            if trail is not None and skip is not None and skip(module):
                continue
            if _is_wanted(module, type_, shapes) or (trail is None and type_ is None):
                yield render(trail), module
            if (max_depth is None or depth < max_depth) and (trail is None or _has_modules(module)):
                below += _next_level(trail, module, shapes, seen)
        level, depth = below, depth + 1


def _next_level(
    trail: Trail | None, module: object, shapes: Shapes, seen: dict[int, object]
) -> Iterator[Found]:
    """Yield the objects that are reached from a module through containers alone."""
    stack: list[Found] = _parts(trail, module, shapes)
    while stack:
        trail, at = stack.pop()
        if id(at) in seen:
            continue
        seen[id(at)] = at
        if shapes[type(at)].base is None:
            yield trail, at
        else:
            stack += _parts(trail, at, shapes)


def _parts(trail: Trail | None, at: object, shapes: Shapes) -> list[Found]:
    shape = shapes[type(at)]
    if shape.sort is Sort.OPAQUE:
        return []
    return shape.below(trail, at, IMMUTABLE)


def _is_wanted(module: object, type_: type | tuple[type, ...] | None, shapes: Shapes) -> bool:
    if type_ is not None:
        return isinstance(module, type_)
    return shapes[type(module)].sort is Sort.OBJECT and _has_modules(module)


def _has_modules(module: object) -> bool:
    """Return whether to look below: a parameter is looked into only if it is a module of DSPy's as well."""
    return not is_parameter(module) or is_dspy_module_class(type(module))


def discover_sub_modules(
    obj: object,
    *,
    max_depth: int | None = MAX_DEPTH,
    skip: Callable[[Any], bool] | None = None,
) -> dict[str, Any]:
    """Return the objects that an object is made of by their names, without itself, level by level.

    Args:
        obj: any object.
        max_depth: as for `named_sub_modules`.
        skip: as for `named_sub_modules`.

    Raises:
        ConfigError: `max_depth` is not a whole number from 0.
    """
    found = dict(named_sub_modules(obj, skip=skip, max_depth=max_depth))
    found.pop("", None)
    return found
