"""Terms as Python values: what guests return, read within bounds.

Counts and sizes are compared with the bytes that are left before anything is built, nesting and memory with
a budget. An atom is read as text, nothing is made of it. What Python has no value for is refused with the
path to it: processes, ports, references, functions, bitstrings, lists with a tail.
"""

from __future__ import annotations

from typing import Any, Final

from dspex_actors import values
from dspex_actors._errors import ValueEncodeError
from dspex_actors.values import _etf as wire
from dspex_actors.values._budget import FLOAT, NUMBER, OPENER, TEXT
from dspex_actors.values._extensions import MAX_INT_BYTES
from dspex_actors.workers.engines.elixir._structs import UnfitError, from_struct

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
    if term[:1] != bytes([wire.VERSION]):
        raise MalformedTermError("a term starts with the byte 131")
    return _Reader(bytes(term), budget).whole()


class _Reader(wire.TermReader):
    """The state of reading one term."""

    def __init__(self, data: bytes, budget: values.Budget) -> None:
        super().__init__(data, 1)
        self._budget = budget
        self._left = budget.memory_bytes
        self._path: list[str] = []

    def whole(self) -> Any:  # noqa: ANN401 -- plain data
        """Return the one term that ends where the data ends."""
        value = self._read(0)
        if self._at != len(self._data):
            raise MalformedTermError(f"{len(self._data) - self._at} bytes after the term")
        return value

    def _torn(self, needed: int) -> Exception:
        del needed
        return MalformedTermError("the term is cut short")

    def _refused(self, kind: int) -> Exception:
        name = wire.FOREIGN.get(kind)
        if name is None:
            return MalformedTermError(f"the kind {kind}, which is not known")
        return self._refusal(name, "Python has nothing for it")

    def _refusal(self, kind: str, reason: str) -> ValueEncodeError:
        return ValueEncodeError("value" + "".join(self._path), kind, reason)

    def _under(self, step: str) -> Any:  # noqa: ANN401 -- plain data
        self._path.append(step)
        if len(self._path) > self._budget.depth:
            raise self._refusal("term", f"nested more than {self._budget.depth} deep")
        value = self._read(len(self._path))
        self._path.pop()
        return value

    def _pay(self, size: int, kind: str) -> None:
        self._left -= size
        if self._left < 0:
            raise self._refusal(kind, f"the value would take more than {self._budget.memory_bytes} bytes")

    def _new_float(self, _level: int) -> float:
        self._pay(FLOAT, "float")
        return self._float()

    def _big(self, size: int) -> int:
        self._pay(NUMBER + 2 * size, "integer")
        if size > MAX_INT_BYTES:
            raise self._refusal("integer", f"it has {size} bytes, at most {MAX_INT_BYTES} cross")
        negative = self._take(1)[0]
        value = int.from_bytes(self._take(size), "little")
        return -value if negative else value

    def _binary(self, _level: int) -> str | bytes:
        size = self._count(4)
        self._pay(TEXT + size, "binary")
        content = self._take(size)
        try:
            text = content.decode()
        except UnicodeDecodeError:
            return content
        self._pay(0 if text.isascii() else 4 * size, "binary")
        return text

    def _nil(self, _level: int) -> list[Any]:
        self._pay(OPENER, "list")
        return []

    def _string(self, _level: int) -> list[int]:
        size = self._count(2)
        self._pay(OPENER + NUMBER * size, "list")
        return list(self._take(size))

    def _list(self, _level: int) -> list[Any]:
        count = self._count(4)
        self._pay(OPENER, "list")
        items = [self._under(f"[{index}]") for index in range(count)]
        if self._take(1) != bytes([wire.NIL]):
            raise self._refusal("list", "its tail is no list")
        return items

    def _tuple(self, count: int, _level: int) -> tuple[Any, ...]:
        self._pay(OPENER, "tuple")
        return tuple([self._under(f"[{index}]") for index in range(count)])

    def _map(self, _level: int) -> Any:  # noqa: ANN401 -- a struct may become anything plain
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

    def _atom(self, name: bytes) -> Any:  # noqa: ANN401 -- as above
        self._pay(TEXT + len(name), "atom")
        try:
            text = name.decode()
        except UnicodeDecodeError:
            text = name.decode("latin-1")  # the older form of an atom
        return wire.ATOMS.get(text, text.removeprefix(_MODULE))
