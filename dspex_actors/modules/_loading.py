"""From a state back into an object, all of it or nothing.

First everything is built beside the object: new containers, new objects where it has none of the right class
in the right place, and for each object the attributes it will have. Only then are those set, and if anything
fails, they are set back. Lists, dicts and sets inside the object are new after a load; objects stay the same.

No constructor, property or `__setattr__` runs, and no validation of a dataclass or pydantic model. Of the
parts' own code `load_state` runs, where a class has it: on a copy at first, so that one that refuses its
state does so before anything was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dspex_actors._errors import ConfigError
from dspex_actors.modules._building import Build
from dspex_actors.modules._copying import deep_copy
from dspex_actors.modules._module_errors import LoadError, StateRefusedError
from dspex_actors.modules._own import has_own_state
from dspex_actors.modules._paths import render
from dspex_actors.modules._structure import Shapes, Sort, dict_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dspex_actors.modules._building import Change, OwnLoad
    from dspex_actors.modules._structure import Shape

    Undo = Callable[[], None]

_MISSING = object()


def load_state(
    obj: object,
    state: Any,  # noqa: ANN401 -- a dump, or what an object's own `dump_state` returned
    *,
    types: Iterable[type] | Literal["loaded"] = (),
    live: Mapping[str, Any] | None = None,
) -> None:
    """Give an object the state that `dump_state` returned, all of it or nothing.

    Afterwards the object has the attributes that the state has, and no others. Objects that stand where the
    state has one of their class are used again; others, and all that are members of sets or keys, are made
    without their constructor.

    Args:
        obj: an object, also one from `cls.__new__(cls)`, or a list, dict, set or deque.
        state: plain data; it is not changed. Only attributes are set and classes looked up by name, but they
            are set to whatever it says: load states of people you trust, or sign them.
        types: classes of which objects may be made, beside those of the objects that `obj` has already and
            those of the loaded modules of its own top-level package. `"loaded"` allows every class that is
            defined in a loaded module.
        live: things that are alive or code by their names, as `live_parts` returns them, for places where
            `obj` has none yet.

    Raises:
        MalformedStateError: it is not a state.
        StateMismatchError: it does not fit the object: says where and why.
        StateRefusedError: the `load_state` of a part raised.
        ConfigError: `types` is something else.
        CopyFailedError: a part with its own `load_state` cannot be copied in order to try it.
    """
    if isinstance(types, str) and types != "loaded":
        raise ConfigError("types", types, "classes, or 'loaded'")
    if has_own_state(type(obj)):
        _commit([], [(obj, state, None)], None)
        return
    given: Iterable[type] = () if isinstance(types, str) else types
    build = Build(obj, state, given, live or {}, all_loaded=types == "loaded")
    build.run()
    _commit(build.changes, build.own_loads, build.content)


def _commit(changes: list[Change], own_loads: list[OwnLoad], content: tuple[Any, Any] | None) -> None:
    befores = [
        deep_copy(part) if _try_on_copy(part, state, trail) else None for part, state, trail in own_loads
    ]
    undo: list[Undo] = []
    try:
        for obj, shape, attributes in changes:
            undo.append(_setter(obj, shape, dict(shape.attributes(obj))))
            _set_attributes(obj, shape, attributes)
        if content is not None:
            root, new = content
            old = root.copy()
            undo.append(lambda: _refill(root, old))
            _refill(root, new)
        for (part, state, trail), before in zip(own_loads, befores, strict=True):
            if before is not None:
                shape = Shapes()[type(part)]
                undo.append(_setter(part, shape, dict(shape.attributes(before))))
            _own_load(part, state, trail)
    except BaseException:
        for step in reversed(undo):
            step()
        raise


def _try_on_copy(part: object, state: object, trail: Any) -> bool:  # noqa: ANN401 -- a trail
    """Let a copy of a part load its state, and return whether the part has something to lose."""
    shape = Shapes()[type(part)]
    if shape.sort is not Sort.OPAQUE and not shape.attributes(part):
        return False
    _own_load(deep_copy(part), deep_copy(state), trail)
    return True


def _own_load(part: Any, state: object, trail: Any) -> None:  # noqa: ANN401 -- as above
    try:
        part.load_state(state)
    except LoadError:
        raise
    except Exception as error:  # the part's own code, which may raise anything
        raise StateRefusedError(render(trail), f"{type(error).__name__}: {error}") from error


def _setter(obj: object, shape: Shape, attributes: dict[str, Any]) -> Undo:
    return lambda: _set_attributes(obj, shape, attributes)


def _set_attributes(obj: object, shape: Shape, attributes: dict[str, Any]) -> None:
    """Make these the attributes of an object: put in first, drop others then, so that none is missing."""
    slots = shape.slots
    for name, slot in slots:
        if name in attributes:
            slot.__set__(obj, attributes[name])
    if shape.has_dict:
        there = dict_of(obj)
        slot_of = shape.slot_of
        there.update({name: value for name, value in attributes.items() if name not in slot_of})
        for name in there.keys() - attributes.keys():
            del there[name]
    for name, slot in slots:
        if name not in attributes:
            _clear(obj, slot)


def _clear(obj: object, slot: Any) -> None:  # noqa: ANN401 -- a descriptor
    try:
        slot.__delete__(obj)
    except AttributeError:  # it holds nothing
        return


def _refill(container: Any, content: Any) -> None:  # noqa: ANN401 -- two containers of one kind
    if isinstance(container, list):
        list.__setitem__(container, slice(None), content)
        return
    container.clear()
    if isinstance(container, (dict, set)):
        container.update(content)
    else:
        container.extend(content)
