"""Stand-ins for types the guest may name and compare with, but not call: `type`, arrays, functions.

`isinstance(x, numpy.ndarray)`, `type(x)`, annotations and `class A(metaclass=ABCMeta)` work with them;
building one does not, because the constructor of the real type would give the guest classes, code or memory
of its choice.
"""

from __future__ import annotations

import sys
import types
import typing
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class ModuleView:
    """What the guest holds in place of a module: the names it may use, and nothing behind them.

    It carries no `__name__`: the interpreter answers `from m import x` for a missing `x` with the module
    `m.x`, found by that name among all that are loaded.

    Args:
        title: the module's name, for messages.
        members: the names and what they stand for.
        find_submodule: asked once for each name that is not a member; returns the submodule's view or None.
    """

    __slots__ = ("_find_submodule", "_members", "_title")

    def __init__(
        self, title: str, members: dict[str, Any], find_submodule: Callable[[str], ModuleView | None]
    ) -> None:
        object.__setattr__(self, "_title", title)
        object.__setattr__(self, "_members", members)
        object.__setattr__(self, "_find_submodule", find_submodule)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- a module's member is anything
        members = object.__getattribute__(self, "_members")
        if name in members:
            return members[name]
        view = object.__getattribute__(self, "_find_submodule")(name)
        if view is not None:
            return view
        message = (
            f"module {object.__getattribute__(self, '_title')!r} has no name {name!r} that is available here"
        )
        raise AttributeError(message)

    def __setattr__(self, name: str, value: object) -> None:
        message = "modules may not be changed"
        raise AttributeError(message)

    def __dir__(self) -> list[str]:
        return sorted(object.__getattribute__(self, "_members"))

    def __repr__(self) -> str:
        return f"<module {object.__getattribute__(self, '_title')!r}>"

    def __reduce__(self) -> typing.NoReturn:
        message = "cannot copy or pickle a module"
        raise TypeError(message)


class Box:
    """Holds one value for a pattern to read (`_box_`)."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class _StandInMeta(type):
    """Answers `isinstance` for the real type, and refuses calls."""

    _real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls._real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return subclass is cls or issubclass(subclass, cls._real)

    def __call__(cls, *_args: object, **_kwargs: object) -> Any:  # noqa: ANN401 -- as a class's call
        message = f"{cls.__name__!r} objects cannot be made by calling their type here"
        raise TypeError(message)

    def __getitem__(cls, _parameters: object) -> type:
        """Allow `ndarray[...]` in annotations."""
        return cls

    def __repr__(cls) -> str:
        return repr(cls._real)


class _TypeMeta(_StandInMeta):
    """Lets `type` be called with one argument."""

    def __call__(cls, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 -- as a class's call
        if len(args) != 1 or kwargs:
            message = "type() takes one argument here: classes are made with the class statement"
            raise TypeError(message)
        kind = type(args[0])
        return TYPE if issubclass(kind, type) else stand_in_for(kind)


TYPE = _TypeMeta("type", (), {"_real": type, "__module__": "builtins"})


class _AbcMetaMarker:
    """What `abc.ABCMeta` is to the guest: good for `metaclass=ABCMeta` only."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<class 'abc.ABCMeta'>"


ABCMETA = _AbcMetaMarker()


@cache
def _opaque(real: type) -> type:
    return _StandInMeta(real.__name__, (), {"_real": real, "__module__": real.__module__})


# Their constructors take code, globals, another module's name or any attribute.
_UNCALLABLE = frozenset(
    {
        *(types.FunctionType, types.CodeType, types.FrameType, types.TracebackType),
        *(types.ModuleType, types.CellType, ModuleView, memoryview),
        types.SimpleNamespace,  # sets attributes of any name, such as __array_interface__
    }
)


def stand_in_for(kind: Any) -> Any:  # noqa: ANN401 -- a class; the caller holds it as an object
    """Return what the guest sees in place of a class: a stand-in if calling it is not safe, else itself."""
    if kind in _UNCALLABLE or is_array_type(kind):
        return _opaque(kind)
    return kind


def is_metaclass(candidate: object) -> bool:
    """Tell whether a value is a class of classes, or our stand-in for one."""
    return isinstance(candidate, type) and (candidate is TYPE or type.__subclasscheck__(type, candidate))


def is_stand_in(candidate: object) -> bool:
    """Tell whether a value is one of the classes made here in place of a real one."""
    return isinstance(candidate, _StandInMeta)


def is_array_type(kind: type) -> bool:
    """Tell whether a class is numpy's array type or derives from it.

    `ndarray(shape, dtype=object, buffer=...)` reads the bytes of its buffer as pointers to objects.
    """
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    return array is not None and issubclass(kind, array)
