"""Erlang's External Term Format: its kinds, sizes and numbers, whatever a term means to those who use it.

Those who write build a term with the functions here; those who read extend `TermReader`, which sees to it
that no count or size is believed before it was compared with the bytes that are left. Atoms are written as
OTP 26 does by default; older releases read them, and write them in an older form. Source: Erlang/OTP 25, ERTS
User's Guide, "External Term Format".
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dspex_actors.values._budget import NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = 131
COMPRESSED: Final = 80

# Kinds of terms, by their names in Erlang's guide.
NEW_FLOAT: Final = 70
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

MARK: Final = "$"  # before the name of what stands for a value that Erlang has not
ATOMS: Final[dict[str, bool | None]] = {"nil": None, "true": True, "false": False}

# What has no value outside of Erlang; and what only its own nodes and old releases write.
FOREIGN: Final = {
    77: "bitstring",
    88: "pid",
    89: "port",
    90: "reference",
    101: "reference",
    102: "port",
    103: "pid",
    112: "function",
    113: "function",
    114: "reference",
    117: "function",
    120: "port",
}
UNUSUAL: Final = {82: "cached atom", 99: "float in the form of 1998", 121: "local term"}

_METHODS: Final = {
    NEW_FLOAT: "_new_float",
    SMALL_INTEGER: "_small_integer",
    INTEGER: "_integer",
    ATOM: "_large_atom",
    SMALL_TUPLE: "_small_tuple",
    LARGE_TUPLE: "_large_tuple",
    NIL: "_nil",
    STRING: "_string",
    LIST: "_list",
    BINARY: "_binary",
    SMALL_BIG: "_small_big",
    LARGE_BIG: "_large_big",
    SMALL_ATOM: "_small_atom",
    MAP: "_map",
    ATOM_UTF8: "_large_atom",
    SMALL_ATOM_UTF8: "_small_atom",
}

_size: Final = Struct(">BI").pack
_int: Final = Struct(">Bi").pack
_put_float: Final = Struct(">Bd").pack
_get_float: Final = Struct(">d").unpack_from


def put_size(kind: int, size: int, out: bytearray) -> None:
    """Append the head of a list, a map or a large tuple of `size` items or entries."""
    out += _size(kind, size)


def put_tuple(size: int, out: bytearray) -> None:
    """Append the head of a tuple of `size` items."""
    out += bytes([SMALL_TUPLE, size]) if size < 256 else _size(LARGE_TUPLE, size)


def put_atom(name: str, out: bytearray) -> None:
    """Append an atom whose name has at most 255 bytes."""
    out += bytes([SMALL_ATOM_UTF8, len(name)]) + name.encode()


def put_none(_value: None, out: bytearray) -> None:
    """Append `nil`."""
    put_atom("nil", out)


def put_bool(value: bool, out: bytearray) -> None:  # noqa: FBT001 -- the value to write
    """Append `true` or `false`."""
    put_atom("true" if value else "false", out)


def put_int(value: int, out: bytearray) -> None:
    """Append an integer of any size."""
    if 0 <= value <= 255:
        out += bytes([SMALL_INTEGER, value])
    elif -(2**31) <= value < 2**31:
        out += _int(INTEGER, value)
    else:
        digits = abs(value).to_bytes((value.bit_length() + 7) // 8, "little")
        out += bytes([SMALL_BIG, len(digits)]) if len(digits) < 256 else _size(LARGE_BIG, len(digits))
        out.append(value < 0)
        out += digits


def put_float(value: float, out: bytearray) -> None:
    """Append a float that is finite: Erlang has no others."""
    out += _put_float(NEW_FLOAT, value)


def put_binary(content: bytes | bytearray, out: bytearray) -> None:
    """Append a binary."""
    out += _size(BINARY, len(content))
    out += content


class TermReader:
    """A place in a term from anyone. A subclass has a method for each kind, called with the level it is at.

    Args:
        data: the term.
        at: where to begin.
    """

    _readers: ClassVar[dict[int, Callable[[Any, int], Any]]]

    def __init_subclass__(cls) -> None:
        cls._readers = {kind: getattr(cls, name) for kind, name in _METHODS.items()}

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at

    def _torn(self, needed: int) -> Exception:
        """Return the error for a term that has fewer than `needed` bytes."""
        raise NotImplementedError

    def _refused(self, kind: int) -> Exception:
        """Return the error for a kind that is not read."""
        raise NotImplementedError

    def _pay(self, price: int, kind: str) -> None:
        """Count `price` bytes of memory for a value that is about to be made; `kind` is for people."""
        raise NotImplementedError

    def _big(self, size: int) -> int:
        """Read the sign and `size` bytes of an integer."""
        raise NotImplementedError

    def _tuple(self, count: int, level: int) -> Any:  # noqa: ANN401 -- any value
        """Read the items of a tuple."""
        raise NotImplementedError

    def _atom(self, name: bytes) -> Any:  # noqa: ANN401 -- any value
        """Return what an atom stands for."""
        raise NotImplementedError

    def _read(self, level: int) -> Any:  # noqa: ANN401 -- any value
        """Return the value that starts here, `level` containers below the whole."""
        if self._at >= len(self._data):
            raise self._torn(self._at + 1)
        kind = self._data[self._at]
        read = self._readers.get(kind)
        if read is None:
            raise self._refused(kind)
        self._at += 1
        return read(self, level)

    def _take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise self._torn(self._at)
        return self._data[start : self._at]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _count(self, width: int) -> int:
        """Read a count of items, each of which takes at least one byte."""
        count = self._number(width)
        if count > len(self._data) - self._at:
            raise self._torn(self._at + count)
        return count

    def _small_integer(self, _level: int) -> int:
        self._pay(NUMBER, "integer")
        return self._take(1)[0]

    def _integer(self, _level: int) -> int:
        self._pay(NUMBER, "integer")
        return int.from_bytes(self._take(4), "big", signed=True)

    def _small_big(self, _level: int) -> int:
        return self._big(self._number(1))

    def _large_big(self, _level: int) -> int:
        return self._big(self._count(4))

    def _float(self) -> float:
        value: float = _get_float(self._take(8))[0]
        return value

    def _small_tuple(self, level: int) -> Any:  # noqa: ANN401 -- any value
        return self._tuple(self._count(1), level)

    def _large_tuple(self, level: int) -> Any:  # noqa: ANN401 -- as above
        return self._tuple(self._count(4), level)

    def _small_atom(self, _level: int) -> Any:  # noqa: ANN401 -- as above
        return self._atom(self._take(self._number(1)))

    def _large_atom(self, _level: int) -> Any:  # noqa: ANN401 -- as above
        return self._atom(self._take(self._number(2)))
