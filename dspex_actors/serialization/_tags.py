"""Values that no format has a type of its own for, as a name and a payload of simpler values.

json, etf and protobuf write the same tags, each in its own way; another language can read them by this table:

| tag | payload |
|---|---|
| `tuple`, `set`, `frozenset` | list of items |
| `dict` | list of key, value, key, value, ... |
| `bytearray` | bytes |
| `range` | list of start, stop, step |
| `fraction` | list of numerator, denominator |
| `complex` | list of real, imaginary part |
| `decimal`, `uuid`, `date` | text |
| `datetime`, `time` | ISO 8601 text; or a list of it without offset, fold, and as for `timezone`, or None |
| `timedelta` | list of days, seconds, microseconds |
| `timezone` | list of the offset in microseconds, and its name or None |
| `ellipsis` | None |
| `ndarray` | list of dtype, order (`C` or `F`), list of lengths, bytes in that order |
| `scalar` | list of dtype and bytes (text for dtype `U`) |

A payload read may come from anyone: sizes are checked before anything is built, and nothing is looked up but
in this table.
"""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from dspex_actors.serialization._errors import MalformedError
from dspex_actors.values import _extensions as wire
from dspex_actors.values._leaves import LEAVES, LOADERS, dump_zone, make_fraction, make_range
from dspex_actors.values._numpy import array_head, dump_array, dump_scalar, is_scalar, load_array, load_scalar
from dspex_actors.values._refusal import Unsupported, foreign_reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from dspex_actors.serialization._bounds import Meter

_ISO_CHARS: Final = 64
_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE: Final = 60 * 10**6  # microseconds
SEQUENCES: Final = {"tuple": tuple, "set": set, "frozenset": frozenset}


class Tagged:
    """A name of the table with its payload, still to be written."""

    __slots__ = ("name", "payload")

    def __init__(self, name: str, payload: object) -> None:
        self.name = name
        self.payload = payload


def _zone_name(zone: timezone) -> str | None:
    """Return the name a zone was given, None if it has none.

    Raises:
        Unsupported: it is another kind of tzinfo, or its name is no plain text.
    """
    dump_zone(zone)
    _, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return name[0] if name else None


def _tag_clock(value: datetime | time) -> object:
    zone: Any = value.tzinfo
    parts = None if zone is None else _tag_zone(zone)
    # Python reads the text of an offset below a second as that of UTC.
    if value.fold or (parts is not None and (parts[0] % _MINUTE or parts[1] is not None)):
        return [value.replace(tzinfo=None).isoformat(), value.fold, parts]
    return value.isoformat()


def _tag_zone(value: timezone) -> list[Any]:
    name = _zone_name(value)
    return [value.utcoffset(None) // _MICROSECOND, name]


def _tag_decimal(value: Decimal) -> object:
    return LEAVES[Decimal][1](value).decode()  # the same bounds as between processes


_TAGGERS: Final[dict[type, tuple[str, Callable[[Any], object]]]] = {
    complex: ("complex", lambda value: [value.real, value.imag]),
    Decimal: ("decimal", _tag_decimal),
    datetime: ("datetime", _tag_clock),
    date: ("date", date.isoformat),
    time: ("time", _tag_clock),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    timezone: ("timezone", _tag_zone),
    UUID: ("uuid", lambda value: str(UUID(bytes=value.bytes))),
    type(...): ("ellipsis", lambda _value: None),
}


def tag(value: object) -> Tagged:
    """Return what stands for a single value (not a container) that is not of a plain type.

    Raises:
        Unsupported: nothing does; says why.
    """
    kind = type(value)
    found = _TAGGERS.get(kind)
    if found is not None:
        return Tagged(found[0], found[1](value))
    np: ModuleType | None = sys.modules.get("numpy")
    if np is not None and hasattr(np, "ulonglong"):
        if kind is np.ndarray:
            head, data = dump_array(np, value)  # type: ignore[arg-type]  # it is exactly an array
            code, fortran, shape, _ = array_head(memoryview(head))
            return Tagged("ndarray", [code, "F" if fortran else "C", list(shape), bytes(data)])
        if is_scalar(np, kind):
            payload = dump_scalar(np, value)  # type: ignore[arg-type]  # it is exactly a scalar
            end = 1 + payload[0]
            code, content = payload[1:end].decode(), payload[end:]
            return Tagged("scalar", [code, content.decode() if code == "U" else content])
    raise Unsupported(foreign_reason(kind))


def restore(name: str, payload: object, meter: Meter) -> object:
    """Return the value of a tag.

    Raises:
        MalformedError: there is no such tag, or its payload is not one.
        TooLargeError: it costs more than is left on the meter.
        ArithmeticError, TypeError, ValueError: the payload has the right shape and no meaning.
    """
    if name == "dict":
        items = _list(payload)
        if len(items) % 2:
            raise MalformedError("a dict with a key that has no value")
        return make_dict(items[::2], items[1::2], meter)
    if name in SEQUENCES:
        items = _list(payload)
        if name != "tuple":
            meter.keys(items)
        made = SEQUENCES[name](items)
        if len(made) != len(items):
            raise MalformedError("a set with two items that are equal")
        return made
    build = _BUILDERS.get(name)
    if build is None:
        raise MalformedError(f"the unknown tag {name[:40]!r}")
    return build(payload)


def make_dict(keys: list[Any], values: list[Any], meter: Meter) -> dict[Any, Any]:
    """Return the dict of these entries, its keys of any type that can be one.

    Raises:
        MalformedError: two keys are equal, or too many have one hash.
        TypeError: a key cannot be one.
    """
    if any(type(key) is not str for key in keys):
        meter.keys(keys)
    made = dict(zip(keys, values, strict=True))
    if len(made) != len(keys):
        raise MalformedError("a dict with two keys that are equal")
    return made


def _list(payload: object) -> list[Any]:
    if type(payload) is not list:
        raise MalformedError("a payload that should be a list")
    return payload


def _typed(payload: object, *kinds: type) -> list[Any]:
    """Return the items of a list that has exactly these types."""
    items = _list(payload)
    if len(items) != len(kinds) or any(
        type(item) is not kind for item, kind in zip(items, kinds, strict=True)
    ):
        raise MalformedError(f"a payload that should be a list of {[kind.__name__ for kind in kinds]}")
    return items


def _text(payload: object, most: int = _ISO_CHARS) -> str:
    if type(payload) is not str or len(payload) > most:
        raise MalformedError(f"a payload that should be a text of at most {most} characters")
    return payload


def _bytes(payload: object) -> bytes:
    if type(payload) is not bytes:
        raise MalformedError("a payload that should be bytes")
    return payload


def _decimal(payload: object) -> Decimal:
    made: Decimal = LOADERS[wire.DECIMAL](memoryview(_text(payload, 5000).encode()))
    return made


def _clock(payload: object, read: Callable[[str], Any]) -> Any:  # noqa: ANN401 -- a datetime or a time
    if type(payload) is str:
        return read(_text(payload))
    items = _list(payload)
    if len(items) != 3 or type(items[1]) is not int:
        raise MalformedError("a payload that should be a text, a fold and a zone or None")
    made = read(_text(items[0]))
    if made.tzinfo is not None:
        raise MalformedError("a text with an offset, beside a zone")
    return made.replace(fold=items[1], tzinfo=None if items[2] is None else _zone(items[2]))


def _zone(payload: object) -> timezone:
    items = _list(payload)
    if len(items) != 2 or type(items[0]) is not int or not (items[1] is None or type(items[1]) is str):
        raise MalformedError("a payload that should be an offset and a name or None")
    offset = timedelta(microseconds=items[0])
    return timezone(offset) if items[1] is None else timezone(offset, items[1])


def _ellipsis(payload: object) -> object:
    if payload is not None:
        raise MalformedError("an ellipsis with a payload")
    return ...


def _array(payload: object) -> object:
    code, order, lengths, data = _typed(payload, str, str, list, bytes)
    if order not in {"C", "F"} or len(code) > 255 or any(type(length) is not int for length in lengths):
        raise MalformedError("an array whose order is neither C nor F, or whose shape is no shape")
    name = code.encode("ascii")
    shape = b"".join(length.to_bytes(8, "little") for length in lengths)
    head = bytes([len(name)]) + name + bytes([len(lengths), order == "F"]) + shape
    return load_array(import_module("numpy"), array_head(memoryview(head)), memoryview(data))


def _scalar(payload: object) -> object:
    items = _list(payload)
    kinds = (str, str) if items[:1] == ["U"] else (str, bytes)
    code, content = _typed(items, *kinds)
    name = code.encode("ascii")
    data = content.encode() if type(content) is str else content
    return load_scalar(import_module("numpy"), memoryview(bytes([len(name)]) + name + data))


_BUILDERS: Final[dict[str, Callable[[object], object]]] = {
    "bytearray": lambda payload: bytearray(_bytes(payload)),
    "range": lambda payload: make_range(_list(payload)),
    "fraction": lambda payload: make_fraction(_list(payload)),
    "complex": lambda payload: complex(*_typed(payload, float, float)),
    "decimal": _decimal,
    "datetime": lambda payload: _clock(payload, datetime.fromisoformat),
    "date": lambda payload: date.fromisoformat(_text(payload)),
    "time": lambda payload: _clock(payload, time.fromisoformat),
    "timedelta": lambda payload: timedelta(*_typed(payload, int, int, int)),
    "timezone": _zone,
    "uuid": lambda payload: UUID(_text(payload)),
    "ellipsis": _ellipsis,
    "ndarray": _array,
    "scalar": _scalar,
}
NAMES: Final = frozenset(_BUILDERS) | frozenset(SEQUENCES) | {"dict"}
