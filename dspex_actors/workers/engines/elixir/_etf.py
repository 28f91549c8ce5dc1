"""Python values as terms in Erlang's External Term Format, as `term_to_binary` writes them.

| Python | Elixir |
|---|---|
| None, True, False | `nil`, `true`, `false` |
| int, float | integer, float |
| str, bytes, bytearray | binary |
| list, tuple, dict | list, tuple, map |
| all else that has a form | `{:"$TAG", payload}`, of which the driver makes a struct |

No value of Python's becomes an atom other than those three, so no tuple is mistaken for a tagged one. Source:
Erlang/OTP 25, ERTS User's Guide, "External Term Format".
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from struct import Struct
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from dspex_actors._errors import ValueEncodeError

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 131

# Tags of the format, by their names in Erlang's guide.
NEW_FLOAT: Final = 70
COMPRESSED: Final = 80
SMALL_INTEGER: Final = 97
INTEGER: Final = 98
ATOM: Final = 100
SMALL_TUPLE: Final = 104
LARGE_TUPLE: Final = 105
NIL: Final = 106
STRING: Final = 107
LIST: Final = 108
BINARY: Final = 109
SMALL_BIG: Final = 110
LARGE_BIG: Final = 111
SMALL_ATOM: Final = 115
MAP: Final = 116
ATOM_UTF8: Final = 118
SMALL_ATOM_UTF8: Final = 119

MOST_DEPTH: Final = 100

_size: Final = Struct(">BI").pack
_int: Final = Struct(">Bi").pack
_float: Final = Struct(">Bd").pack


def encode(value: object) -> tuple[bytes, bool]:
    """Return a value as an external term, and whether the driver has structs to make in it.

    Raises:
        ValueEncodeError: Elixir has nothing for a part of the value; says which.
    """
    writer = _Writer()
    writer.write(value)
    return bytes(writer.out), writer.tagged


def tuple_of(*terms: bytes) -> bytes:
    """Return a tuple of values that are terms already, as a term.

    Args:
        terms: at most 255.
    """
    return bytes([VERSION, SMALL_TUPLE, len(terms)]) + b"".join(term[1:] for term in terms)


class _Writer:
    """The state of writing one term."""

    def __init__(self) -> None:
        self.out = bytearray([VERSION])
        self.tagged = False
        self._path: list[str] = []

    def write(self, value: Any) -> None:  # noqa: ANN401 -- any value, refused if it has no form
        """Append a value.

        Raises:
            ValueEncodeError: it has no form.
        """
        write = _WRITERS.get(type(value))
        if write is None:
            write = _of_numpy(value)
            if write is None:
                raise self._refusal(value, "Elixir has nothing for it")
        write(self, value)

    def _refusal(self, value: object, reason: str) -> ValueEncodeError:
        return ValueEncodeError("value" + "".join(self._path), type(value).__qualname__, reason)

    def _under(self, step: str, value: object) -> None:
        self._path.append(step)
        if len(self._path) > MOST_DEPTH:
            raise self._refusal(value, f"nested more than {MOST_DEPTH} deep")
        self.write(value)
        self._path.pop()

    def atom(self, name: str) -> None:
        """Append an atom."""
        self.out += bytes([SMALL_ATOM_UTF8, len(name)]) + name.encode()

    def none(self, _value: None) -> None:
        """Append `nil`."""
        self.atom("nil")

    def boolean(self, value: bool) -> None:  # noqa: FBT001 -- the value to write
        """Append `true` or `false`."""
        self.atom("true" if value else "false")

    def integer(self, value: int) -> None:
        """Append an integer of any size."""
        if 0 <= value <= 255:
            self.out += bytes([SMALL_INTEGER, value])
        elif -(2**31) <= value < 2**31:
            self.out += _int(INTEGER, value)
        else:
            digits = abs(value).to_bytes((value.bit_length() + 7) // 8, "little")
            small = len(digits) < 256
            self.out += bytes([SMALL_BIG, len(digits)]) if small else _size(LARGE_BIG, len(digits))
            self.out.append(value < 0)
            self.out += digits

    def real(self, value: float) -> None:
        """Append a float.

        Raises:
            ValueEncodeError: it is nan or infinite, which Erlang has not.
        """
        if not math.isfinite(value):
            raise self._refusal(value, f"Elixir has nothing for {value}")
        self.out += _float(NEW_FLOAT, value)

    def text(self, value: str) -> None:
        """Append text as a binary.

        Raises:
            ValueEncodeError: it has a lone surrogate.
        """
        try:
            self.binary(value.encode())
        except UnicodeEncodeError:
            raise self._refusal(value, "it has a lone surrogate") from None

    def binary(self, value: bytes | bytearray) -> None:
        """Append bytes."""
        self.out += _size(BINARY, len(value))
        self.out += value

    def items(self, value: list[Any]) -> None:
        """Append a list."""
        if value:
            self.out += _size(LIST, len(value))
            for index, item in enumerate(value):
                self._under(f"[{index}]", item)
        self.out.append(NIL)

    def tuple(self, value: tuple[Any, ...]) -> None:
        """Append a tuple."""
        small = len(value) < 256
        self.out += bytes([SMALL_TUPLE, len(value)]) if small else _size(LARGE_TUPLE, len(value))
        for index, item in enumerate(value):
            self._under(f"[{index}]", item)

    def map(self, value: dict[Any, Any]) -> None:
        """Append a dict as a map.

        Raises:
            ValueEncodeError: two keys are one in Elixir: text and its bytes.
        """
        texts = {key.encode("utf-8", "surrogatepass") for key in value if type(key) is str}
        self.out += _size(MAP, len(value))
        for key, item in value.items():
            if type(key) is bytes and key in texts:
                raise self._refusal(value, f"the keys {key.decode()!r} and {key!r} are one in Elixir")
            self._under(f"[{key!r:.40}]", key)
            self._under(f"[{key!r:.40}]", item)

    def _tag(self, name: str, payload: object) -> None:
        self.tagged = True
        self.out += bytes([SMALL_TUPLE, 2])
        self.atom(f"${name}")
        self.write(payload)

    def set(self, value: frozenset[Any]) -> None:
        """Append a set, of which the driver makes a MapSet."""
        self._tag("set", list(value))

    def range(self, value: range) -> None:
        """Append a range."""
        self._tag("range", [value.start, value.stop - (1 if value.step > 0 else -1), value.step])

    def moment(self, value: datetime) -> None:
        """Append a point in time: a DateTime in UTC, or a NaiveDateTime if it has no zone."""
        if value.tzinfo is None:
            self._tag("naive", value.isoformat())
        else:
            self._tag("utc", value.astimezone(UTC).isoformat())

    def date(self, value: date) -> None:
        """Append a date."""
        self._tag("date", value.isoformat())

    def time(self, value: time) -> None:
        """Append a time of day.

        Raises:
            ValueEncodeError: it has a time zone.
        """
        if value.tzinfo is not None:
            raise self._refusal(value, "a time of day with a zone, which Elixir has not")
        self._tag("time", value.isoformat())

    def identifier(self, value: UUID) -> None:
        """Append a UUID as text."""
        self.text(str(value))


def _of_numpy(value: Any) -> Callable[[_Writer, Any], None] | None:  # noqa: ANN401 -- an object of any type
    """Return what writes a value of numpy's as plain numbers; None for any other."""
    kind = type(value)
    if kind.__module__ != "numpy" or not hasattr(kind, "tolist"):
        return None
    return lambda writer, array: writer.write(array.tolist())


_WRITERS: Final[dict[type, Callable[[_Writer, Any], None]]] = {
    type(None): _Writer.none,
    bool: _Writer.boolean,
    int: _Writer.integer,
    float: _Writer.real,
    str: _Writer.text,
    bytes: _Writer.binary,
    bytearray: _Writer.binary,
    list: _Writer.items,
    tuple: _Writer.tuple,
    dict: _Writer.map,
    set: _Writer.set,
    frozenset: _Writer.set,
    range: _Writer.range,
    datetime: _Writer.moment,
    date: _Writer.date,
    time: _Writer.time,
    UUID: _Writer.identifier,
}
