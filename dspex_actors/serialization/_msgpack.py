"""The format msgpack: the codec that values cross process boundaries with, as one block of bytes.

The body is a MessagePack value. Without large content it is the structure itself, an array of a number and
the value. Large content (arrays, long texts) stands beside the structure; the body is then an array of byte
strings, the structure first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ValueDecodeError
from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._errors import MalformedError, TooLargeError, TruncatedError
from dspex_actors.values import decode as decode_parts
from dspex_actors.values import encode as encode_parts
from dspex_actors.values import prepare
from dspex_actors.values._extensions import MAX_BUFFERS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARRAY: Final = 0xDC  # array, 16 bits of count
_BIN: Final = 0xC6  # byte string, 32 bits of size
_HEAD: Final = 3
_BIN_HEAD: Final = 5


def encode(value: object, bounds: Bounds = DEFAULT) -> bytes:
    """Return a value as MessagePack.

    Raises:
        ValueEncodeError: a part of the value has no form.
        TooLargeError: the body would exceed `bounds`.
    """
    parts = encode_parts(value, budget=bounds.budget)
    size = parts.size
    if size > min(bounds.raw_bytes, 2**32 - 1):
        raise TooLargeError("raw_bytes", size, min(bounds.raw_bytes, 2**32 - 1))
    if not parts.buffers:
        return parts.structure
    pieces: list[bytes | bytearray | memoryview] = [_head(_ARRAY, 1 + len(parts.buffers), 2)]
    for each in (parts.structure, *parts.buffers):
        pieces += (_head(_BIN, len(each), 4), each)
    return b"".join(pieces)


def _head(first: int, number: int, width: int) -> bytes:
    return bytes([first]) + number.to_bytes(width, "big")


def decode(body: bytes, bounds: Bounds = DEFAULT) -> object:
    """Return the value of MessagePack from anyone.

    Raises:
        DataError: it is not a value of this form, or exceeds its budget.
        TooLargeError: it exceeds `Bounds.raw_bytes`.
    """
    if len(body) > bounds.raw_bytes:
        raise TooLargeError("raw_bytes", len(body), bounds.raw_bytes)
    structure: bytes | memoryview = body
    buffers: tuple[memoryview, ...] = ()
    if body[:1] == bytes([_ARRAY]):
        structure, *rest = _parts(memoryview(body))
        buffers = tuple(rest)
    try:
        prepare(structure)
        return decode_parts(structure, buffers, budget=bounds.budget)
    except ValueDecodeError as error:
        raise MalformedError(error.reason) from None


def _parts(body: memoryview) -> Iterator[memoryview]:
    count = int.from_bytes(body[1:_HEAD], "big")
    if not 2 <= count <= MAX_BUFFERS + 1:
        raise MalformedError(f"an array of {count} byte strings")
    at = _HEAD
    for _ in range(count):
        if body[at : at + 1] != bytes([_BIN]):
            raise MalformedError(f"no byte string at byte {at}")
        start = at + _BIN_HEAD
        at = start + int.from_bytes(body[at + 1 : start], "big")
        if at > len(body):
            raise TruncatedError(at, len(body))
        yield body[start:at]
    if at != len(body):
        raise MalformedError(f"{len(body) - at} bytes after the last byte string")
