"""Which parts are neither copied nor dumped: what is alive, and code.

    code       functions, methods, classes, modules: the same for the original and its copy
    alive      locks, threads, sockets, files, generators, weak references, loggers, actors
    holders    objects of other packages that hold something alive, as a client of a service its connections

A thing is alive if pickle refuses it, or if it is of one of the classes below. An object is *of the module's
own* if its class is from the same top-level package as the module's, or is declared data: a dataclass, a
pydantic model, a parameter, a module of DSPy's. Such an object is always copied and dumped, and only what is
alive in it is left as it is.
"""

from __future__ import annotations

import functools
import logging
import threading
import types
import weakref
from contextvars import ContextVar
from io import IOBase
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, Final

from dspex_actors.modules._marks import is_parameter_class
from dspex_actors.modules._structure import IMMUTABLE, LIVE_PACKAGES, Shapes, Sort, package_of

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE: Final = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.MethodWrapperType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.ModuleType,
    types.CodeType,
    types.GenericAlias,
    types.UnionType,
    functools.partial,
    property,
    staticmethod,
    classmethod,
)
ALIVE: Final = (
    weakref.ref,
    weakref.ProxyType,
    weakref.CallableProxyType,
    types.GeneratorType,
    types.CoroutineType,
    types.AsyncGeneratorType,
    types.FrameType,
    types.TracebackType,
    types.MappingProxyType,
    logging.Logger,
    logging.Handler,
    logging.LoggerAdapter,
    threading.Thread,
    ContextVar,
    IOBase,
)


class Ownership:
    """Says of the parts of one object which are its own, and which are alive.

    Args:
        root: the object.
        shapes: of the classes in it.
    """

    def __init__(self, root: object, shapes: Shapes) -> None:
        self._shapes = shapes
        self._packages = frozenset(_packages_of(root, shapes))
        self._own: dict[type, bool] = {}
        self._by_class: dict[type, bool] = {}
        self._alive: dict[int, tuple[object, bool]] = {}

    def is_own(self, cls: type) -> bool:
        """Return whether objects of a class are always copied and dumped."""
        known = self._own.get(cls)
        if known is None:
            known = self._own[cls] = (
                package_of(cls) in self._packages or is_declared_data(cls) or is_parameter_class(cls)
            )
        return known

    def is_alive(self, part: Any) -> bool:  # noqa: ANN401 -- any part
        """Return whether a part is alive or, if it is not of the module's own, holds what is.

        It runs the `__reduce_ex__` of objects that have no parts to be looked at.
        """
        cls = type(part)
        by_class = self._by_class.get(cls)
        if by_class is not None:
            return by_class
        shape = self._shapes[cls]
        if cls in IMMUTABLE or shape.base is not None or (shape.sort is Sort.OBJECT and self.is_own(cls)):
            by_class = self._by_class[cls] = issubclass(cls, ALIVE)
            return by_class
        known = self._alive.get(id(part))
        if known is None:
            known = self._alive[id(part)] = (part, self._holds_alive(part))
        return known[1]

    def _holds_alive(self, first: object) -> bool:
        seen: dict[int, object] = {}
        stack: list[object] = [first]
        while stack:
            at = stack.pop()
            cls = type(at)
            if cls in IMMUTABLE or id(at) in seen or isinstance(at, CODE):
                continue
            seen[id(at)] = at
            known = self._alive.get(id(at))
            if known is not None and known[1]:
                return True
            shape = self._shapes[cls]
            if isinstance(at, ALIVE) or package_of(cls) in LIVE_PACKAGES:
                return True
            if known is not None or (shape.sort is Sort.OBJECT and self.is_own(cls)):
                continue
            if shape.base is not None:
                stack += [part for _, part in shape.below(None, at)]
            elif "__deepcopy__" not in _names(cls):
                if _is_refused(at):
                    return True
                if shape.has_dict or shape.slots:
                    stack += [value for _, value in shape.attributes(at)]
        self._alive.update((number, (at, False)) for number, at in seen.items())
        return False


def is_declared_data(cls: type) -> bool:
    """Return whether a class is a dataclass, a pydantic model or a module of DSPy's."""
    names = _names(cls)
    if "__dataclass_fields__" in names or "__pydantic_fields__" in names or "model_fields" in names:
        return True
    return any(each.__module__ == "dspy.primitives.base_module" for each in cls.__mro__)


def _names(cls: type) -> set[str]:
    return {name for each in cls.__mro__ for name in each.__dict__}


def is_refusal(error: Exception) -> bool:
    """Return whether this is how an object says that it cannot be pickled, and no fault in its code."""
    return isinstance(error, PicklingError) or "pickle" in str(error) or "__reduce__" in str(error)


def _is_refused(part: Any) -> bool:  # noqa: ANN401 -- any part
    try:
        part.__reduce_ex__(4)
    except (TypeError, PicklingError) as error:
        return is_refusal(error)
    except Exception:  # noqa: BLE001 -- code of the part's; whoever copies it will meet the error
        return False
    return False


def _packages_of(root: object, shapes: Shapes) -> Iterator[str]:
    """Yield the top-level packages of an object, or of those that a container holds."""
    seen: dict[int, object] = {}
    stack = [root]
    while stack:
        at = stack.pop()
        if type(at) in IMMUTABLE or id(at) in seen:
            continue
        seen[id(at)] = at
        shape = shapes[type(at)]
        if shape.sort is Sort.OBJECT or type(at) is not shape.base is not None:
            yield package_of(type(at))
        if shape.base is not None:
            stack += [part for _, part in shape.below(None, at)]
