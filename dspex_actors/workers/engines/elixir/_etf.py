"""Python values as terms in Erlang's External Term Format, as `term_to_binary` writes them.

| Python | Elixir |
|---|---|
| None, True, False | `nil`, `true`, `false` |
| int, float | integer, float |
| str, bytes, bytearray | binary |
| list, tuple, dict | list, tuple, map |
| all else that has a form | `{:"$TAG", payload}`, of which the driver makes a struct |

No value of Python's becomes an atom other than those three, so no tuple is mistaken for a tagged one.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from dspex_actors._errors import ValueEncodeError
from dspex_actors.values import _etf as wire

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DEPTH: Final = 100


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
    return bytes([wire.VERSION, wire.SMALL_TUPLE, len(terms)]) + b"".join(term[1:] for term in terms)


class _Writer:
    """The state of writing one term."""

    def __init__(self) -> None:
        self.out = bytearray([wire.VERSION])
        self.tagged = False
        self._path: list[str] = []

    def write(self, value: Any) -> None:  # noqa: ANN401 -- any value, refused if it has no form
        """Append a value.

        Raises:
            ValueEncodeError: it has no form.
        """
        put = _PLAIN.get(type(value))
        if put is not None:
            put(value, self.out)
            return
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

    def real(self, value: float) -> None:
        """Append a float.

        Raises:
            ValueEncodeError: it is nan or infinite, which Erlang has not.
        """
        if not math.isfinite(value):
            raise self._refusal(value, f"Elixir has nothing for {value}")
        wire.put_float(value, self.out)

    def text(self, value: str) -> None:
        """Append text as a binary.

        Raises:
            ValueEncodeError: it has a lone surrogate.
        """
        try:
            wire.put_binary(value.encode(), self.out)
        except UnicodeEncodeError:
            raise self._refusal(value, "it has a lone surrogate") from None

    def items(self, value: list[Any]) -> None:
        """Append a list."""
        if value:
            wire.put_size(wire.LIST, len(value), self.out)
            for index, item in enumerate(value):
                self._under(f"[{index}]", item)
        self.out.append(wire.NIL)

    def tuple(self, value: tuple[Any, ...]) -> None:
        """Append a tuple."""
        wire.put_tuple(len(value), self.out)
        for index, item in enumerate(value):
            self._under(f"[{index}]", item)

    def map(self, value: dict[Any, Any]) -> None:
        """Append a dict as a map.

        Raises:
            ValueEncodeError: two keys are one in Elixir: text and its bytes.
        """
        texts = {key.encode("utf-8", "surrogatepass") for key in value if type(key) is str}
        wire.put_size(wire.MAP, len(value), self.out)
        for key, item in value.items():
            if type(key) is bytes and key in texts:
                raise self._refusal(value, f"the keys {key.decode()!r} and {key!r} are one in Elixir")
            self._under(f"[{key!r:.40}]", key)
            self._under(f"[{key!r:.40}]", item)

    def _tag(self, name: str, payload: object) -> None:
        self.tagged = True
        wire.put_tuple(2, self.out)
        wire.put_atom(wire.MARK + name, self.out)
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


_PLAIN: Final[dict[type, Callable[[Any, bytearray], None]]] = {
    type(None): wire.put_none,
    bool: wire.put_bool,
    int: wire.put_int,
    bytes: wire.put_binary,
    bytearray: wire.put_binary,
}
_WRITERS: Final[dict[type, Callable[[_Writer, Any], None]]] = {
    float: _Writer.real,
    str: _Writer.text,
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
