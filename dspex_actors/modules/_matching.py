"""Which parts of the object that a state is loaded into are used again: those in their places.

A part is used for the first form that is met in its place and names its class, and for no other. So
parameters keep their identity over a load, and places that are to share a part get one.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from dspex_actors.modules._classes import class_name
from dspex_actors.modules._forms import attribute_name, field, pairs, tag_of, unescaped
from dspex_actors.modules._module_errors import MalformedStateError
from dspex_actors.modules._structure import Shapes, Sort

if TYPE_CHECKING:
    from collections.abc import Iterable


class Match:
    """The parts that stand where the forms of a state have them.

    Args:
        state: a state.
        nodes: its `$nodes`.
        root: the object it is loaded into.
        home: module of the root's class, None for a container.
    """

    def __init__(self, state: dict[Any, Any], nodes: list[Any], root: object, home: str | None) -> None:
        self._nodes = nodes
        self._home = home
        self._shapes = Shapes()
        self._found: dict[int, Any] = {}
        self._used = {id(root)}
        self._seen_nodes = {0} if home is not None else set[int]()
        self._stack: list[tuple[Any, Any]] = []
        if home is None:
            self._stack.append((state.get("$value"), root))
            self._used = set()
        else:
            self._attributes({key: form for key, form in state.items() if key != "$nodes"}, root)
        while self._stack:
            self._match(*self._stack.pop())

    def part_of(self, form: dict[Any, Any]) -> Any:  # noqa: ANN401 -- any part
        """Return the part that is used for a form, None if there is none."""
        return self._found.get(id(form))

    def _match(self, form: Any, part: Any) -> None:  # noqa: ANN401 -- any form, any part
        if type(form) is list:
            self._sequence(form, part)
        elif type(form) is dict:
            tag = tag_of(form)
            if tag is None:
                self._entries(form.items(), part)
            elif tag == "$ref":
                self._node(form["$ref"], part)
            elif tag in {"$tuple", "$set", "$frozenset"}:
                self._sequence(form[tag], part)
            elif tag == "$dict":
                self._entries(pairs(form[tag]), part)
            elif tag == "$live":
                self._found[id(form)] = part
            elif tag in {"$object", "$own"}:
                self._object(form, form[tag], part)

    def _node(self, number: int, part: Any) -> None:  # noqa: ANN401 -- any part
        if not 0 <= number < len(self._nodes):
            raise MalformedStateError(f"$ref {number} is none of the {len(self._nodes)} in $nodes")
        if number not in self._seen_nodes:
            self._seen_nodes.add(number)
            self._stack.append((self._nodes[number], part))

    def _object(self, form: dict[Any, Any], name: str, part: Any) -> None:  # noqa: ANN401 -- any part
        if id(part) in self._used or class_name(type(part), self._home) != name:
            return
        self._used.add(id(part))
        self._found[id(form)] = part
        if "$own" in form:
            return
        shape = self._shapes[type(part)]
        self._attributes(field(form, "attributes", dict), part)
        if shape.sort is Sort.MAPPING:
            self._entries(pairs(field(form, "entries", list)), part)
            if "factory" in form:
                self._push(form["factory"], getattr(part, "default_factory", None))
        elif shape.base is not None:
            self._sequence(field(form, "items", list), part)

    def _attributes(self, forms: dict[Any, Any], part: Any) -> None:  # noqa: ANN401 -- any part
        shape = self._shapes[type(part)]
        if not (shape.has_dict or shape.slots):
            return
        there = dict(shape.attributes(part))
        for key, form in reversed(forms.items()):
            if (type(form) is dict or type(form) is list) and (name := attribute_name(key)) in there:
                self._stack.append((form, there[name]))

    def _sequence(self, forms: list[Any], part: Any) -> None:  # noqa: ANN401 -- any part
        if isinstance(part, (list, tuple, deque)):
            for form, item in reversed(list(zip(forms, self._shapes[type(part)].items(part), strict=False))):
                self._push(form, item)

    def _entries(self, forms: Iterable[Any], part: Any) -> None:  # noqa: ANN401 -- any part
        if not isinstance(part, dict):
            return
        for key, form in reversed(list(forms)):
            if type(key) in (dict, list):
                continue  # a key with a form of its own
            if dict.__contains__(part, name := unescaped(key)):
                self._push(form, dict.__getitem__(part, name))

    def _push(self, form: Any, part: Any) -> None:  # noqa: ANN401 -- as above
        if type(form) is dict or type(form) is list:
            self._stack.append((form, part))
