"""What an object is made of, read without running any of its code.

    values         numbers, texts, bytes, dates, arrays, enum members: parts that have no parts of their own
    containers     list, tuple, deque, dict, set, frozenset, and classes made from them: their items
    objects        of classes written in Python, outside the standard library: what `__dict__` and slots hold
    everything else is opaque: functions, classes, locks, sockets, loggers, the objects of extensions

Dataclasses and pydantic models are objects like any other. Properties are not parts: to read one runs it.
Nothing here recurses, so a chain of a million objects is as good as one of three.
"""

from __future__ import annotations

import struct
import sys
from collections import UserDict, UserList, UserString, deque
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import PurePath
from types import MemberDescriptorType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from dspex_actors.modules._paths import Kind, key_step

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from dspex_actors.modules._paths import Trail

    Found = tuple[Trail | None, Any]  # a part, and the trail to it

IMMUTABLE: Final = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range),
        *(Decimal, Fraction, UUID, date, datetime, time, timedelta, timezone),
    }
)
"""Exact types of values that cannot change, so that it makes no difference how many there are of one."""

_OPAQUE_BASES: Final = (Enum, BaseException, type, PurePath, UserString)
_ENTERED: Final = frozenset({SimpleNamespace, UserDict, UserList})
LIVE_PACKAGES: Final = frozenset({"pykka", "structlog", "supervisors"})
"""Packages of which every object is alive: actors, their addresses, loggers."""


class Sort(IntEnum):
    """What an object of a class is to a walk."""

    OPAQUE = 0
    SEQUENCE = 1
    MAPPING = 2
    SET = 3
    OBJECT = 4


class Shape:
    """How a walk reads the objects of one class.

    Attributes:
        sort: what they are.
        base: the built-in container they are made from, None for other objects.
        has_dict: they have a `__dict__`.
        slots: names and descriptors of their slots.
        slot_of: the same as a dict.
        is_all: `__dict__`, slots and items are all that there is to an object. It is not for a class made
            from `float`, or from one of an extension, which keeps more where Python cannot see it.
    """

    __slots__ = ("base", "has_dict", "is_all", "slot_of", "slots", "sort")

    def __init__(self, cls: type) -> None:
        self.base = next(
            (base for base in (list, tuple, deque, dict, set, frozenset) if issubclass(cls, base)), None
        )
        plain = cls is self.base
        self.has_dict = not plain and type.__dict__["__dictoffset__"].__get__(cls) != 0
        self.slots = () if plain else tuple(_slots_of(cls))
        self.slot_of = dict(self.slots)
        self.is_all = self.base is not None or not _has_more(cls)
        self.sort = self._sort(cls)

    def _sort(self, cls: type) -> Sort:
        if issubclass(cls, _OPAQUE_BASES):
            return Sort.OPAQUE
        if self.base is not None:
            if issubclass(cls, dict):
                return Sort.MAPPING
            return Sort.SET if issubclass(cls, (set, frozenset)) else Sort.SEQUENCE
        return Sort.OBJECT if cls in _ENTERED or self._is_entered(cls) else Sort.OPAQUE

    def _is_entered(self, cls: type) -> bool:
        if not (self.has_dict or self.slots) or not is_written_in_python(cls):
            return False
        package = package_of(cls)
        is_of_others = package in sys.stdlib_module_names or package in LIVE_PACKAGES
        return not is_of_others or "__dataclass_fields__" in cls.__dict__

    def attributes(self, obj: object) -> list[tuple[str, Any]]:
        """Return names and values of what `__dict__` and slots hold, in the order of a declaration."""
        found: list[tuple[str, Any]] = []
        for name, slot in self.slots:
            try:
                found.append((name, slot.__get__(obj)))
            except AttributeError:  # it holds nothing yet
                continue
        if self.has_dict:
            found += dict_of(obj).copy().items()
        return found

    def below(
        self,
        trail: Trail | None,
        obj: Any,  # noqa: ANN401 -- an object of the class
        ignored: Container[type] = (),
    ) -> list[Found]:
        """Return the parts of an object that is not opaque, with the trails to them, the last one first.

        Args:
            trail: to the object.
            obj: the object.
            ignored: exact types of parts that are left out.
        """
        found: list[Found] = []
        if self.sort is Sort.MAPPING:
            for place, (key, value) in enumerate(dict.copy(obj).items()):
                if type(value) not in ignored:
                    found.append(((trail, *key_step(key, place)), value))
            found.reverse()
        elif self.base is not None:
            kind = Kind.MEMBER if self.sort is Sort.SET else Kind.INDEX
            items = self.items(obj)
            items.reverse()
            places = range(len(items) - 1, -1, -1)
            found = [
                ((trail, kind, place), item)
                for place, item in zip(places, items, strict=True)
                if type(item) not in ignored
            ]
        if self.has_dict or self.slots:
            found += [
                ((trail, Kind.ATTRIBUTE, name), value)
                for name, value in reversed(self.attributes(obj))
                if type(value) not in ignored
            ]
        return found

    def items(self, obj: Any) -> list[Any]:  # noqa: ANN401 -- as above
        """Return the items of a sequence or set, by the methods of the built-in type."""
        base: Any = self.base
        return list(base.__iter__(obj))


class Shapes(dict[type, Shape]):
    """The shapes of the classes that one walk meets."""

    def __missing__(self, cls: type) -> Shape:
        shape = self[cls] = Shape(cls)
        return shape


def _slots_of(cls: type) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for each in reversed(cls.__mro__):
        if "__slots__" not in each.__dict__:
            continue
        for name, member in each.__dict__.items():
            if type(member) is MemberDescriptorType and name not in seen:
                seen.add(name)
                yield name, cls_member(cls, name, member)


def _has_more(cls: type) -> bool:
    """Return whether objects of a class are larger than what Python sees of them, as pickle finds out too."""
    pointer = struct.calcsize("P")
    size = object.__basicsize__
    size += pointer * ((cls.__dictoffset__ > 0) + (cls.__weakrefoffset__ > 0))
    for each in cls.__mro__:
        if "__slots__" in each.__dict__:
            size += pointer * sum(type(member) is MemberDescriptorType for member in each.__dict__.values())
    return cls.__itemsize__ != 0 or cls.__basicsize__ > size


def cls_member(cls: type, name: str, member: Any) -> Any:  # noqa: ANN401 -- a descriptor
    """Return the slot that a name means for objects of a class: a subclass may have one of the same name."""
    for each in cls.__mro__:
        found = each.__dict__.get(name)
        if type(found) is MemberDescriptorType:
            return found
    return member


def dict_of(obj: object) -> dict[str, Any]:
    """Return the `__dict__` of an object that has one."""
    found: dict[str, Any] = object.__getattribute__(obj, "__dict__")
    return found


def package_of(cls: type) -> str:
    """Return the top-level package that a class says it is from."""
    module = cls.__module__
    return module.partition(".")[0] if isinstance(module, str) else ""


def is_written_in_python(cls: type) -> bool:
    """Return whether a class was made by a class statement or `type()`."""
    return bool(cls.__flags__ & (1 << 9))  # Py_TPFLAGS_HEAPTYPE


def bare(cls: type) -> Any:  # noqa: ANN401 -- an object of the class
    """Return an object of a class without running any code of the class.

    Raises:
        TypeError: there can be none without arguments.
    """
    maker: Any = next(each for each in cls.__mro__ if not is_written_in_python(each))
    return maker.__new__(cls)


def walk(root: object, shapes: Shapes) -> Iterator[Found]:
    """Yield every part below an object, itself first, each container and object once, with the trail to it.

    Depth first, in the order of declaration; a part that is met at several places is yielded at the first.
    Values of the types in `IMMUTABLE` are yielded wherever they are met.
    """
    seen: dict[int, object] = {}  # it holds them, so that no id is given away meanwhile
    stack: list[Found] = [(None, root)]
    while stack:
        trail, at = stack.pop()
        cls = type(at)
        if cls in IMMUTABLE:
            yield trail, at
        elif id(at) not in seen:
            seen[id(at)] = at
            yield trail, at
            shape = shapes[cls]
            if shape.sort is not Sort.OPAQUE:
                stack += shape.below(trail, at)
