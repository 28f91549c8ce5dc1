"""Saying which part of a value cannot cross, where it is and why, without running any of the value's code.

Types are read with `type()` and through `type`'s own descriptors, so neither `__class__`, `__repr__`,
`__eq__` nor a metaclass of the value's author is called.
"""

from __future__ import annotations

from typing import Any, Final

from dspex_actors._errors import ValueEncodeError

_SHOWN_STEPS: Final = 8
_SHOWN_CHARS: Final = 40
_MAX_NAME: Final = 100

_qualname: Final = type.__dict__["__qualname__"].__get__
_module: Final = type.__dict__["__module__"].__get__
_mro: Final = type.__dict__["__mro__"].__get__


class Unsupported(Exception):  # noqa: N818 -- control flow inside the encoder, never seen by a caller
    """A value has no encoding of its own; `reason` says why. It may still cross as an opaque value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refusal(Exception):  # noqa: N818 -- control flow inside the encoder, never seen by a caller
    """An item that cannot cross, on its way up through the containers around it.

    Each container adds its step with `under`, so the path costs nothing while all goes well.
    """

    def __init__(self, type_name: str, reason: str, *, too_deep: bool = False) -> None:
        super().__init__(type_name, reason)
        self.type_name = type_name
        self.reason = reason
        self.too_deep = too_deep
        self._steps: list[str] = []
        self._around: list[object] = []

    def under(self, step: str, container: object) -> None:
        """Note that the item was found in `container` by `step`."""
        self._steps.append(step)
        self._around.append(container)

    def error(self) -> ValueEncodeError:
        """Return the error for the caller: a cycle if the value was too deep because of one."""
        steps = self._steps[::-1]
        if self.too_deep and (loop := _first_repeat(self._around[::-1])) is not None:
            start, again = loop
            kind = name_of(type(self._around[::-1][again]))
            return ValueEncodeError(
                _path(steps[:again]), kind, f"a cycle: it is {_path(steps[:start])} again"
            )
        return ValueEncodeError(_path(steps), self.type_name, self.reason)


def _first_repeat(containers: list[object]) -> tuple[int, int] | None:
    seen: dict[int, int] = {}
    for index, container in enumerate(containers):
        first = seen.setdefault(id(container), index)
        if first != index:
            return first, index
    return None


def _path(steps: list[str]) -> str:
    if len(steps) <= _SHOWN_STEPS:
        return "value" + "".join(steps)
    return "value" + "".join(steps[:_SHOWN_STEPS]) + f"... ({len(steps) - _SHOWN_STEPS} more)"


def key_step(key: object) -> str:
    """Return the step to the item under `key`: its text if it is a plain str or int, else only its type."""
    if type(key) is str:
        shown = repr(key if len(key) <= _SHOWN_CHARS else key[:_SHOWN_CHARS])
        return f"[{shown}]" if len(key) <= _SHOWN_CHARS else f"[{shown}...]"
    if type(key) is int and key.bit_length() <= 64:
        return f"[{key}]"
    return f"[<{name_of(type(key))}>]"


def name_of(kind: type[Any]) -> str:
    """Return the name of a type, with its module unless it is built in; `?` for what is not plain text."""
    name = _qualname(kind)
    name = name[:_MAX_NAME] if type(name) is str else "?"
    try:
        module = _module(kind)
    except AttributeError:
        module = "?"
    if type(module) is not str or module in {"builtins", "__main__", "?"}:
        return name
    return f"{module[:_MAX_NAME]}.{name}"


# For an exact type or a base: what to do instead. The first that fits is shown.
_HINTS: Final[tuple[tuple[str, str], ...]] = (
    ("builtins.memoryview", "use bytes(x)"),
    ("builtins.generator", "use list(x)"),
    ("builtins.coroutine", "await it first"),
    ("builtins.map", "use list(x)"),
    ("builtins.filter", "use list(x)"),
    ("builtins.zip", "use list(x)"),
    ("builtins.enumerate", "use list(x)"),
    ("builtins.reversed", "use list(x)"),
    ("builtins.dict_keys", "use list(x)"),
    ("builtins.dict_values", "use list(x)"),
    ("builtins.dict_items", "use list(x)"),
    ("builtins.function", "return what it computes"),
    ("builtins.builtin_function_or_method", "return what it computes"),
    ("builtins.method", "return what it computes"),
    ("builtins.module", "return a value from it"),
    ("builtins.type", "return an instance's data"),
    ("builtins.BaseException", "use str(x)"),
    ("collections.deque", "use list(x)"),
    ("zoneinfo.ZoneInfo", "use datetime.timezone, or x.astimezone(timezone.utc)"),
    ("enum.Enum", "use x.value"),
    ("pandas.core.frame.DataFrame", "use x.to_dict('records')"),
    ("pandas.DataFrame", "use x.to_dict('records')"),
    ("numpy.ma.MaskedArray", "use x.filled()"),
    ("numpy.ndarray", "use numpy.asarray(x)"),
    ("builtins.dict", "use dict(x)"),
    ("builtins.list", "use list(x)"),
    ("builtins.tuple", "use tuple(x)"),
    ("builtins.set", "use set(x)"),
    ("builtins.frozenset", "use frozenset(x)"),
    ("builtins.str", "use str(x)"),
    ("builtins.bytes", "use bytes(x)"),
    ("builtins.int", "use int(x)"),
    ("builtins.float", "use float(x)"),
)


def foreign_reason(kind: type[Any]) -> str:
    """Return why values of `kind` cannot cross, with what usually helps."""
    bases = [_full_name(base) for base in _mro(kind)]
    for name, hint in _HINTS:
        if name in bases:
            return f"only plain values of exact built-in types cross; {hint}"
    return "only plain values of exact built-in types cross; return its data as a dict"


def _full_name(kind: type[Any]) -> str:
    name = name_of(kind)
    return name if "." in name else f"builtins.{name}"
