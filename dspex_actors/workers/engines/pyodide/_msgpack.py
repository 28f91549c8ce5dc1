"""MessagePack in plain Python, in place of msgspec's: for Pyodide there is no compiled msgspec.

It has what `dspex_actors.values` uses and no more, and behaves alike there: same bytes, same values, an
exception of the same family for what cannot be written or read.
"""

from __future__ import annotations

import struct
import sys
from array import array
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Forms = tuple[tuple[int, int, int], ...]

# For sizes below the first number: the first byte, and how many bytes of size come after it.
_TEXT: Final[Forms] = ((1 << 8, 0xD9, 1), (1 << 16, 0xDA, 2), (1 << 32, 0xDB, 4))
_BIN: Final[Forms] = ((1 << 8, 0xC4, 1), (1 << 16, 0xC5, 2), (1 << 32, 0xC6, 4))
_EXT: Final[Forms] = ((1 << 8, 0xC7, 1), (1 << 16, 0xC8, 2), (1 << 32, 0xC9, 4))
_LIST: Final[Forms] = ((1 << 16, 0xDC, 2), (1 << 32, 0xDD, 4))
_MAP: Final[Forms] = ((1 << 16, 0xDE, 2), (1 << 32, 0xDF, 4))
_UNSIGNED: Final[Forms] = ((1 << 8, 0xCC, 1), (1 << 16, 0xCD, 2), (1 << 32, 0xCE, 4), (1 << 64, 0xCF, 8))
_SIGNED: Final[Forms] = ((1 << 7, 0xD0, 1), (1 << 15, 0xD1, 2), (1 << 31, 0xD2, 4), (1 << 63, 0xD3, 8))
_FIXED_EXT: Final = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}

_FLOAT: Final = 0xCB
_FLOAT_BYTES: Final = 9
_ALIKE_FROM: Final = 16  # items from which on a list of floats is read and written as a whole
_double: Final = struct.Struct(">d")
_NUMBERS: Final = {
    0xCA: struct.Struct(">f"),
    0xCB: _double,
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_WIDTHS: Final = {first: width for forms in (_TEXT, _BIN, _EXT, _LIST, _MAP) for _, first, width in forms}


class ValidationError(ValueError):
    """A value is not of the type that was asked for."""


class Ext:
    """An extension.

    Args:
        code: its type.
        data: its payload.
    """

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes | bytearray | memoryview) -> None:
        self.code = code
        self.data = data


def convert(items: list[Any], _kind: object) -> list[Any]:
    """Return a list of floats as it is.

    Raises:
        ValidationError: there is anything but exact floats among the items.
    """
    if any(type(item) is not float for item in items):
        raise ValidationError("anything but floats")
    return items


class Encoder:
    """Writes MessagePack."""

    def encode(self, value: object) -> bytes:
        """Return a value as bytes.

        Raises:
            OverflowError: an int has more than 64 bits.
            UnicodeEncodeError: a text has a lone surrogate.
            TypeError: a value is of another type than those of MessagePack.
        """
        out: list[bytes] = []
        self._write(value, out.append)
        return b"".join(out)

    def _write(self, value: Any, add: Callable[[bytes], None]) -> None:  # noqa: ANN401, C901 -- any value; one branch a type
        kind = type(value)
        if kind is str:
            text = value.encode()
            add(_head(len(text), 0xA0, 32, _TEXT))
            add(text)
        elif kind is int:
            add(_whole(value))
        elif kind is float:
            add(b"\xcb" + _double.pack(value))
        elif kind is list or kind is tuple:
            self._write_list(value, add)
        elif kind is dict:
            add(_head(len(value), 0x80, 16, _MAP))
            for key, item in value.items():
                self._write(key, add)
                self._write(item, add)
        elif kind is Ext:
            add(_ext_head(value.code, len(value.data)))
            add(bytes(value.data))
        elif kind is bytes:
            add(_head(len(value), 0, 0, _BIN))
            add(value)
        elif value is None:
            add(b"\xc0")
        elif kind is bool:
            add(b"\xc3" if value else b"\xc2")
        else:
            message = f"{kind.__name__} is no type of MessagePack"
            raise TypeError(message)

    def _write_list(self, items: Any, add: Callable[[bytes], None]) -> None:  # noqa: ANN401 -- a list or tuple
        add(_head(len(items), 0x90, 16, _LIST))
        if len(items) >= _ALIKE_FROM and all(type(item) is float for item in items):
            add(_floats(items))
            return
        for item in items:
            self._write(item, add)


def _head(size: int, small: int, small_below: int, forms: Forms) -> bytes:
    """Return what stands before a text, a list and the like.

    Args:
        size: its bytes, items or entries.
        small: the byte that a small size is added to.
        small_below: the first size that is not small.
        forms: of other sizes.

    Raises:
        OverflowError: MessagePack has no size as large.
    """
    if size < small_below:
        return bytes([small + size])
    for below, first, width in forms:
        if size < below:
            return bytes([first]) + size.to_bytes(width, "big")
    raise OverflowError("too large for MessagePack")


def _whole(value: int) -> bytes:
    """Return an int as bytes.

    Raises:
        OverflowError: it has more than 64 bits.
    """
    if -32 <= value < 128:
        return (value & 0xFF).to_bytes(1, "big")
    size, forms = (value, _UNSIGNED) if value > 0 else (~value, _SIGNED)
    for below, first, width in forms:
        if size < below:
            return bytes([first]) + (value & ((1 << 8 * width) - 1)).to_bytes(width, "big")
    raise OverflowError("an int of more than 64 bits")


def _ext_head(code: int, size: int) -> bytes:
    fixed = _FIXED_EXT.get(size)
    head = bytes([fixed]) if fixed is not None else _head(size, 0, 0, _EXT)
    return head + (code & 0xFF).to_bytes(1, "big")


def _floats(items: list[float]) -> bytes:
    """Return floats, each with its first byte."""
    numbers = array("d", items)
    if sys.byteorder == "little":
        numbers.byteswap()
    plain = numbers.tobytes()
    out = bytearray(_FLOAT_BYTES * len(items))
    out[::_FLOAT_BYTES] = bytes([_FLOAT]) * len(items)
    for at in range(8):
        out[1 + at :: _FLOAT_BYTES] = plain[at::8]
    return bytes(out)


class Decoder:
    """Reads MessagePack.

    Args:
        _kind: of no use: whoever asks for plain types is given what has no extensions.
        ext_hook: makes a value of an extension's code and payload; None to refuse extensions and bytes.
    """

    def __init__(
        self, _kind: object = None, *, ext_hook: Callable[[int, memoryview], Any] | None = None
    ) -> None:
        self._ext_hook = ext_hook

    def decode(self, data: bytes | memoryview) -> Any:  # noqa: ANN401 -- any value
        """Return the value that some bytes are.

        Raises:
            ValueError: they are none, or more than one. IndexError and struct.error too.
        """
        view = memoryview(data).cast("B")
        value, end = self._read(view, 0)
        if end != len(view):
            raise ValueError("bytes after the value")
        return value

    def _read(self, view: memoryview, at: int) -> tuple[Any, int]:  # noqa: C901, PLR0911, PLR0912 -- one branch a type
        first = view[at]
        at += 1
        if first < 0x80:
            return first, at
        if first >= 0xE0:
            return first - 0x100, at
        if first in _NUMBERS:
            number = _NUMBERS[first]
            return number.unpack_from(view, at)[0], at + number.size
        if first in {0xC0, 0xC2, 0xC3}:
            return None if first == 0xC0 else first == 0xC3, at
        if 0xD4 <= first <= 0xD8:
            return self._extension(view, at, 1 << (first - 0xD4))
        if first < 0xC0:
            size = first & (0x0F if first < 0xA0 else 0x1F)
        elif first in _WIDTHS:
            width = _WIDTHS[first]
            size = int.from_bytes(_piece(view, at, width), "big")
            at += width
        else:
            raise ValueError("a first byte that MessagePack has not")
        if first < 0x90 or first >= 0xDE:
            return self._map(view, at, size)
        if first < 0xA0 or first >= 0xDC:
            return self._list(view, at, size)
        if first < 0xC0 or first >= 0xD9:
            return str(_piece(view, at, size), "utf-8"), at + size
        if first >= 0xC7:
            return self._extension(view, at, size)
        if self._ext_hook is None:
            raise ValueError("bytes in a plain value")
        return bytes(_piece(view, at, size)), at + size

    def _list(self, view: memoryview, at: int, count: int) -> tuple[list[Any], int]:
        end = at + _FLOAT_BYTES * count
        if count >= _ALIKE_FROM and end <= len(view):
            content = bytes(view[at:end])
            # The first item is a float and so has nine bytes, and so on.
            if content[::_FLOAT_BYTES].count(_FLOAT) == count:
                return _read_floats(content, count), end
        items = []
        for _ in range(count):
            item, at = self._read(view, at)
            items.append(item)
        return items, at

    def _map(self, view: memoryview, at: int, count: int) -> tuple[dict[str, Any], int]:
        found = {}
        for _ in range(count):
            key, at = self._read(view, at)
            if type(key) is not str:
                raise ValueError("a key that is no text")
            found[key], at = self._read(view, at)
        return found, at

    def _extension(self, view: memoryview, at: int, size: int) -> tuple[Any, int]:
        if self._ext_hook is None:
            raise ValueError("an extension in a plain value")
        code = view[at] - 256 if view[at] > 127 else view[at]  # it is signed
        return self._ext_hook(code, _piece(view, at + 1, size)), at + 1 + size


def _piece(view: memoryview, at: int, size: int) -> memoryview:
    """Return some bytes.

    Raises:
        ValueError: there are not as many.
    """
    if at + size > len(view):
        raise ValueError("it ends in the middle of a value")
    return view[at : at + size]


def _read_floats(content: bytes, count: int) -> list[float]:
    """Return floats, each of which has its first byte."""
    plain = bytearray(8 * count)
    for at in range(8):
        plain[at::8] = content[1 + at :: _FLOAT_BYTES]
    numbers = array("d", bytes(plain))
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers.tolist()


def stand_in() -> dict[str, ModuleType]:
    """Return the modules, by name, that this one is to stand in for."""
    outer, inner = ModuleType("msgspec"), ModuleType("msgspec.msgpack")
    outer.__dict__.update(ValidationError=ValidationError, convert=convert, msgpack=inner)
    inner.__dict__.update(Decoder=Decoder, Encoder=Encoder, Ext=Ext)
    return {each.__name__: each for each in (outer, inner)}
