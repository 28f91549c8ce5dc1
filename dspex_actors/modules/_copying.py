"""Copies of whole objects: what was shared inside is shared inside the copy, what is alive is shared with it.

An object is copied as `copy.deepcopy` does it, by its `__deepcopy__`, its `__reduce_ex__`, or attribute by
attribute, with three differences. Things that are alive, and code, are not copied but put into the copy as
they are (`_live` has the rule). A pydantic model is copied attribute by attribute. And nothing recurses: each
part is a generator that asks for copies of its own parts, and they stand on a list, not on the stack.
"""

from __future__ import annotations

import copyreg
from collections import deque
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, Final, TypeVar

from dspex_actors.modules._live import ALIVE, CODE, Ownership, is_refusal
from dspex_actors.modules._module_errors import CopyFailedError
from dspex_actors.modules._paths import render
from dspex_actors.modules._structure import IMMUTABLE, Shapes, bare, dict_of, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Copying = Generator[Any, Any, Any]

T = TypeVar("T")

_MISSING: Final = object()
_BUSY: Final = object()
_HOOKS: Final = frozenset(
    {"__deepcopy__", "__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__new__"}
    | {"__getnewargs__", "__getnewargs_ex__", "__copy__"}
)


def deep_copy(obj: T) -> T:
    """Return a copy that shares nothing with an object but what cannot change, is alive, or is code.

    Two places of the original that hold one thing hold one copy of it; cycles stay cycles. It runs the
    `__deepcopy__`, `__reduce_ex__` and `__setstate__` of the parts that have them, in the calling thread.

    Args:
        obj: any object. One that is itself alive is returned as it is.

    Raises:
        CopyFailedError: a part's own code raised.
    """
    copier = _Copier(obj)
    try:
        copied: T = copier.run(obj)
    except _PartFailedError as failed:
        path = next((render(trail) for trail, part in walk(obj, Shapes()) if part is failed.part), "")
        reason = f"{type(failed.error).__name__}: {failed.error}"
        raise CopyFailedError(path, type(failed.part).__name__, reason) from failed.error
    return copied


class _PartFailedError(Exception):
    def __init__(self, part: object, error: Exception) -> None:
        super().__init__(part, error)
        self.part = part
        self.error = error


class _Copier:
    def __init__(self, root: object) -> None:
        self._shapes = Shapes()
        self._root = root
        self._ownership: Ownership | None = None
        # As `copy` has it, for the `__deepcopy__` of a part: copies by id, and what has to live till the end.
        self._kept: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._memo[id(self._memo)] = self._kept
        self._ways: dict[type, Callable[[Any], Copying] | None] = {}

    def run(self, root: Any) -> Any:  # noqa: ANN401 -- any object
        """Copy the object: the generators on the list wait for the last of them."""
        copied = self._at_once(root)
        if copied is not _MISSING:
            return copied
        waiting = [(root, self._start(root))]
        answer: Any = None
        while waiting:
            part, copying = waiting[-1]
            try:
                wanted = copying.send(answer)
            except StopIteration as done:
                waiting.pop()
                answer = done.value
            except (_PartFailedError, RecursionError):
                raise
            except Exception as error:  # the part's own code, which may raise anything
                raise _PartFailedError(part, error) from error
            else:
                answer = self._at_once(wanted)
                if answer is _MISSING:
                    answer = None
                    waiting.append((wanted, self._start(wanted)))
        return answer

    def _at_once(self, part: Any) -> Any:  # noqa: ANN401 -- any part
        """Return the copy of a part that has one or needs none."""
        cls = type(part)
        if cls in IMMUTABLE:
            return part
        known = self._memo.get(id(part), _MISSING)
        if known is _BUSY:
            reason = "it is needed to make itself: a cycle through what its constructor takes"
            raise _PartFailedError(part, ValueError(reason))
        return known

    def _start(self, part: Any) -> Copying:  # noqa: ANN401 -- any part
        cls = type(part)
        if cls not in self._ways:
            self._ways[cls] = self._way(cls)
        way = self._ways[cls]
        return self._share(part) if way is None else way(part)

    def _way(self, cls: type) -> Callable[[Any], Copying] | None:
        """Return how the objects of a class are copied, None if they are shared."""
        if cls in _CONTAINERS:
            way: Callable[[Any], Copying] = getattr(self, _CONTAINERS[cls])
            return way
        if issubclass(cls, (*CODE, *ALIVE)):
            return None
        shape = self._shapes[cls]
        if not _hooks_of(cls):
            if shape.base is not None:
                return self._made_from_a_container
            if shape.is_all and (shape.has_dict or shape.slots):
                return self._plain
        return self._by_its_own_rule

    def _keep(self, part: Any, copied: Any) -> None:  # noqa: ANN401 -- any part
        self._memo[id(part)] = copied
        self._kept.append(part)

    def _share(self, part: Any) -> Copying:  # noqa: ANN401 -- any part
        self._keep(part, part)
        return part
        yield

    def _is_alive(self, part: Any) -> bool:  # noqa: ANN401 -- any part
        if self._ownership is None:
            self._ownership = Ownership(self._root, self._shapes)
        return self._ownership.is_alive(part)

    def _list(self, part: list[Any]) -> Copying:
        copied: list[Any] = []
        self._keep(part, copied)
        for item in part.copy():
            new = self._at_once(item)
            copied.append((yield item) if new is _MISSING else new)
        return copied

    def _dict(self, part: dict[Any, Any]) -> Copying:
        copied: dict[Any, Any] = {}
        self._keep(part, copied)
        yield from self._entries(part, copied)
        return copied

    def _entries(self, part: dict[Any, Any], copied: dict[Any, Any]) -> Copying:
        for key, value in dict.copy(part).items():
            new_key = self._at_once(key)
            if new_key is _MISSING:
                new_key = yield key
            new = self._at_once(value)
            dict.__setitem__(copied, new_key, (yield value) if new is _MISSING else new)

    def _set(self, part: set[Any]) -> Copying:
        copied: set[Any] = set()
        self._keep(part, copied)
        for item in part.copy():
            new = self._at_once(item)
            copied.add((yield item) if new is _MISSING else new)
        return copied

    def _deque(self, part: deque[Any]) -> Copying:
        copied: deque[Any] = deque(maxlen=part.maxlen)
        self._keep(part, copied)
        for item in part.copy():
            new = self._at_once(item)
            copied.append((yield item) if new is _MISSING else new)
        return copied

    def _frozen(self, part: Any) -> Copying:  # noqa: ANN401 -- a tuple or frozenset
        items: list[Any] = []
        for item in part:
            new = self._at_once(item)
            items.append((yield item) if new is _MISSING else new)
        known = self._memo.get(id(part), _MISSING)
        if known is not _MISSING:  # a part of it led back to it, and has made the copy
            return known
        same = all(new is old for new, old in zip(items, part, strict=True))
        copied = part if same else type(part)(items)
        self._keep(part, copied)
        return copied

    def _plain(self, part: Any) -> Copying:  # noqa: ANN401 -- an object of a class without hooks
        if self._is_alive(part):
            return (yield from self._share(part))
        copied = bare(type(part))
        self._keep(part, copied)
        yield from self._attributes(part, copied)
        return copied

    def _made_from_a_container(self, part: Any) -> Copying:  # noqa: ANN401 -- the same
        cls = type(part)
        shape = self._shapes[cls]
        base: Any = shape.base
        if base is tuple or base is frozenset:
            items: list[Any] = []
            for item in shape.items(part):
                new = self._at_once(item)
                items.append((yield item) if new is _MISSING else new)
            known = self._memo.get(id(part), _MISSING)
            if known is not _MISSING:  # as with a plain tuple
                return known
            copied = base.__new__(cls, items)
            self._keep(part, copied)
        else:
            copied = base.__new__(cls)
            if base is deque:
                deque.__init__(copied, (), part.maxlen)
            self._keep(part, copied)
            if base is dict:
                yield from self._entries(part, copied)
            else:
                add = base.add if base is set else base.append
                for item in shape.items(part):
                    new = self._at_once(item)
                    add(copied, (yield item) if new is _MISSING else new)
        yield from self._attributes(part, copied)
        return copied

    def _attributes(self, part: Any, copied: Any) -> Copying:  # noqa: ANN401 -- as above
        shape = self._shapes[type(part)]
        for _, slot in shape.slots:
            value = _slot_value(slot, part)
            if value is not _MISSING:
                new = self._at_once(value)
                slot.__set__(copied, (yield value) if new is _MISSING else new)
        if shape.has_dict:
            yield from self._entries(dict_of(part), dict_of(copied))

    def _by_its_own_rule(self, part: Any) -> Copying:  # noqa: ANN401 -- any object
        cls = type(part)
        if self._is_alive(part):
            return (yield from self._share(part))
        if (hook := getattr(cls, "__deepcopy__", None)) is not None:
            self._memo[id(part)] = _BUSY
            del self._memo[id(part)]
            copied = hook(part, self._memo)
            self._keep(part, copied)
            return copied
        if (reducer := copyreg.dispatch_table.get(cls)) is not None:
            return (yield from self._rebuilt(part, reducer(part)))
        try:
            reduced = part.__reduce_ex__(4)
        except (TypeError, PicklingError) as error:
            if not is_refusal(error):
                raise
            return (yield from self._share(part))
        return (yield from self._rebuilt(part, reduced))

    def _rebuilt(self, part: Any, reduced: Any) -> Copying:  # noqa: ANN401 -- what pickle takes
        if isinstance(reduced, str):  # the name of a global: there is one of it
            return (yield from self._share(part))
        make, args, state, items, entries = (*reduced, None, None, None)[:5]
        self._memo[id(part)] = _BUSY
        self._kept.append(reduced)
        copied = make(*(yield args)) if args else make()
        self._keep(part, copied)
        if state is not None:
            new_state = yield state
            if hasattr(copied, "__setstate__"):
                copied.__setstate__(new_state)
            else:
                _set_state(copied, new_state)
        for item in items or ():
            copied.append((yield item))
        for key, value in entries or ():
            new_key = yield key
            copied[new_key] = yield value
        return copied


_CONTAINERS: Final = {
    list: "_list",
    dict: "_dict",
    set: "_set",
    deque: "_deque",
    tuple: "_frozen",
    frozenset: "_frozen",
}


def _hooks_of(cls: type) -> set[str]:
    """Return the hooks of copying and pickling that a class has, but for those that only declare data."""
    found = set()
    for each in cls.__mro__[:-1]:
        if each in _CONTAINERS or each.__module__.partition(".")[0] == "pydantic":
            continue
        for name in _HOOKS & each.__dict__.keys():
            module = getattr(each.__dict__[name], "__module__", None)
            if module != "dataclasses":
                found.add(name)
    if cls in copyreg.dispatch_table:
        found.add("__reduce__")
    return found


def _slot_value(slot: Any, part: object) -> Any:  # noqa: ANN401 -- any value
    try:
        return slot.__get__(part)
    except AttributeError:
        return _MISSING


def _set_state(copied: Any, state: Any) -> None:  # noqa: ANN401 -- as pickle does it
    slots = None
    if isinstance(state, tuple) and len(state) == 2:
        state, slots = state
    if state:
        copied.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(copied, name, value)
