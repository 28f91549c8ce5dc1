"""Values on their way into a component and out of it, each checked against its type.

wasmtime-py takes an integer modulo the width of its type, as for modules. Here that is an error. Names have
underscores in Python where the component model has hyphens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasmtime import component

from dspex_actors.workers.engines.wasm._numbers import ArgumentMismatchError, check_number, shown

if TYPE_CHECKING:
    from collections.abc import Callable

_INTEGERS: dict[type, tuple[int, int]] = {
    kind: (-(2 ** (bits - 1)), 2 ** (bits - 1))
    for kind, bits in ((component.S8, 8), (component.S16, 16), (component.S32, 32), (component.S64, 64))
} | {
    kind: (0, 2**bits)
    for kind, bits in ((component.U8, 8), (component.U16, 16), (component.U32, 32), (component.U64, 64))
}
_FLOATS = {component.F32: "f32", component.F64: "f64"}


def lowered(what: str, kind: component.ValType, value: Any) -> Any:  # noqa: ANN401 -- plain data
    """Return a value as wasmtime-py takes it for a type.

    Args:
        what: for messages.
        kind: the type.
        value: plain data.

    Raises:
        ArgumentMismatchError: it does not fit.
    """
    for types, lower in _LOWERED:
        if isinstance(kind, types):
            return lower(what, kind, value)
    raise ArgumentMismatchError(f"{what} has the type {_name(kind)}, which no value of the host's has")


def lifted(kind: component.ValType | None, value: Any) -> Any:  # noqa: ANN401 -- plain data
    """Return what wasmtime-py gives for a type as plain data.

    Args:
        kind: the type, None for no value.
        value: what it gives.
    """
    match kind:
        case component.ListType() if isinstance(value, list):
            plain: Any = [lifted(kind.element, each) for each in value]
        case component.TupleType():
            plain = tuple(lifted(each, part) for each, part in zip(kind.elements, value, strict=True))
        case component.RecordType():
            plain = {python_name(name): lifted(each, getattr(value, name)) for name, each in kind.fields}
        case component.OptionType():
            inner = value.payload if isinstance(value, component.Variant) else value
            plain = None if inner is None else lifted(kind.payload, inner)
        case _:
            plain = _plain(value)
    return plain


def python_name(name: str) -> str:
    """Return a name of the component model as one of Python's."""
    return name.replace("-", "_")


def _plain(value: Any) -> Any:  # noqa: ANN401 -- plain data
    """Return a value of a variant's, whose type is not known here, as plain data."""
    match value:
        case component.Record():
            return {python_name(name): _plain(each) for name, each in vars(value).items()}
        case component.Variant():
            return (value.tag, _plain(value.payload))
        case list():
            return [_plain(each) for each in value]
    return value


def _integer(what: str, kind: component.ValType, value: object) -> int:
    least, beyond = _INTEGERS[type(kind)]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < beyond:
        allowed = f"a whole number from {least} to {beyond - 1}"
        raise ArgumentMismatchError(f"{what} must be {allowed} ({_name(kind)}), not {shown(value)}")
    return value


def _float(what: str, kind: component.ValType, value: object) -> float:
    return float(check_number(what, _FLOATS[type(kind)], value))


def _exactly(*types: type) -> Callable[[str, component.ValType, object], object]:
    """Return a check for values of some types of Python's."""

    def check(what: str, kind: component.ValType, value: object) -> object:
        fits = isinstance(value, types) and not (isinstance(kind, component.Char) and len(value) != 1)  # type: ignore[arg-type]  # a str
        if not fits:
            raise ArgumentMismatchError(f"{what} must be a {_name(kind)}, not {shown(value)}")
        return value

    return check


def _list(what: str, kind: component.ListType, value: object) -> object:
    if isinstance(kind.element, component.U8) and isinstance(value, bytes | bytearray):
        return bytes(value)
    if not isinstance(value, list | tuple | range):
        raise ArgumentMismatchError(f"{what} must be a list, not {shown(value)}")
    parts = [lowered(f"item {place} of {what}", kind.element, each) for place, each in enumerate(value)]
    return bytes(parts) if isinstance(kind.element, component.U8) else parts


def _tuple(what: str, kind: component.TupleType, value: object) -> object:
    types = kind.elements
    if not isinstance(value, list | tuple) or len(value) != len(types):
        raise ArgumentMismatchError(f"{what} must be a tuple of {len(types)}, not {shown(value)}")
    pairs = enumerate(zip(types, value, strict=True))
    return tuple(lowered(f"item {place} of {what}", each, part) for place, (each, part) in pairs)


def _record(what: str, kind: component.RecordType, value: object) -> object:
    fields = {python_name(name): (name, each) for name, each in kind.fields}
    if not isinstance(value, dict) or set(value) != set(fields):
        raise ArgumentMismatchError(f"{what} must be a dict with {', '.join(fields)}, not {shown(value)}")
    record = component.Record()
    for key, (name, each) in fields.items():
        setattr(record, name, lowered(f"{key} of {what}", each, value[key]))
    return record


def _option(what: str, kind: component.OptionType, value: object) -> object:
    inner = None if value is None else lowered(what, kind.payload, value)
    if isinstance(kind.payload, component.OptionType):  # wasmtime-py tells them apart by a tag
        return component.Variant("none") if value is None else component.Variant("some", inner)
    return inner


def _enum(what: str, kind: component.EnumType, value: object) -> object:
    if value not in kind.names:
        raise ArgumentMismatchError(f"{what} must be one of {', '.join(kind.names)}, not {shown(value)}")
    return value


def _name(kind: component.ValType) -> str:
    return type(kind).__name__.removesuffix("Type").lower()


_LOWERED: tuple[tuple[tuple[type, ...], Callable[..., Any]], ...] = (
    (tuple(_INTEGERS), _integer),
    (tuple(_FLOATS), _float),
    ((component.Bool,), _exactly(bool)),
    ((component.String, component.Char), _exactly(str)),
    ((component.ListType,), _list),
    ((component.TupleType,), _tuple),
    ((component.RecordType,), _record),
    ((component.OptionType,), _option),
    ((component.EnumType,), _enum),
)
