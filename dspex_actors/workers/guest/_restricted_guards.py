"""The run-time half of the strict profile: reading and changing attributes, types, building classes.

A refusal is an `AttributeError` or a `TypeError`, raised in the guest. Guards judge an object by `type(x)`,
never by what it says of itself: `__class__` and `isinstance` can be answered by the object.
"""

from __future__ import annotations

import builtins
import collections
import decimal
import types
from abc import ABCMeta
from typing import TYPE_CHECKING, Any, NoReturn, cast

from dspex_actors.workers.guest import _restricted_format
from dspex_actors.workers.guest import _restricted_names as names
from dspex_actors.workers.guest._restricted_types import (
    ABCMETA,
    TYPE,
    ModuleView,
    is_array_type,
    is_metaclass,
    is_stand_in,
    stand_in_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MISSING = object()
_FORWARDING = (super, types.GenericAlias)
_PURE_BASES = frozenset({"builtins", "abc", "typing"})
# Packages whose classes keep nothing risky in private attributes of their instances; asyncio keeps its loop.
_HARMLESS_BASES = frozenset(
    {
        "builtins",
        "abc",
        "typing",
        "enum",
        "collections",
        "_collections_abc",
        "contextlib",
        "json",
        "random",
        "decimal",
    }
    | {"datetime", "fractions", "io", "_io", "csv", "string", "numbers", "dataclasses", "calendar", "_random"}
)
# What a namedtuple calls its methods; public in all but name.
_NAMEDTUPLE = frozenset({"_asdict", "_replace", "_fields", "_make", "_field_defaults"})
_SUSPECT = (types.ModuleType, types.FrameType, types.TracebackType, types.CodeType)
_SUSPECT_KINDS = frozenset({type, ABCMeta, *_SUSPECT, types.BuiltinFunctionType, types.MappingProxyType})
# Built-in functions the guest gets in a guarded form only; by identity, they may turn up as attributes.
_RAW_BUILTINS = frozenset(
    id(getattr(builtins, name))
    for name in (
        *("getattr", "setattr", "delattr", "hasattr", "vars", "dir", "globals", "locals"),
        *("eval", "exec", "compile", "open", "input", "__import__", "__build_class__", "breakpoint"),
    )
)
# Objects whose `__new__` the guest may call: they make plain data or instances of the guest's own classes.
_CONSTRUCTIBLE = frozenset(
    {object, tuple, str, bytes, int, float, complex, frozenset, list, dict, set, Exception}
)
_CONTEXT_SETTINGS = frozenset({"prec", "rounding", "Emin", "Emax", "capitals", "clamp"})
_ARRAY_SETTINGS = frozenset({"shape", "flat", "real", "imag"})


def _checked(value: object) -> object:
    """Return an attribute's value, unless it is something the guest must never hold."""
    kind = type(value)
    hazard = None
    if issubclass(kind, _SUSPECT):
        hazard = f"a {kind.__name__}"
    elif is_metaclass(value) and value is not TYPE:
        hazard = "a metaclass"
    elif id(value) in _RAW_BUILTINS:
        hazard = "a function that walks past the guards"
    if hazard is not None:
        message = f"this attribute is not available: its value is {hazard}"
        raise AttributeError(message)
    if kind is types.MappingProxyType:  # `proxy | x` and `proxy == x` hand x the dictionary behind it
        return types.MappingProxyType(dict(cast("types.MappingProxyType[Any, Any]", value)))
    return stand_in_for(value) if issubclass(kind, type) else value


def read_public(target: object, name: str) -> object:
    """Read an attribute whose name the transformer found harmless (`_public_`).

    Closes: a module, a frame, a metaclass or a raw built-in as the value of an attribute; and the live
    dictionary behind a read-only view, such as the fields of an array's type, which say where objects lie.
    """
    value = getattr(target, name)
    if type(value) in _SUSPECT_KINDS:
        return _checked(value)
    return value


def type_of(target: object) -> object:
    """Return the type of an object (`_typeof_`).

    Closes: `type(int)` is `type`, whose call with three arguments builds classes past every check; and
    `type(array)`, whose call lays an array of objects over bytes the guest wrote.
    """
    kind = type(target)
    if issubclass(kind, type):
        return TYPE
    return stand_in_for(kind)


class Guards:
    """The guards of one namespace, which know the classes and functions made in it.

    Args:
        safe_builtins: the built-ins of the guest's functions, which tell them from ours.
    """

    def __init__(self, safe_builtins: dict[str, Any]) -> None:
        self._builtins = safe_builtins
        self._classes: set[type] = set()
        self._mixed: set[type] = set()  # those with a base whose private attributes are not the guest's
        self._pure: set[type] = set()  # those with no base that has private attributes worth hiding

    def owns_class(self, candidate: object) -> bool:
        """Tell whether the guest defined this class."""
        return issubclass(type(candidate), type) and candidate in self._classes

    def owns_function(self, candidate: object) -> bool:
        """Tell whether the guest defined this function."""
        return type(candidate) is types.FunctionType and _builtins_of(candidate) is self._builtins

    def adopt(self, made: type) -> None:
        """Count a class as the guest's own."""
        self._classes.add(made)
        # A named tuple's class bears the guest's module name but is made by the library, without secrets.
        foreign = [each for each in made.__mro__ if each not in self._classes and each.__bases__ != (tuple,)]
        packages = {str(each.__module__).partition(".")[0] for each in foreign}
        if packages <= _PURE_BASES:
            self._pure.add(made)
        elif not packages <= _HARMLESS_BASES:
            self._mixed.add(made)

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied with a method that guest code holds."""
        message = "cannot copy the guards"
        raise TypeError(message)

    # Reading

    def read(self, target: object, name: str) -> object:
        """Read a private or risky attribute (`_getattr_`).

        Closes: private attributes of modules and library objects (`random._os`), and the names in `GUARDED`.

        Raises:
            AttributeError: there is none, or it is not available.
        """
        if type(target) in self._pure and name not in names.GUARDED:  # by far the most common: self._x
            return read_public(target, name)
        if name in _restricted_format.REPLACEMENTS:
            return _without_raw_format(read_public(target, name))
        if (name in names.GUARDED or names.is_private(name)) and not self._shows(target, name):
            message = f"{type(target).__name__!r} object has no attribute {name!r} that is available here"
            raise AttributeError(message)
        return read_public(target, name)

    def get_named(self, target: object, name: str, default: object = _MISSING, /) -> object:
        """Read an attribute by a name made at run time (the guest's `getattr`).

        Closes: names the transformer never saw (`getattr(x, "__cl" + "ass__")`).
        """
        try:
            self._check_dynamic(name, names.dynamic_refusal)
            return self.read(target, name)
        except AttributeError:
            if default is _MISSING:
                raise
            return default

    def has_named(self, target: object, name: str, /) -> bool:
        """Tell whether `getattr` would find the attribute (the guest's `hasattr`)."""
        return self.get_named(target, name, self) is not self

    def constructor(self, target: Any) -> object:  # noqa: ANN401 -- any object of the guest's
        """Read `__new__` (`_constructor_`).

        Closes: `numpy.ndarray.__new__` and the like, which take memory, code or globals as arguments.
        """
        owner = target.__self_class__ if type(target) is super else target  # type: ignore[attr-defined]
        if self.owns_class(owner) or any(owner is each for each in _CONSTRUCTIBLE):
            return target.__new__
        message = "'__new__' is available on your own classes and on the built-in ones only"
        raise AttributeError(message)

    def _shows(self, target: Any, name: str) -> bool:  # noqa: ANN401, PLR0911 -- one return for each kind of object
        """Tell whether an attribute is the guest's own: on an instance or a class that it made."""
        kind = type(target)
        if kind is super:
            return self._defined_by_guest(_rest_of_mro(target), name)
        if kind in self._classes:
            if name in _instance_dict(target):
                return kind not in self._mixed
            return self._defined_by_guest(kind.__mro__, name) or _is_record(kind, name)
        if kind is ModuleView:
            return not names.is_private(name)
        if issubclass(kind, type):
            return self._defined_by_guest(target.__mro__, name) or _is_record(target, name)
        if kind in (collections.UserDict, collections.UserList):
            return name == "data"
        return _is_record(kind, name) or self.owns_function(target)

    def _defined_by_guest(self, mro: tuple[type, ...], name: str) -> bool:
        """Tell whether the class that defines `name` first is the guest's."""
        return _definer(mro, name) in self._classes

    # Changing

    def write(self, target: Any, name: str) -> Any:  # noqa: ANN401 -- any object of the guest's
        """Return the object whose attribute `name` is about to be set or deleted (`_write_`).

        Closes: changing modules, library classes and functions, which outlive the guest's code; and
        `array.data = ...`, which gives an array other memory.

        Raises:
            TypeError: the object is not the guest's own.
        """
        kind = type(target)
        if kind in self._classes:
            return target
        if self.owns_function(target) or self.owns_class(target):
            return target
        if name not in names.WRITABLE_DUNDERS and issubclass(kind, BaseException):
            return target
        if kind is decimal.Context and name in _CONTEXT_SETTINGS:
            return target
        if name in _ARRAY_SETTINGS and is_array_type(kind):
            return target
        what = "a module" if kind is ModuleView else f"{kind.__name__!r} objects"
        message = f"the attribute {name!r} of {what} may not be set: only your own objects may be changed"
        raise TypeError(message)

    def augment(self, target: Any, name: str) -> Any:  # noqa: ANN401 -- any object of the guest's
        """Check `a.name += value` for a private or risky name (`_augment_`).

        Closes: the unguarded read in between, whose value reaches the guest's `__radd__`.
        """
        writable = self.write(target, name)
        own = type(target) in self._pure and name not in names.GUARDED
        if not own and not self._shows(target, name):
            message = f"{type(target).__name__!r} object has no attribute {name!r} that is available here"
            raise AttributeError(message)
        return writable

    def set_named(self, target: object, name: str, value: object, /) -> None:
        """Set an attribute by a name made at run time (the guest's `setattr`)."""
        self._check_dynamic(name, names.assignment_refusal)
        setattr(self.write(target, name), name, value)

    def delete_named(self, target: object, name: str, /) -> None:
        """Delete an attribute by a name made at run time (the guest's `delattr`)."""
        self._check_dynamic(name, names.assignment_refusal)
        delattr(self.write(target, name), name)

    def vars_of(self, target: object, /) -> dict[str, Any]:
        """Return a copy of the attributes of one of the guest's objects (the guest's `vars`).

        Closes: the live dictionary, through which any attribute could be set.
        """
        if type(target) not in self._classes or type(target) in self._mixed:
            message = "vars() needs an instance of a class that is all your own"
            raise TypeError(message)
        return dict(_instance_dict(target))

    @staticmethod
    def _check_dynamic(name: object, rule: Callable[[str], str | None]) -> None:
        if type(name) is not str:  # a subclass could be one name when checked and another when used
            message = f"attribute name must be a plain string, not {type(name).__name__!r}"
            raise TypeError(message)
        refusal = rule(name)
        if refusal is not None:
            raise AttributeError(refusal)

    # Building classes

    def build_class(
        self,
        body: Any,  # noqa: ANN401 -- as the built-in
        name: str,
        /,
        *bases: Any,  # noqa: ANN401 -- as the built-in
        metaclass: object = None,
        **keywords: Any,  # noqa: ANN401 -- as the built-in
    ) -> Any:  # noqa: ANN401 -- a class
        """Build a class (`__build_class__`) and count it as the guest's own.

        Closes: metaclasses, given as such or as a base, even by an alias (`typing.Type`) that becomes one
        only while the class is built; and the bases that `_base_hazard` names.
        """
        for base in types.resolve_bases(bases):
            hazard = _base_hazard(base)
            if hazard is not None:
                raise TypeError(hazard)
        if metaclass is ABCMETA:
            keywords["metaclass"] = ABCMeta
        elif metaclass is not None:
            message = "metaclasses are not available, except ABCMeta"
            raise TypeError(message)
        made = builtins.__build_class__(body, name, *bases, **keywords)
        if isinstance(made, type):
            self.adopt(made)
            if "__new__" in made.__dict__ and not _is_record(made, "_fields"):
                # copy fills in attributes of whatever __new__ returns, which may be any object.
                type.__setattr__(made, "__copy__", _refuse_copy)
                type.__setattr__(made, "__deepcopy__", _refuse_copy)
        return made


def _base_hazard(base: object) -> str | None:
    """Say why no class may derive from `base`.

    Besides metaclasses: types whose constructor takes raw memory or code; and types that answer for the
    attributes of another object (`super`, `list[int]`), with which a class of the guest's would seem to own
    what it only forwards.
    """
    if is_metaclass(base):
        return "metaclasses are not available: a class may not derive from 'type'"
    if not isinstance(base, type):
        return None
    hooks = ("__getattr__", "__getattribute__")
    forwards = any(
        type(each.__dict__.get(hook)) is types.FunctionType for each in base.__mro__ for hook in hooks
    )
    unsafe = is_stand_in(base) or stand_in_for(base) is not base or issubclass(base, _FORWARDING)
    return f"a class may not derive from {base.__name__!r}" if forwards or unsafe else None


def _refuse_copy(target: object, memo: object = None) -> NoReturn:  # noqa: ARG001 -- the signature copy expects
    message = f"{type(target).__name__!r} objects cannot be copied: their class defines __new__"
    raise TypeError(message)


def _builtins_of(function: Any) -> object:  # noqa: ANN401 -- typeshed gives functions no __builtins__
    return function.__builtins__


def _definer(mro: tuple[type, ...], name: str) -> type | None:
    return next((each for each in mro if name in each.__dict__), None)


def _rest_of_mro(bound: Any) -> tuple[type, ...]:  # noqa: ANN401 -- typeshed gives super objects no attributes
    """Return the classes in which a `super` object looks."""
    if bound.__self_class__ is None:
        return ()
    mro: tuple[type, ...] = bound.__self_class__.__mro__
    return mro[mro.index(bound.__thisclass__) + 1 :]


def _is_record(kind: type, name: str) -> bool:
    """Tell whether `name` is one of a named tuple's methods or fields, and found in the class itself."""
    definer = _definer(kind.__mro__, "_fields") if issubclass(kind, tuple) else None
    if definer is None or definer.__bases__ != (tuple,) or name not in definer.__dict__:
        return False
    fields = definer.__dict__["_fields"]
    plain = type(fields) is tuple and all(type(each) is str for each in fields)
    return plain and (name in _NAMEDTUPLE or name in fields)


def _instance_dict(target: object) -> dict[str, Any]:
    """Return the attributes kept in the object itself; empty if it has slots only."""
    try:
        found: dict[str, Any] = object.__getattribute__(target, "__dict__")
    except AttributeError:
        return {}
    return found


def _without_raw_format(value: Any) -> object:  # noqa: ANN401 -- any attribute's value
    """Return a safe stand-in if `value` is a formatting method of `str`, by whichever way it was reached."""
    if value is str.format or value is str.format_map:
        return _restricted_format.REPLACEMENTS[value.__name__]
    if type(value) is types.BuiltinMethodType and issubclass(type(value.__self__), str):
        return types.MethodType(_restricted_format.REPLACEMENTS[value.__name__], value.__self__)
    return value
