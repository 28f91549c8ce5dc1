"""Bytes from an untrusted sender become a value.

Guarantees, for any input whatever: a value or `ValueDecodeError`; no import, no pickle, no compilation, no
class found by name; memory within the budget beside the input itself; time linear in the input.

How: a structure whose head says it is plain goes through a decoder that knows only plain types, nested at
most six deep. Any other is decoded by extension types, but only after it was shown, by counting bytes or by
an exact walk, that it does not nest too deeply and has no keys but text in native maps. Content beside the
structure is priced before it is built.
"""

from __future__ import annotations

import struct
import sys
from array import array
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from msgspec.msgpack import Decoder

from dspex_actors._errors import ValueDecodeError
from dspex_actors.values import _extensions as wire
from dspex_actors.values._budget import DEFAULT, KEY, Budget
from dspex_actors.values._floats import unpack
from dspex_actors.values._hashes import collide
from dspex_actors.values._leaves import LOADERS, make_fraction, make_range
from dspex_actors.values._numpy import array_head, load_array, load_scalar
from dspex_actors.values._prices import content_price, count_openers, is_surely_cheap, structure_price
from dspex_actors.values._scan import scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

# What msgspec and the readers raise on bytes that are not a value.
_FAULTS: Final = (ArithmeticError, LookupError, RecursionError, TypeError, ValueError, struct.error)


def _plain_decoder() -> Decoder[tuple[int, Any]]:
    scalar = None | bool | int | float | str
    level: Any = scalar
    for _ in range(wire.PLAIN_DEPTH):
        level = scalar | list[level] | dict[str, level]
    return Decoder(tuple[int, level])


_PLAIN: Final = _plain_decoder()


def needs_numpy(structure: bytes | memoryview) -> bool:
    """Return whether the structure says that it holds numpy data. Any bytes may be passed."""
    return len(structure) > 1 and bool(structure[1] & wire.NEEDS_NUMPY)


def prepare(structure: bytes | memoryview) -> None:
    """Import what decoding this structure needs, which is numpy or nothing: `decode` itself imports nothing.

    Raises:
        ValueDecodeError: numpy is needed and not installed.
    """
    if needs_numpy(structure) and sys.modules.get("numpy") is None:
        try:
            import_module("numpy")
        except ImportError:
            raise ValueDecodeError("the value holds numpy data and numpy is not installed here") from None


def decode(
    structure: bytes | memoryview,
    buffers: Sequence[bytes | bytearray | memoryview],
    *,
    budget: Budget = DEFAULT,
    opaque: Callable[[bytes], object] | None = None,
) -> Any:  # noqa: ANN401 -- a value of any type that can cross
    """Return the value that `encode` made these parts from.

    The parts may come from anyone. An array is a view of its buffer if that is writable, else a copy;
    everything else is a copy. Call `prepare` first where values may hold numpy data.

    Args:
        structure: the MessagePack structure.
        buffers: the content beside it, one block of bytes each.
        budget: what the value may cost.
        opaque: makes an opaque value from its bytes, for example `pickle.loads`. Pass it only for a sender
            you trust; without it an opaque value is refused.

    Raises:
        ValueDecodeError: the parts are not a value, exceed the budget, hold an opaque value that cannot be
            made, or hold numpy data and numpy is not loaded.
    """
    body = bytes(structure)
    if len(body) < 3 or body[0] != wire.PAIR or body[1] & wire.FORMAT_MASK != wire.FORMAT:
        raise ValueDecodeError("the structure does not start as one of this format")
    try:
        return _decode_body(body, buffers, budget, opaque)
    except _FAULTS as fault:
        raise ValueDecodeError(_reason(fault)) from None


def _reason(fault: Exception) -> str:
    return str(fault).removeprefix("MessagePack data is malformed: ") or type(fault).__name__


def _decode_body(
    body: bytes,
    buffers: Sequence[bytes | bytearray | memoryview],
    budget: Budget,
    opaque: Callable[[bytes], object] | None,
) -> Any:  # noqa: ANN401 -- a value of any type that can cross
    plain = body[1] & wire.PLAIN and budget.depth >= wire.PLAIN_DEPTH
    if plain and is_surely_cheap(body, budget):
        return _plain_value(body, buffers)
    openers = count_openers(body)
    price = structure_price(body, openers, budget)
    if plain:
        return _plain_value(body, buffers)
    if openers - 1 > budget.depth:
        scan(body, budget)
    reader = _Reader(buffers, budget.memory_bytes - price, opaque)
    try:
        return reader.read(body)
    finally:
        reader.close()


def _plain_value(body: bytes, buffers: Sequence[bytes | bytearray | memoryview]) -> Any:  # noqa: ANN401 -- as above
    if buffers:
        raise ValueDecodeError(f"{len(buffers)} buffers beside a plain structure")
    return _PLAIN.decode(body)[1]


class _Reader:
    """The state of decoding one structure with extensions."""

    def __init__(
        self,
        buffers: Sequence[bytes | bytearray | memoryview],
        memory_left: int,
        opaque: Callable[[bytes], object] | None,
    ) -> None:
        self._buffers = buffers
        self._next = 0
        self._memory_left = memory_left
        self._opaque = opaque
        self._decoder: Decoder[Any] = Decoder(ext_hook=self._extension)

    def read(self, body: bytes) -> object:
        value = self._decoder.decode(body)[1]
        if self._next != len(self._buffers):
            raise ValueDecodeError(f"{len(self._buffers)} buffers, and the structure uses {self._next}")
        return value

    def close(self) -> None:
        """Break the cycle through the hook, which would keep the buffers until the next collection."""
        del self._decoder

    def _extension(self, code: int, data: memoryview) -> object:
        if (load := LOADERS.get(code)) is not None:
            return load(data)
        if code in wire.CONTAINERS:
            return self._container(code, self._items(data))
        if code == wire.NUMPY_SCALAR:
            return load_scalar(_loaded_numpy(), data)
        kind = code & ~wire.BESIDE
        if kind == wire.NDARRAY:
            head = array_head(data)
            return load_array(_loaded_numpy(), head, self._content(code, head[-1]))
        return self._content_value(kind, self._content(code, data))

    def _items(self, data: memoryview) -> list[Any]:
        items = self._decoder.decode(data)
        if type(items) is not list:
            raise ValueDecodeError("a container holds no list")
        return items

    def _container(self, code: int, items: list[Any]) -> object:
        if code == wire.TUPLE:
            return tuple(items)
        if code == wire.RANGE:
            return make_range(items)
        if code == wire.FRACTION:
            return make_fraction(items)
        keys = items[::2] if code == wire.DICT else items
        self._pay(KEY * len(keys))
        if collide(keys):
            raise ValueDecodeError("too many keys have one hash")
        if code == wire.DICT:
            return dict(zip(keys, items[1::2], strict=True))
        return set(keys) if code == wire.SET else frozenset(keys)

    def _content(self, code: int, inline: memoryview) -> memoryview:
        """Return the content of an extension, inline or from the next buffer, after paying for it."""
        if code & wire.BESIDE:
            if inline or self._next == len(self._buffers):
                raise ValueDecodeError("an extension without a buffer, or with content of its own beside it")
            inline = memoryview(self._buffers[self._next]).cast("B")
            self._next += 1
        self._pay(content_price(code & ~wire.BESIDE, len(inline)))
        return inline

    def _pay(self, price: int) -> None:
        self._memory_left -= price
        if self._memory_left < 0:
            raise ValueDecodeError("the value takes more memory than its budget")

    def _content_value(self, kind: int, content: memoryview) -> object:
        if (make := _MAKERS.get(kind)) is not None:
            return make(content)
        if kind == wire.OPAQUE:
            return self._opaque_value(bytes(content))
        raise ValueDecodeError(f"an extension of the unknown kind {kind}")

    def _opaque_value(self, content: bytes) -> object:
        if self._opaque is None:
            raise ValueDecodeError("an opaque value, which this side does not accept")
        try:
            return self._opaque(content)
        except Exception as error:  # unpickling runs the trusted sender's code, which may raise anything
            reason = f"an opaque value cannot be made here: {type(error).__name__}: {error}"
            raise ValueDecodeError(reason) from error


def _ints(content: memoryview) -> list[int]:
    if sys.byteorder == "little":
        return content.cast("q").tolist()
    numbers = array("q")
    numbers.frombytes(content)
    numbers.byteswap()
    return numbers.tolist()


def _ascii(content: memoryview) -> str:
    return str(content, "ascii")


def _utf8(content: memoryview) -> str:
    return str(content, "utf-8")


_MAKERS: Final[dict[int, Callable[[memoryview], object]]] = {
    wire.BYTES: bytes,
    wire.BYTEARRAY: bytearray,
    wire.FLOATS: unpack,
    wire.INTS: _ints,
    wire.ASCII: _ascii,
    wire.TEXT: _utf8,
}


def _loaded_numpy() -> ModuleType:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        raise ValueDecodeError("the value holds numpy data and numpy is not loaded: call prepare first")
    return numpy
