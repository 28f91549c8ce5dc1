"""The state of an object as plain data that every format of `dspex_actors.serialization` carries.

    dump_state(counter)         {"count": 3, "history": [1, 2]}

The state of an object is a dict of its attributes. Values stand for themselves, and so do lists and dicts;
what has no form of its own is a dict with one of these keys:

    $object    name of a class; with `attributes`, and `items` or `entries` where it is made from a container
    $own       name of a class with its own `dump_state`, and what that returned as `state`
    $tuple $set $frozenset $dict     items, or pairs of a key and its value, that are not all plain
    $enum $path                      a member of an enumeration, a path of a file system
    $live      name of the class of something alive or code, which is not in the state
    $ref       the place in the list `$nodes` of the root, of what is met at several places or deep inside

A text that starts with `$`, as a key or the name of an attribute, has one `$` more. The state of a container
has it as `$value`.
"""

from __future__ import annotations

import sys
from collections import defaultdict, deque
from enum import Enum, Flag
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._classes import ALWAYS, class_name
from dspex_actors.modules._live import CODE, Ownership
from dspex_actors.modules._module_errors import NotDumpableError
from dspex_actors.modules._own import has_own_state, makes_from_state
from dspex_actors.modules._paths import Kind, key_step, render
from dspex_actors.modules._structure import IMMUTABLE, Shape, Shapes, Sort

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules._paths import Trail

    Way = Callable[[Any, int, Trail | None], Any]
    Task = tuple[Any, Any, Any, int, Trail | None]  # what to encode, where to put it, its depth and its name

_UNNAMED: Final = frozenset({type(NotImplemented)})  # immutable, and without a form in any format
PLAIN: Final = IMMUTABLE - _UNNAMED
_CONTAINERS: Final[dict[type, str]] = {
    list: "_list",
    dict: "_dict",
    tuple: "_fixed",
    set: "_fixed",
    frozenset: "_fixed",
    bytearray: "_block",
}
DEEPEST: Final = 40  # containers in each other; what is deeper stands in `$nodes`


def dump_state(obj: object) -> dict[str, Any]:
    """Return the state of an object as plain data, which shares nothing with it.

    An object whose class has `dump_state` and `load_state` says its state itself, here and below. Of other
    objects the state is what `__dict__` and slots hold, and so on for what they are made of; what is alive or
    code is left out, and a load leaves it as it is there.

    Args:
        obj: an object, or a list, dict, set or deque; not a value.

    Returns:
        A dict, unless the object's own `dump_state` returns something else.

    Raises:
        NotDumpableError: a part has no form in a state: says which, and what helps.
        Exception: what the `dump_state` of a part raises.
    """
    if has_own_state(type(obj)):
        state: dict[str, Any] = obj.dump_state()  # type: ignore[attr-defined]
        return state
    return _Dump(obj).run()


def live_parts(obj: object) -> dict[str, Any]:
    """Return what a dump of an object leaves out, because it is alive or code, by its name.

    For loading the state into an object that does not have them yet: `load_state(new, state, live=...)`.

    Raises:
        NotDumpableError: as `dump_state`.
        Exception: as `dump_state`.
    """
    if has_own_state(type(obj)):
        return {}
    dump = _Dump(obj)
    dump.run()
    return {render(trail): value for trail, value in dump.live}


class _Dump:
    def __init__(self, root: Any) -> None:  # noqa: ANN401 -- any object
        self._root = root
        self._shapes = Shapes()
        self._ways: dict[type, tuple[Way, bool]] = {}
        shape = self._shapes[type(root)]
        if shape.sort is Sort.OPAQUE or type(root) in (tuple, frozenset):
            reason = "only an object with attributes, a list, a dict, a set or a deque has a state"
            raise NotDumpableError("", type(root).__name__, reason)
        self._home = type(root).__module__ if shape.sort is Sort.OBJECT else None
        self._ownership = Ownership(root, self._shapes)
        self._nodes: list[Any] = []
        # Of each thing that can be shared: its place in `_nodes`, or where it stands, until it is met again.
        self._places: dict[int, int | tuple[Any, Any]] = {}
        self._kept: list[Any] = []
        self._tasks: list[Task] = []
        self.live: list[tuple[Trail | None, Any]] = []

    def run(self) -> dict[str, Any]:
        """Encode the object; the tasks on the list wait for their turn."""
        state: dict[str, Any] = {}
        if self._home is None:
            self._put(self._root, state, "$value", 0, None)
        else:
            self._nodes.append(None)  # the root is node 0, and stands here
            self._places[id(self._root)] = 0
            self._attributes(self._root, self._shapes[type(self._root)], state, 0, None)
        self._tasks.reverse()
        while self._tasks:
            task = self._tasks.pop()
            first = len(self._tasks)
            self._encode(*task)
            self._tasks[first:] = reversed(self._tasks[first:])  # the first part comes next
        if (self._home is not None and len(self._nodes) > 1) or (self._home is None and self._nodes):
            state["$nodes"] = self._nodes
        return state

    def _put(self, value: Any, holder: Any, key: Any, depth: int, trail: Trail | None) -> None:  # noqa: ANN401
        """Put the form of a value where it belongs, at once or later."""
        if type(value) in PLAIN:
            holder[key] = value
        else:
            holder[key] = None  # its place in the order
            self._tasks.append((value, holder, key, depth, trail))

    def _encode(self, value: Any, holder: Any, key: Any, depth: int, trail: Trail | None) -> None:  # noqa: ANN401
        cls = type(value)
        if cls not in self._ways:
            self._ways[cls] = self._way_of(cls)
        way, may_be_shared = self._ways[cls]
        if not may_be_shared:
            holder[key] = way(value, depth, trail)
            return
        known = self._places.get(id(value))
        if known is not None:
            holder[key] = {"$ref": known if isinstance(known, int) else self._moved(id(value), known)}
            return
        self._kept.append(value)
        if depth >= DEEPEST:
            self._places[id(value)] = len(self._nodes)
            holder[key] = {"$ref": len(self._nodes)}
            self._nodes.append(None)
            holder, key, depth = self._nodes, len(self._nodes) - 1, 0
        else:
            self._places[id(value)] = (holder, key)
        holder[key] = way(value, depth, trail)

    def _way_of(self, cls: type) -> tuple[Way, bool]:
        """Return how objects of a class are encoded, and whether it matters that one is at several places."""
        if (name := _CONTAINERS.get(cls)) is not None or _is_numpy(cls):
            return getattr(self, name or "_block"), True
        if issubclass(cls, Enum):
            return self._enum, False
        if issubclass(cls, PurePath) and f"pathlib:{cls.__qualname__}" in ALWAYS:
            return self._path, False
        if issubclass(cls, CODE):
            return self._live, False
        if makes_from_state(cls):
            return self._live, True
        return (self._own if has_own_state(cls) else self._instance), True

    def _moved(self, number: int, place: tuple[Any, Any]) -> int:
        """Move what stands in one place into `_nodes`, as it is needed at a second one."""
        holder, key = place
        node = self._places[number] = len(self._nodes)
        self._nodes.append(holder[key])
        holder[key] = {"$ref": node}
        return node

    def _list(self, value: list[Any], depth: int, trail: Trail | None) -> list[Any]:
        return self._items(value, depth + 1, trail)

    def _fixed(self, value: Any, depth: int, trail: Trail | None) -> Any:  # noqa: ANN401 -- tuples and sets
        if all(type(item) in PLAIN for item in value):
            return value.copy() if type(value) is set else value
        return {f"${type(value).__name__}": self._items(value, depth + 2, trail)}

    def _block(self, value: Any, _depth: int, trail: Trail | None) -> Any:  # noqa: ANN401 -- bytes or numpy data
        if type(value) is not bytearray and value.dtype.hasobject:
            raise self._refusal(value, trail, "an array of objects has no form; use a list")
        return value.copy()

    def _path(self, value: PurePath, _depth: int, _trail: Trail | None) -> dict[str, Any]:
        return {"$path": str(value), "class": type(value).__qualname__}

    def _own(self, value: Any, depth: int, trail: Trail | None) -> dict[str, Any]:  # noqa: ANN401 -- any object
        own = value.dump_state()
        self._kept.append(own)  # or its id is given away
        form: dict[str, Any] = {"$own": class_name(type(value), self._home)}
        self._put(own, form, "state", depth + 1, (trail, Kind.ATTRIBUTE, "dump_state()"))
        return form

    def _instance(self, value: Any, depth: int, trail: Trail | None) -> Any:  # noqa: ANN401 -- any object
        cls = type(value)
        shape = self._shapes[cls]
        if self._ownership.is_alive(value):
            return self._live(value, depth, trail)
        is_foreign = shape.base is not None and _is_foreign_container(cls)
        if shape.sort is Sort.OPAQUE or not shape.is_all or is_foreign:
            raise self._refusal(
                value,
                trail,
                "give its class, or its holder's, dump_state and load_state, or keep plain data instead",
            )
        return self._object(value, shape, depth, trail)

    def _live(self, value: object, _depth: int, trail: Trail | None) -> dict[str, Any]:
        self.live.append((trail, value))
        return {"$live": class_name(type(value), None)}

    def _items(self, items: Any, depth: int, trail: Trail | None) -> list[Any]:  # noqa: ANN401 -- any iterable
        form: list[Any] = list(items)
        for place, item in enumerate(form):
            if type(item) not in PLAIN:
                self._put(item, form, place, depth, (trail, Kind.INDEX, place))
        return form

    def _dict(self, value: dict[Any, Any], depth: int, trail: Trail | None) -> dict[Any, Any]:
        items = dict.copy(value)
        if not all(map(_is_plain_key, items)):
            return {"$dict": self._pairs(items, depth + 2, trail)}
        depth += 1
        form: dict[Any, Any] = {}
        for place, (key, item) in enumerate(items.items()):
            name = f"${key}" if type(key) is str and key[:1] == "$" else key
            if type(item) in PLAIN:
                form[name] = item
            else:
                self._put(item, form, name, depth, (trail, *key_step(key, place)))
        return form

    def _pairs(self, items: dict[Any, Any], depth: int, trail: Trail | None) -> list[Any]:
        pairs: list[Any] = []
        for place, (key, item) in enumerate(items.items()):
            pair: list[Any] = [None, None]
            self._put(key, pair, 0, depth + 1, (trail, Kind.PLACE, place))
            self._put(item, pair, 1, depth + 1, (trail, Kind.PLACE, place))
            pairs.append(pair)
        return pairs

    def _enum(self, value: Enum, _depth: int, trail: Trail | None) -> dict[str, Any]:
        form: dict[str, Any] = {"$enum": class_name(type(value), self._home)}
        if isinstance(value, Flag):
            return form | {"value": value.value}
        if type(value)[value.name] is not value:
            raise self._refusal(value, trail, "its class knows no member of its name")
        return form | {"name": value.name}

    def _object(self, value: Any, shape: Shape, depth: int, trail: Trail | None) -> Any:  # noqa: ANN401
        form: dict[str, Any] = {"$object": class_name(type(value), self._home), "attributes": {}}
        self._attributes(value, shape, form["attributes"], depth + 2, trail)
        if shape.sort is Sort.MAPPING:
            form["entries"] = self._pairs(dict.copy(value), depth + 2, trail)
            if isinstance(value, defaultdict):
                factory = (trail, Kind.ATTRIBUTE, "default_factory")
                self._put(value.default_factory, form, "factory", depth + 1, factory)
        elif shape.base is not None:
            form["items"] = self._items(shape.items(value), depth + 2, trail)
            if isinstance(value, deque):
                form["maxlen"] = value.maxlen
        return form

    def _attributes(
        self,
        value: Any,  # noqa: ANN401 -- any object
        shape: Shape,
        form: dict[str, Any],
        depth: int,
        trail: Trail | None,
    ) -> None:
        for name, item in shape.attributes(value):
            place = f"${name}" if name[:1] == "$" else name
            if type(item) in PLAIN:
                form[place] = item
            else:
                self._put(item, form, place, depth, (trail, Kind.ATTRIBUTE, name))

    def _refusal(self, value: object, trail: Trail | None, reason: str) -> NotDumpableError:
        return NotDumpableError(render(trail), type(value).__name__, reason)


def _is_plain_key(key: object) -> bool:
    if type(key) is tuple:
        return all(type(each) in PLAIN for each in key)
    return type(key) in PLAIN


def _is_numpy(cls: type) -> bool:
    np = sys.modules.get("numpy")
    return np is not None and (
        cls is np.ndarray or (issubclass(cls, np.generic) and cls.__module__ == "numpy")
    )


def _is_foreign_container(cls: type) -> bool:
    """Return whether a class made from a container is of the standard library and has no form here."""
    name = f"{cls.__module__}:{cls.__qualname__}"
    return cls.__module__.partition(".")[0] in sys.stdlib_module_names and name not in ALWAYS
