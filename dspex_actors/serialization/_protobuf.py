"""The format protobuf: the wire format of Protocol Buffers with the schema of `state.proto`; the writer.

Written and read by code of our own: a generated parser builds the whole message before anything can be
counted, and a message of two bytes takes a hundred in memory. Tests compare both directions with Google's
library.

`canonical` gives one encoding for equal values: entries of dicts and sets in the order of their bytes, one
NaN, arrays in C order.
"""

from __future__ import annotations

from hashlib import sha256
from math import isnan, nan
from struct import Struct, pack
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._shape import write
from dspex_actors.serialization._tags import Tagged

if TYPE_CHECKING:
    from collections.abc import Callable

# Fields of Value; every other message has fields 1 and 2 only.
NULL: Final = 1
BOOLEAN: Final = 2
INTEGER: Final = 3
BIG_INTEGER: Final = 4
NUMBER: Final = 5
TEXT: Final = 6
DATA: Final = 7
LIST: Final = 8
MAP: Final = 9
TAGGED: Final = 10
DOUBLES: Final = 11

# Wire types.
VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2

_ONLY_FLOAT: Final = {float}
_double: Final = Struct("<Bd").pack


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return a value as a message of the type `Value`.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the message would exceed `bounds`.
    """
    return write(value, bounds, _Writer().value)


def canonical(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return the one encoding that all equal values have, and no other value has.

    Equal means: of the same types all the way down, and equal. The order of dict entries and set items does
    not count, nor how an array lies in memory, nor which of the NaNs it is. `1`, `1.0` and `True` differ,
    `0.0` and `-0.0` too. The encoding can be read as the format protobuf.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the encoding would exceed `bounds`.
    """
    return write(value, bounds, _CanonicalWriter().value)


def content_hash(value: object, bounds: Bounds = DEFAULT) -> str:
    """Return the SHA-256 of the canonical encoding, in 64 hexadecimal digits: equal values, equal hashes.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the encoding would exceed `bounds`.
    """
    return sha256(canonical(value, bounds)).hexdigest()


def varint(number: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 in seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sized(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | BYTES]) + varint(len(content)) + content


class _Writer:
    """Writes trees of `_shape` in the order they have."""

    def value(self, tree: Any) -> bytes:  # noqa: ANN401 -- a tree of `_shape`
        """Return the content of one Value."""
        return self._writers[type(tree)](self, tree)

    def _none(self, _tree: None) -> bytes:
        return b"\x08\x01"

    def _bool(self, tree: bool) -> bytes:  # noqa: FBT001 -- the value to write
        return b"\x10\x01" if tree else b"\x10\x00"

    def _int(self, tree: int) -> bytes:
        if -(2**63) <= tree < 2**63:
            return bytes([INTEGER << 3]) + varint(tree << 1 if tree >= 0 else ~(tree << 1))
        return _sized(BIG_INTEGER, tree.to_bytes(tree.bit_length() // 8 + 1, "little", signed=True))

    def _float(self, tree: float) -> bytes:
        return _double(NUMBER << 3 | FIXED64, tree)

    def _str(self, tree: str) -> bytes:
        return _sized(TEXT, tree.encode())

    def _bytes(self, tree: bytes) -> bytes:
        return _sized(DATA, tree)

    def _list(self, tree: list[Any]) -> bytes:
        if set(map(type, tree)) == _ONLY_FLOAT:
            return _sized(DOUBLES, _sized(1, self._doubles(tree)))
        return _sized(LIST, b"".join([_sized(1, self.value(item)) for item in tree]))

    def _doubles(self, items: list[float]) -> bytes:
        return pack(f"<{len(items)}d", *items)

    def _dict(self, tree: dict[str, Any]) -> bytes:
        return self._map([(self._str(key), self.value(item)) for key, item in tree.items()])

    def _map(self, entries: list[tuple[bytes, bytes]]) -> bytes:
        return _sized(MAP, b"".join([_sized(1, _sized(1, key) + _sized(2, item)) for key, item in entries]))

    def _tagged(self, tree: Tagged) -> bytes:
        if tree.name == "dict":
            parts = [self.value(part) for part in tree.payload]  # type: ignore[attr-defined]  # a list
            return self._map(list(zip(parts[::2], parts[1::2], strict=True)))
        return _sized(TAGGED, _sized(1, tree.name.encode()) + _sized(2, self._payload(tree)))

    def _payload(self, tree: Tagged) -> bytes:
        return self.value(tree.payload)

    _writers: ClassVar[dict[type, Callable[[_Writer, Any], bytes]]] = {
        type(None): _none,
        bool: _bool,
        int: _int,
        float: lambda self, tree: self._float(tree),
        str: _str,
        bytes: _bytes,
        list: _list,
        dict: _dict,
        Tagged: _tagged,
    }


class _CanonicalWriter(_Writer):
    """Writes the same, in an order and in forms that depend on nothing but what the value equals."""

    def _float(self, tree: float) -> bytes:
        return super()._float(nan if isnan(tree) else tree)

    def _doubles(self, items: list[float]) -> bytes:
        return super()._doubles([nan if isnan(item) else item for item in items])

    def _map(self, entries: list[tuple[bytes, bytes]]) -> bytes:
        return super()._map(sorted(entries))

    def _payload(self, tree: Tagged) -> bytes:
        payload: Any = tree.payload
        if tree.name in {"set", "frozenset"}:
            items = sorted(self.value(item) for item in payload)
            return _sized(LIST, b"".join([_sized(1, item) for item in items]))
        if tree.name == "ndarray" or (tree.name == "scalar" and payload[0] != "U"):
            payload = _one_layout(payload)
        return self.value(payload)


def _one_layout(payload: list[Any]) -> list[Any]:
    """Return the payload of an array or scalar in C order, with one NaN and one NaT."""
    import numpy as np  # noqa: PLC0415 -- loaded already: the value is numpy's

    code, data = payload[0], payload[-1]
    if code == "S":
        return payload
    flat = np.frombuffer(data, code)
    if flat.dtype.kind in "fc":
        real = flat.view(flat.real.dtype)
        # `where` answers in the machine's order of bytes
        flat = np.where(np.isnan(real), np.array(nan, real.dtype), real).astype(real.dtype, copy=False)
    if len(payload) == 4 and payload[1] == "F":
        whole = flat.view(code).reshape(payload[2], order="F")
        return [code, "C", payload[2], np.ascontiguousarray(whole).tobytes()]
    return [*payload[:-1], flat.tobytes()]
