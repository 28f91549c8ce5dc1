"""Terms as Python values: what guests return, read within bounds.

Counts and sizes are compared with the bytes that are left before anything is built, nesting and memory with
a budget. An atom is read as text, nothing is made of it. What Python has no value for is refused with the
path to it: processes, ports, references, functions, bitstrings, lists with a tail.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, ClassVar, Final

from dspex_actors import values
from dspex_actors._errors import ValueEncodeError
from dspex_actors.values._budget import FLOAT, NUMBER, OPENER, TEXT
from dspex_actors.values._extensions import MAX_INT_BYTES
from dspex_actors.workers.engines.elixir import _etf as wire
from dspex_actors.workers.engines.elixir._structs import UnfitError, from_struct

if TYPE_CHECKING:
    from collections.abc import Callable

_float: Final = Struct(">d").unpack_from

_REFUSED: Final = {
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
_ATOMS: Final[dict[str, Any]] = {"nil": None, "true": True, "false": False}
_OF_ATOMS: Final = frozenset({wire.ATOM, wire.SMALL_ATOM, wire.ATOM_UTF8, wire.SMALL_ATOM_UTF8})
_STRUCT: Final = "__struct__"
_MODULE: Final = "Elixir."  # before the name of each module of Elixir's, which is not written


class MalformedTermError(ValueError):
    """What claims to be a term is none."""


def decode(term: bytes | memoryview, budget: values.Budget = values.DEFAULT_BUDGET) -> Any:  # noqa: ANN401 -- plain data
    """Return the value of an external term.

    Args:
        term: from anyone.
        budget: how deep it may nest and what it may take.

    Raises:
        ValueEncodeError: a part of it has no value in Python, or exceeds the budget; says which.
        MalformedTermError: it is not a term.
    """
    reader = _Reader(bytes(term), budget)
    if term[:1] != bytes([wire.VERSION]):
        raise MalformedTermError("a term starts with the byte 131")
    value = reader.read()
    reader.end()
    return value


class _Reader:
    """The state of reading one term."""

    def __init__(self, data: bytes, budget: values.Budget) -> None:
        self._data = data
        self._at = 1
        self._budget = budget
        self._left = budget.memory_bytes
        self._path: list[str] = []

    def end(self) -> None:
        """Check that nothing follows.

        Raises:
            MalformedTermError: something does.
        """
        if self._at != len(self._data):
            raise MalformedTermError(f"{len(self._data) - self._at} bytes after the term")

    def read(self) -> Any:  # noqa: ANN401 -- plain data
        """Return the value that starts here.

        Raises:
            ValueEncodeError, MalformedTermError: see `decode`.
        """
        if self._at >= len(self._data):
            raise MalformedTermError("the term is cut short")
        kind = self._data[self._at]
        read = self._readers.get(kind)
        if read is None:
            name = _REFUSED.get(kind)
            if name is None:
                raise MalformedTermError(f"the kind {kind}, which is not known")
            raise self._refusal(name, "Python has nothing for it")
        self._at += 1
        return read(self)

    def _refusal(self, kind: str, reason: str) -> ValueEncodeError:
        return ValueEncodeError("value" + "".join(self._path), kind, reason)

    def _under(self, step: str) -> Any:  # noqa: ANN401 -- plain data
        self._path.append(step)
        if len(self._path) > self._budget.depth:
            raise self._refusal("term", f"nested more than {self._budget.depth} deep")
        value = self.read()
        self._path.pop()
        return value

    def _pay(self, size: int, kind: str) -> None:
        self._left -= size
        if self._left < 0:
            raise self._refusal(kind, f"the value would take more than {self._budget.memory_bytes} bytes")

    def _take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise MalformedTermError("the term is cut short")
        return self._data[start : self._at]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "big")

    def _count(self, width: int) -> int:
        """Read a count of items, each of which takes at least one byte.

        Raises:
            MalformedTermError: there are fewer bytes left.
        """
        count = self._number(width)
        if count > len(self._data) - self._at:
            raise MalformedTermError("the term is cut short")
        return count

    def _new_float(self) -> float:
        self._pay(FLOAT, "float")
        return float(_float(self._take(8))[0])

    def _small_integer(self) -> int:
        self._pay(NUMBER, "integer")
        return self._take(1)[0]

    def _integer(self) -> int:
        self._pay(NUMBER, "integer")
        return int.from_bytes(self._take(4), "big", signed=True)

    def _small_big(self) -> int:
        return self._big(self._number(1))

    def _large_big(self) -> int:
        return self._big(self._count(4))

    def _big(self, size: int) -> int:
        self._pay(NUMBER + 2 * size, "integer")
        if size > MAX_INT_BYTES:
            raise self._refusal("integer", f"it has {size} bytes, at most {MAX_INT_BYTES} cross")
        negative = self._take(1)[0]
        value = int.from_bytes(self._take(size), "little")
        return -value if negative else value

    def _binary(self) -> str | bytes:
        size = self._count(4)
        self._pay(TEXT + size, "binary")
        content = self._take(size)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content
        self._pay(0 if text.isascii() else 4 * size, "binary")
        return text

    def _nil(self) -> list[Any]:
        self._pay(OPENER, "list")
        return []

    def _string(self) -> list[int]:
        size = self._count(2)
        self._pay(OPENER + NUMBER * size, "list")
        return list(self._take(size))

    def _list(self) -> list[Any]:
        count = self._count(4)
        self._pay(OPENER, "list")
        items = [self._under(f"[{index}]") for index in range(count)]
        if self._take(1) != bytes([wire.NIL]):
            raise self._refusal("list", "its tail is no list")
        return items

    def _small_tuple(self) -> tuple[Any, ...]:
        return self._tuple(self._number(1))

    def _large_tuple(self) -> tuple[Any, ...]:
        return self._tuple(self._count(4))

    def _tuple(self, count: int) -> tuple[Any, ...]:
        self._pay(OPENER, "tuple")
        return tuple([self._under(f"[{index}]") for index in range(count)])

    def _map(self) -> Any:  # noqa: ANN401 -- a struct may become anything plain
        count = self._count(4)
        self._pay(OPENER, "map")
        found: dict[Any, Any] = {}
        struct = None
        for _ in range(count):
            is_atom = self._data[self._at : self._at + 1] and self._data[self._at] in _OF_ATOMS
            key = self._under("'s key")
            try:
                hash(key)
            except TypeError:
                raise self._refusal("map", "a key of it is no key in Python") from None
            if key in found:
                raise self._refusal("map", f"two of its keys are {key!r:.40} in Python")
            found[key] = self._under(f"[{key!r:.40}]")
            if is_atom and key == _STRUCT:
                struct = found[key]
        if type(struct) is not str:
            return found
        try:
            return from_struct(struct, found)
        except UnfitError as unfit:
            raise self._refusal(struct, str(unfit)) from None

    def _small_atom(self) -> Any:  # noqa: ANN401 -- None, a bool or text
        return self._atom(self._take(self._number(1)))

    def _large_atom(self) -> Any:  # noqa: ANN401 -- as above
        return self._atom(self._take(self._number(2)))

    def _atom(self, name: bytes) -> Any:  # noqa: ANN401 -- as above
        self._pay(TEXT + len(name), "atom")
        try:
            text = name.decode()
        except UnicodeDecodeError:
            text = name.decode("latin-1")  # the older form of an atom
        return _ATOMS.get(text, text.removeprefix(_MODULE))

    _readers: ClassVar[dict[int, Callable[[_Reader], Any]]] = {
        wire.NEW_FLOAT: _new_float,
        wire.SMALL_INTEGER: _small_integer,
        wire.INTEGER: _integer,
        wire.ATOM: _large_atom,
        wire.SMALL_TUPLE: _small_tuple,
        wire.LARGE_TUPLE: _large_tuple,
        wire.NIL: _nil,
        wire.STRING: _string,
        wire.LIST: _list,
        wire.BINARY: _binary,
        wire.SMALL_BIG: _small_big,
        wire.LARGE_BIG: _large_big,
        wire.SMALL_ATOM: _small_atom,
        wire.MAP: _map,
        wire.ATOM_UTF8: _large_atom,
        wire.SMALL_ATOM_UTF8: _small_atom,
    }
