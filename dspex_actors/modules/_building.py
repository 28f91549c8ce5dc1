"""Building what a state describes, beside the object it is for.

Each form is read by a generator that asks for the forms inside it; they wait on a list, not on the stack.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._classes import ALWAYS, Classes
from dspex_actors.modules._forms import attribute_name, field, nodes_of, pairs, tag_of, unescaped
from dspex_actors.modules._matching import Match
from dspex_actors.modules._module_errors import LoadError, MalformedStateError, StateMismatchError
from dspex_actors.modules._own import has_own_state
from dspex_actors.modules._paths import Kind, key_step, render
from dspex_actors.modules._structure import IMMUTABLE, Shape, Shapes, Sort, bare

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from dspex_actors.modules._paths import Trail

    Reading = Generator[tuple[Any, Trail | None], Any, Any]
    Change = tuple[Any, Shape, dict[str, Any]]
    OwnLoad = tuple[Any, Any, Trail | None]

_MISSING: Final = object()
_READERS: Final = {
    "$object": "_object",
    "$own": "_own",
    "$tuple": "_frozen",
    "$frozenset": "_frozen",
    "$set": "_members",
    "$enum": "_enum",
    "$path": "_path",
    "$live": "_alive",
}


class Build:
    """What has to be done to give an object a state.

    Args:
        root: the object.
        state: what is to become of it.
        given: classes that may be made.
        live: things alive by their names.
        all_loaded: every class of a loaded module may be made.

    Attributes:
        changes: objects with the attributes they will have.
        own_loads: objects with the states for their own `load_state`.
        content: a root that is a container, and what it will hold.
    """

    def __init__(
        self,
        root: Any,  # noqa: ANN401 -- any object
        state: Any,  # noqa: ANN401 -- anything
        given: Iterable[type],
        live: Mapping[str, Any],
        *,
        all_loaded: bool,
    ) -> None:
        self._shapes = Shapes()
        shape = self._shapes[type(root)]
        if shape.sort is Sort.OPAQUE or shape.base in (tuple, frozenset):
            raise StateMismatchError("", f"a {type(root).__name__} cannot be changed")
        self._home = type(root).__module__ if shape.sort is Sort.OBJECT else None
        self._root = root
        self._state = state
        self._nodes = nodes_of(state)
        self._live = live
        self._classes = Classes(root, self._home, given, all_loaded=all_loaded)
        self._match = Match(state, self._nodes, root, self._home)
        self._built: dict[int, Any] = {} if self._home is None else {0: root}
        # What can change, by its form: one that is met again while its parts are built stands for the same.
        self._made: dict[int, Any] = {}
        self._busy: dict[int, int] = {}
        self._root_form: int | None = None
        self.changes: list[Change] = []
        self.own_loads: list[OwnLoad] = []
        self.content: tuple[Any, Any] | None = None

    def run(self) -> None:
        """Build everything; the object is not touched.

        Raises:
            LoadError: the state is malformed or does not fit.
        """
        try:
            self._run()
        except (TypeError, ValueError, KeyError, OverflowError) as fault:
            if isinstance(fault, LoadError):
                raise
            raise MalformedStateError(f"{type(fault).__name__}: {fault}") from fault

    def _run(self) -> None:
        forms = {key: form for key, form in self._state.items() if key != "$nodes"}
        if self._home is not None:
            if "$value" in forms:
                raise StateMismatchError(
                    "", f"it is that of a container, not of a {type(self._root).__name__}"
                )
            self._read(self._attributes(self._root, self._shapes[type(self._root)], forms, None))
            return
        if forms.keys() != {"$value"}:
            raise StateMismatchError("", f"it is that of an object, not of a {type(self._root).__name__}")
        form = forms["$value"]
        if type(form) is dict and "$ref" in form:
            form = self._nodes[form["$ref"]]
        self._root_form = id(form)
        self._read(self._first(forms["$value"]))
        if self.content is None:
            raise StateMismatchError("", f"it is not that of a {type(self._root).__name__}")

    def _first(self, form: Any) -> Reading:  # noqa: ANN401 -- any form
        return (yield form, None)

    def _read(self, reading: Reading) -> Any:  # noqa: ANN401 -- any value
        waiting = [reading]
        answer: Any = None
        while waiting:
            try:
                form, trail = waiting[-1].send(answer)
            except StopIteration as done:
                waiting.pop()
                answer = done.value
                continue
            if type(form) is dict and "$ref" in form:
                number = form["$ref"] if tag_of(form) == "$ref" else -1
                answer = self._built.get(number, _MISSING)
                if answer is _MISSING:
                    waiting.append(self._node(number, trail))
                    answer = None
            else:
                answer = self._made.get(id(form), _MISSING)
                if answer is _MISSING:
                    waiting.append(self._open(form, None, trail))
                    answer = None
        return answer

    def _node(self, number: int, trail: Trail | None) -> Reading:
        # A tuple may be met inside itself, by way of something that can change and is made by then.
        if not 0 <= number < len(self._nodes) or self._busy.get(number) == len(self._made):
            raise MalformedStateError(f"$ref {number} leads nowhere")
        self._busy[number] = len(self._made)
        value = yield from self._open(self._nodes[number], number, trail)
        return self._built.setdefault(number, value)

    def _open(self, form: Any, node: int | None, trail: Trail | None) -> Reading:  # noqa: ANN401 -- any form
        """Return the generator that reads a form."""
        cls = type(form)
        if cls is list:
            return self._list(form, node, trail)
        if cls is dict:
            tag = tag_of(form)
            if tag in _READERS:
                reader: Reading = getattr(self, _READERS[tag])(form, node, trail)
                return reader
            return self._mapping(form, tag, node, trail)
        return self._fixed("$tuple", form, trail) if cls is tuple else self._value(form, node)

    def _value(self, form: Any, node: int | None) -> Reading:  # noqa: ANN401 -- any value
        if type(form) is set or type(form) is bytearray or hasattr(form, "dtype"):
            return self._shell(form, node, form.copy())
        return form
        yield

    def _shell(self, form: Any, node: int | None, new: Any) -> Any:  # noqa: ANN401
        """Return what stands for a container of the state: `new`, or the root that will hold its content."""
        stands = new
        if id(form) == self._root_form:
            if type(self._root) is not type(new):
                raise StateMismatchError("", f"it is that of a {type(new).__name__}")
            self.content = (self._root, new)
            stands = self._root
        return self._note(form, node, stands)

    def _note(self, form: Any, node: int | None, made: Any) -> Any:  # noqa: ANN401 -- what a form stands for
        self._made[id(form)] = made
        if node is not None:
            self._built[node] = made
        return made

    def _items(self, forms: Iterable[Any], trail: Trail | None) -> Reading:
        items: list[Any] = []
        for place, form in enumerate(forms):
            items.append(form if type(form) in IMMUTABLE else (yield form, (trail, Kind.INDEX, place)))
        return items

    def _list(self, form: list[Any], node: int | None, trail: Trail | None) -> Reading:
        new: list[Any] = []
        stands = self._shell(form, node, new)
        for place, inner in enumerate(form):
            new.append(inner if type(inner) in IMMUTABLE else (yield inner, (trail, Kind.INDEX, place)))
        return stands

    def _dict(
        self, entries: Iterable[Any], new: dict[Any, Any], trail: Trail | None, *, raw: bool
    ) -> Reading:
        put = OrderedDict.__setitem__ if isinstance(new, OrderedDict) else dict.__setitem__
        for place, (key_form, form) in enumerate(entries):
            if raw:
                key = unescaped(key_form)
            else:
                key = yield key_form, (trail, Kind.PLACE, place)
            step = (trail, *key_step(key, place))
            put(new, key, form if type(form) in IMMUTABLE else (yield form, step))
        return new

    def _mapping(
        self, form: dict[Any, Any], tag: str | None, node: int | None, trail: Trail | None
    ) -> Reading:
        new: dict[Any, Any] = {}
        stands = self._shell(form, node, new)
        entries = form.items() if tag is None else pairs(form[tag])
        yield from self._dict(entries, new, trail, raw=tag is None)
        return stands

    def _members(self, form: dict[Any, Any], node: int | None, trail: Trail | None) -> Reading:
        members: set[Any] = set()
        stands = self._shell(form, node, members)
        members.update((yield from self._items(form["$set"], trail)))
        return stands

    def _frozen(self, form: dict[Any, Any], _node: int | None, trail: Trail | None) -> Reading:
        return (yield from self._fixed(tag := next(iter(form)), form[tag], trail))

    def _fixed(self, tag: str, forms: Iterable[Any], trail: Trail | None) -> Reading:
        items = yield from self._items(forms, trail)
        return tuple(items) if tag == "$tuple" else frozenset(items)

    def _enum(self, form: dict[Any, Any], _node: int | None, trail: Trail | None) -> Reading:
        cls = self._class(form["$enum"], trail)
        if not issubclass(cls, Enum):
            raise StateMismatchError(render(trail), f"{cls.__name__} is no enumeration")
        try:
            return cls(form["value"]) if "value" in form else cls[form["name"]]
        except (KeyError, ValueError) as error:
            raise StateMismatchError(render(trail), f"{cls.__name__} has no such member: {error}") from None
        yield

    def _path(self, form: dict[Any, Any], _node: int | None, _trail: Trail | None) -> Reading:
        cls: Any = ALWAYS.get(f"pathlib:{field(form, 'class', str)}")
        if cls is None:
            raise MalformedStateError(f"$path of the class {form['class']!r:.50}")
        return cls(form["$path"])
        yield

    def _alive(self, form: dict[Any, Any], _node: int | None, trail: Trail | None) -> Reading:
        found = self._match.part_of(form)
        if found is None:
            path = render(trail)
            found = self._live.get(path)
            if found is None:
                reason = (
                    f"it was a {form['$live']}, which a state does not hold, and the object has none there; "
                    "load into one that its constructor has made, or give it in live="
                )
                raise StateMismatchError(path, reason)
        return found
        yield

    def _class(self, name: str, trail: Trail | None) -> type:
        cls = self._classes.find(name)
        if cls is None:
            reason = f"it is a {name.lstrip(':')}, which is not known here; give the class in types="
            raise StateMismatchError(render(trail), reason)
        return cls

    def _object(self, form: dict[Any, Any], node: int | None, trail: Trail | None) -> Reading:
        part = self._match.part_of(form)
        cls = type(part) if part is not None else self._class(form["$object"], trail)
        shape = self._shapes[cls]
        attributes = field(form, "attributes", dict)
        if shape.base is not None:
            return (yield from self._container(form, node, shape, cls, trail))
        if shape.sort is not Sort.OBJECT or not shape.is_all or form.keys() > {"$object", "attributes"}:
            raise StateMismatchError(render(trail), f"a {cls.__name__} is not such an object")
        obj = bare(cls) if part is None else part
        self._note(form, node, obj)
        yield from self._attributes(obj, shape, attributes, trail)
        return obj

    def _attributes(self, obj: Any, shape: Shape, forms: dict[Any, Any], trail: Trail | None) -> Reading:  # noqa: ANN401
        slots = shape.slot_of
        attributes: dict[str, Any] = {}
        for key, form in forms.items():
            name = key if type(key) is str and key[:1] != "$" else attribute_name(key)
            if not shape.has_dict and name not in slots:
                reason = f"{type(obj).__name__} has no attribute {name!r}; a migration may drop it"
                raise StateMismatchError(render(trail), reason)
            step = (trail, Kind.ATTRIBUTE, name)
            attributes[name] = form if type(form) in IMMUTABLE else (yield form, step)
        self.changes.append((obj, shape, attributes))

    def _container(
        self, form: dict[Any, Any], node: int | None, shape: Shape, cls: type, trail: Trail | None
    ) -> Reading:
        base: Any = shape.base
        wanted = {"$object", "attributes", "entries" if base is dict else "items"}
        wanted |= {"factory"} if issubclass(cls, defaultdict) else {"maxlen"} if base is deque else set()
        if not form.keys() <= wanted:
            raise StateMismatchError(render(trail), f"a {cls.__name__} has no {sorted(form.keys() - wanted)}")
        new: Any
        if base is tuple or base is frozenset:
            new = base.__new__(cls, (yield from self._items(field(form, "items", list), trail)))
        else:
            new = base.__new__(cls)
            if base is deque:
                deque.__init__(new, (), form.get("maxlen"))
            stands = self._shell(form, node, new)
            if base is dict:
                yield from self._dict(pairs(field(form, "entries", list)), new, trail, raw=False)
            else:
                items = yield from self._items(field(form, "items", list), trail)
                (set.update if base is set else base.extend)(new, items)
            if isinstance(new, defaultdict):
                factory = (trail, Kind.ATTRIBUTE, "default_factory")
                new.default_factory = yield form.get("factory"), factory
            new = stands
        if attributes := field(form, "attributes", dict):
            yield from self._attributes(new, shape, attributes, trail)
        return new

    def _own(self, form: dict[Any, Any], node: int | None, trail: Trail | None) -> Reading:
        part = self._match.part_of(form)
        if part is None:
            part = bare(self._class(form["$own"], trail))
        if not has_own_state(type(part)):
            reason = f"a {type(part).__name__} has no dump_state and load_state of its own any more"
            raise StateMismatchError(render(trail), reason)
        self._note(form, node, part)
        state = yield form.get("state"), trail
        self.own_loads.append((part, state, trail))
        return part
