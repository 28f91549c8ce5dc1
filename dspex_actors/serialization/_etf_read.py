"""Reading Erlang's External Term Format from anyone.

Counts and sizes are compared with the bytes that are left before anything is built. Atoms are looked up in a
table and never made; references, ports, pids and functions are refused by name.
"""

from __future__ import annotations

import math
import zlib
from typing import Any, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds, Meter
from dspex_actors.serialization._errors import (
    MalformedError,
    SerializationError,
    TooLargeError,
    TruncatedError,
)
from dspex_actors.serialization._special import special
from dspex_actors.serialization._tags import NAMES, make_dict, restore
from dspex_actors.values import _etf as wire
from dspex_actors.values._extensions import MAX_INT_BYTES


class _Atom(str):
    """The atom of a tag, which is no value by itself."""

    __slots__ = ()


_ATOMS: Final[dict[str, Any]] = wire.ATOMS | {
    wire.MARK + name: _Atom(name) for name in (*NAMES, "bytes", "float")
}


def decode(body: bytes, bounds: Bounds = DEFAULT) -> object:
    """Return the value of an external term.

    Raises:
        DataError: it is not a term, or has no value here.
        TooLargeError: it exceeds `bounds`.
    """
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    if body[:1] != bytes([wire.VERSION]):
        raise MalformedError("a term starts with the byte 131")
    data, at = body, 1
    if body[1:2] == bytes([wire.COMPRESSED]):
        data, at = _inflated(body, bounds), 0
    try:
        return _Reader(data, at, bounds).whole()
    except SerializationError:
        raise
    except RecursionError:
        raise MalformedError("nested too deeply for what is left of this thread's stack") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as fault:
        raise MalformedError(f"not a term of this form: {fault}") from None


def _inflated(body: bytes, bounds: Bounds) -> bytes:
    size = int.from_bytes(body[2:6], "big")
    if size > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", size, bounds.raw_bytes)
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(body[6:], size + 1)
    except zlib.error as fault:
        raise MalformedError(f"not a compressed term: {fault}") from None
    if len(data) != size or not stream.eof or stream.unused_data:
        raise MalformedError("a compressed term that is not of its size")
    return data


class _Reader(wire.TermReader):
    """The state of reading one term."""

    def __init__(self, data: bytes, at: int, bounds: Bounds) -> None:
        super().__init__(data, at)
        self._meter = Meter(bounds, slack=2)

    def whole(self) -> object:
        """Return the one term that ends where the data ends."""
        value = self._read(0)
        if type(value) is _Atom:
            raise MalformedError(f"the atom '${value}' by itself")
        if self._at != len(self._data):
            raise MalformedError(f"{len(self._data) - self._at} bytes after the term")
        return value

    def _torn(self, needed: int) -> Exception:
        return TruncatedError(needed, len(self._data))

    def _refused(self, kind: int) -> Exception:
        name = wire.FOREIGN.get(kind) or wire.UNUSUAL.get(kind)
        found = f"the unknown kind {kind}" if name is None else f"a {name}"
        return MalformedError(f"{found}, which is no value here")

    def _pay(self, price: int, kind: str) -> None:
        del kind
        self._meter.pay(price)

    def _big(self, size: int) -> int:
        if size > MAX_INT_BYTES:
            raise TooLargeError("memory_bytes", size, MAX_INT_BYTES)
        sign = self._number(1)
        if sign > 1:
            raise MalformedError(f"an integer with the sign {sign}")
        self._meter.pay(40 + size)
        digits = int.from_bytes(self._take(size), "little")
        return -digits if sign else digits

    def _new_float(self, _level: int) -> float:
        self._meter.items(1)
        value = self._float()
        if not math.isfinite(value):
            raise MalformedError("a float that Erlang has not")
        return value

    def _binary(self, _level: int) -> str:
        content = self._take(self._number(4))
        self._meter.text(len(content), ascii_only=content.isascii())
        return content.decode()

    def _content(self) -> bytes:
        if self._take(1) != bytes([wire.BINARY]):
            raise MalformedError("a tag of bytes without a binary")
        size = self._count(4)
        self._meter.content(size)
        return self._take(size)

    def _nil(self, level: int) -> list[Any]:
        self._meter.container(0, level)
        return []

    def _string(self, level: int) -> list[int]:
        count = self._count(2)
        self._meter.container(count, level)
        return list(self._take(count))

    def _list(self, level: int) -> list[Any]:
        items = self._items(self._count(4), level)
        if self._take(1) != bytes([wire.NIL]):
            raise MalformedError("a list whose tail is no list")
        return items

    def _items(self, count: int, level: int) -> list[Any]:
        self._meter.container(count, level)
        return self._values(count, level + 1)

    def _values(self, count: int, level: int) -> list[Any]:
        read, items = self._read, []
        for _ in range(count):  # no comprehension, which is one frame of the stack more before Python 3.12
            items.append(read(level))  # noqa: PERF401 -- as said
        for item in items:
            if type(item) is _Atom:
                raise MalformedError(f"the atom '${item}' that is not the first of a pair")
        return items

    def _tuple(self, count: int, level: int) -> object:
        self._meter.container(count, level)
        if not count:
            return ()
        first = self._read(level + 1)
        if type(first) is _Atom:
            if count != 2:
                raise MalformedError(f"the tag '${first}' in a tuple of {count}")
            return self._tagged(first, level)
        return (first, *self._values(count - 1, level + 1))

    def _tagged(self, name: _Atom, level: int) -> object:
        if name in {"tuple", "dict"}:
            raise MalformedError(f"the tag '${name}', for which there is a type")
        if name == "bytes":
            return self._content()
        if name == "bytearray":
            return bytearray(self._content())
        payload = self._read(level)
        if type(payload) is _Atom:
            raise MalformedError(f"the atom '${payload}' that is not the first of a pair")
        if name == "float":
            return special(payload)
        return restore(str(name), payload, self._meter)

    def _map(self, level: int) -> dict[Any, Any]:
        count = self._count(4)
        self._meter.mapping(count, level)
        flat = self._values(2 * count, level + 1)
        return make_dict(flat[::2], flat[1::2], self._meter)

    def _atom(self, name: bytes) -> object:
        self._meter.items(1)
        text = name.decode("latin-1")  # those of the table are the same in both encodings
        if text not in _ATOMS:
            raise MalformedError(f"the atom {text[:40]!r}, which is no value here")
        return _ATOMS[text]
