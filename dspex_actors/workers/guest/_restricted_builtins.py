"""The built-ins of strict guest code, and safe versions of library functions that walk past the guards."""

from __future__ import annotations

import builtins
import copy
import dataclasses
import enum
import functools
import inspect
import io
import keyword
import struct
import sys
import typing
from typing import TYPE_CHECKING, Any

from dspex_actors.workers.guest import _restricted_names as names
from dspex_actors.workers.guest._restricted_types import ABCMETA, TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dspex_actors.workers.guest._import_rules import ImportRules
    from dspex_actors.workers.guest._restricted_guards import Guards

# Given as they are. Not here: `memoryview` (nothing needs it), `help` and `breakpoint` (they start consoles).
_PLAIN = (
    "None True False Ellipsis NotImplemented __debug__ abs aiter all anext any ascii bin bool bytearray "
    "bytes callable chr classmethod complex dict divmod enumerate filter float format frozenset hash hex id "
    "int isinstance issubclass iter len list map max min next object oct ord pow property range repr "
    "reversed round set slice sorted staticmethod str sum super tuple zip"
)
_REFUSED = {
    "open": "there are no files in the strict profile",
    "input": "there is no console to read from",
    "eval": "code is not run from strings in the strict profile",
    "exec": "code is not run from strings in the strict profile",
    "compile": "code is not run from strings in the strict profile",
    "globals": "the namespace itself is not handed out in the strict profile",
    "locals": "the namespace itself is not handed out in the strict profile",
    "breakpoint": "there is no debugger in the strict profile",
    "memoryview": "raw memory is not handed out in the strict profile",
}


def safe_builtins() -> dict[str, Any]:
    """Return the built-ins that need no guards: plain functions and types, exceptions, refusals."""
    made: dict[str, Any] = {name: getattr(builtins, name) for name in _PLAIN.split()}
    made.update(
        (name, value)
        for name, value in vars(builtins).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    )
    made.update({name: _refusal(name, reason) for name, reason in _REFUSED.items()})
    made.update(type=TYPE, print=safe_print, exit=leave, quit=leave)
    return made


def add_guarded_builtins(made: dict[str, Any], guards: Guards) -> None:
    """Add the built-ins that work through the guards."""
    made.update(
        getattr=guards.get_named,
        hasattr=guards.has_named,
        setattr=guards.set_named,
        delattr=guards.delete_named,
        vars=guards.vars_of,
        dir=public_dir,
        __build_class__=guards.build_class,
    )


def forbid_builtins(made: dict[str, Any], rules: ImportRules) -> None:
    """Put a refusal in the place of each function or type that a rule such as `"builtins:print"` forbids.

    Constants and exceptions stay: a handler has to name them.
    """
    for name, value in [*made.items()]:
        rule = None if name.startswith("_") else rules.rule_against("builtins", name)
        is_exception = isinstance(value, type) and issubclass(value, BaseException)
        if rule is not None and callable(value) and not is_exception:
            made[name] = _refusal(name, f"it is forbidden by the rule {rule!r}")


def replacements(guards: Guards) -> dict[tuple[str, str], Any]:
    """Return, by module and name, what the guest gets in place of the library's own."""
    update_wrapper, wraps = _wrappers(guards)
    return {
        ("abc", "ABCMeta"): ABCMETA,
        ("dataclasses", "dataclass"): _dataclass(guards),
        ("functools", "update_wrapper"): update_wrapper,
        ("functools", "wraps"): wraps,
        ("functools", "total_ordering"): _own_classes_only(guards, functools.total_ordering),
        ("numpy", "frombuffer"): _frombuffer,
        ("struct", "pack_into"): _pack_into,
        ("copy", "copy"): _one_argument(copy.copy),
        ("copy", "deepcopy"): _one_argument(copy.deepcopy),
        ("operator", "attrgetter"): _attrgetter(guards),
        ("operator", "methodcaller"): _methodcaller(guards),
        ("typing", "runtime_checkable"): _own_classes_only(guards, typing.runtime_checkable),
        ("sys", "stdout"): STDOUT,
        ("sys", "stderr"): STDERR,
        # The real one is an alias of the array type, whose call builds an array over a buffer.
        ("numpy.typing", "NDArray"): typing.List,  # noqa: UP006 -- an alias that refuses calls
        **{("enum", kind.__name__): _strict_enum(kind) for kind in _ENUMS},
    }


def public_dir(target: object, /) -> list[str]:
    """Return the public names of an object (the guest's `dir`)."""
    return [name for name in dir(target) if not name.startswith("_")]


def leave(code: object = None, /) -> typing.NoReturn:
    """End the guest's program (its `exit` and `quit`)."""
    raise SystemExit(code)


def _refusal(name: str, reason: str) -> Callable[..., typing.NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> typing.NoReturn:
        message = f"{name}() is not available: {reason}"
        raise PermissionError(message)

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


class GuestStream:
    """`sys.stdout` and `sys.stderr` as the guest sees them.

    Closes: `sys.stdout.buffer.raw` and `close()`, which reach the worker's own descriptors.
    """

    __slots__ = ()
    _name: str  # no __init__ to call again with the name of something else in sys

    def write(self, text: str) -> int:
        """Write text; return the number of characters."""
        written: int = getattr(sys, self._name).write(text)
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Send what is buffered."""
        getattr(sys, self._name).flush()

    def __repr__(self) -> str:
        return f"<{self._name}>"

    @staticmethod
    def isatty() -> bool:
        """Return False: nobody is watching."""
        return False


class _Stdout(GuestStream):
    __slots__ = ()
    _name = "stdout"


class _Stderr(GuestStream):
    __slots__ = ()
    _name = "stderr"


STDOUT = _Stdout()
STDERR = _Stderr()


def safe_print(
    *values: object, sep: str | None = " ", end: str | None = "\n", file: object = None, flush: bool = False
) -> None:
    """Print to the worker's output, or into a `StringIO` of the guest's.

    Raises:
        TypeError: `file` is something else.
    """
    if file is not None and file is not STDOUT and file is not STDERR and type(file) is not io.StringIO:
        message = f"print() writes to sys.stdout, sys.stderr or a StringIO, not to {type(file).__name__!r}"
        raise TypeError(message)
    print(*values, sep=sep, end=end, file=typing.cast("Any", file), flush=flush)


def _own_classes_only(guards: Guards, decorate: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a class decorator that changes the guest's classes and no library class."""

    def decorated(cls: Any) -> Any:  # noqa: ANN401 -- as the decorator
        if not guards.owns_class(cls):
            message = f"{decorate.__name__}() works on your own classes only"
            raise TypeError(message)
        return decorate(cls)

    return decorated


def _dataclass(guards: Guards) -> Callable[..., Any]:
    """Return `dataclass` without its holes.

    Closes: changing library classes; field names that are no names, which a `TypedDict` may have and which
    would be compiled into the generated methods; and `__match_args__` with risky names, which a class pattern
    would read unguarded from any object that a protocol class accepts.
    """

    def dataclass(cls: Any = None, /, **options: Any) -> Any:  # noqa: ANN401 -- as the decorator
        if cls is None:
            return functools.partial(dataclass, **options)
        if not guards.owns_class(cls):
            message = "dataclass() works on your own classes only"
            raise TypeError(message)
        for field in inspect.get_annotations(cls):
            if type(field) is not str or not field.isidentifier() or keyword.iskeyword(field):
                message = f"dataclass field names must be identifiers: {field!r}"
                raise TypeError(message)
        made = dataclasses.dataclass(cls, **options)
        guards.adopt(made)
        if any(names.pattern_refusal(field) for field in made.__dict__.get("__match_args__", ())):
            setattr(made, "__match_args__", ())  # noqa: B010 -- typeshed says it is final
        return made

    return dataclass


def _wrappers(guards: Guards) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `update_wrapper` and `wraps` that copy names and texts only.

    Closes: `update_wrapper(mine, library, updated=("__globals__",))`, which pours a module into the guest.
    """

    def update_wrapper(wrapper: Any, wrapped: Any) -> Any:  # noqa: ANN401 -- any callable
        if guards.owns_function(wrapper):
            for name in ("__name__", "__qualname__", "__doc__"):
                value = getattr(wrapped, name, None)
                if isinstance(value, str):
                    setattr(wrapper, name, value)
        return wrapper

    def wraps(wrapped: Any) -> Callable[[Any], Any]:  # noqa: ANN401 -- any callable
        return functools.partial(update_wrapper, wrapped=wrapped)

    return update_wrapper, wraps


def _refuse_objects(buffer: Any) -> None:  # noqa: ANN401 -- anything with the buffer protocol
    """Refuse memory that holds pointers to objects.

    Closes: an array of objects seen, or written, as bytes: each pointer the guest writes becomes an object.
    """
    with memoryview(buffer) as view:
        if "O" in view.format:
            message = "an array of objects cannot be used as a buffer"
            raise TypeError(message)


def _frombuffer(buffer: Any, dtype: Any = float, count: int = -1, offset: int = 0) -> Any:  # noqa: ANN401
    """Call `numpy.frombuffer` for plain memory."""
    _refuse_objects(buffer)
    return sys.modules["numpy"].frombuffer(buffer, dtype, count, offset)


def _pack_into(form: Any, buffer: Any, offset: int, /, *values: Any) -> None:  # noqa: ANN401
    """Call `struct.pack_into` for plain memory."""
    _refuse_objects(buffer)
    struct.pack_into(form, buffer, offset, *values)


def _one_argument(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return `copy` or `deepcopy` without its memo.

    Closes: the memo, which keeps the originals of all that is copied: live dictionaries of attributes, and
    what bound methods are bound to.
    """

    def copied(target: Any, /) -> Any:  # noqa: ANN401 -- as the function
        return function(target)

    return copied


# The next two are closures on purpose: a partial would show its arguments, the guards, as `.args`.


def _attrgetter(guards: Guards) -> Callable[..., Callable[[object], object]]:
    """Return `operator.attrgetter`, reading through the guards."""

    def attrgetter(*paths: str) -> Callable[[object], object]:
        def resolve(target: object, path: str) -> object:
            return functools.reduce(guards.get_named, path.split("."), target)

        def get(target: object) -> object:
            found = tuple(resolve(target, path) for path in paths)
            return found[0] if len(paths) == 1 else found

        return get

    return attrgetter


def _methodcaller(guards: Guards) -> Callable[..., Callable[[object], object]]:
    """Return `operator.methodcaller`, reading through the guards."""

    def methodcaller(name: str, /, *args: Any, **kwargs: Any) -> Callable[[object], object]:  # noqa: ANN401
        def call(target: object) -> object:
            method: Any = guards.get_named(target, name)
            return method(*args, **kwargs)

        return call

    return methodcaller


_ENUMS = (enum.Enum, enum.IntEnum, enum.StrEnum, enum.Flag, enum.IntFlag)


class _StrictEnumType(enum.EnumType):
    """Closes: `Enum("E", {"__getattribute__": f})`, which defines methods by a dictionary."""

    def __call__(cls, value: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- as the class's call
        members = args[0] if args else kwargs.pop("names", None)
        if members is None or cls.__members__:
            return super().__call__(value, *args, **kwargs)
        return super().__call__(value, _member_names(members), *args[1:], **kwargs)


def _member_names(members: Any) -> list[Any]:  # noqa: ANN401 -- what the functional form of Enum accepts
    """Return checked copies of the names, or of the pairs of name and value.

    Raises:
        TypeError: they are of a type that could answer differently when asked again.
        ValueError: a name starts with an underscore.
    """
    if type(members) is str:
        members = members.replace(",", " ").split()
    elif type(members) is dict:
        members = list(members.items())
    if type(members) not in (list, tuple):
        message = "the names of an enum are given as a string, a list, a tuple or a dict"
        raise TypeError(message)
    checked = [tuple(each) if type(each) in (list, tuple) else each for each in members]
    for each in checked:
        name = each[0] if type(each) is tuple and each else each
        if type(name) is not str or name.startswith("_"):
            message = f"enum member names are strings that do not start with an underscore: {name!r}"
            raise ValueError(message)
    return checked


def _strict_enum(kind: type[enum.Enum]) -> Any:  # noqa: ANN401 -- a class made for one namespace
    """Return a subclass of an enum type, equal but for its metaclass."""
    namespace = _StrictEnumType.__prepare__(kind.__name__, (kind,))
    made = _StrictEnumType(kind.__name__, (kind,), namespace)
    made.__module__ = "enum"
    return made
