"""An exact walk over a structure, in Python and without building anything.

It runs only where counting bytes cannot show that a structure is harmless: it takes about 0.1 microseconds an
item. It decides three things that MessagePack leaves open: how deep the value nests (a decoder recurses), how
much memory it takes, and that native maps have text keys only. The last matters because Python randomises the
hashes of text: with any other keys a sender could make every key collide, and a dict of n of them takes n * n
steps to build.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from dspex_actors._errors import ValueDecodeError
from dspex_actors.values._budget import ENTRY, FLOAT, NUMBER, OPENER, SLOT, TEXT, Budget
from dspex_actors.values._extensions import CONTAINERS, PACKED_LISTS

_TEXT, _BIN, _EXT, _ARRAY, _MAP = range(5)
_TEXT_KEYS: Final = frozenset([*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB])


def _text_price(size: int) -> int:
    # One character of four bytes makes every other character of the string four bytes wide.
    return SLOT if size < 2 else max(TEXT, SLOT + 76 + 4 * (size - 3))


def _fixed_items() -> list[tuple[int, int]]:
    """Return `(bytes, price)` for each first byte of a fixed-size item; 0 bytes for all others."""
    table = [(0, 0)] * 256
    table[0x00:0x80] = [(1, SLOT)] * 128
    table[0xE0:0x100] = [(1, NUMBER)] * 32
    table[0xA0:0xC0] = [(1 + size, _text_price(size)) for size in range(32)]
    for byte in (0xC0, 0xC2, 0xC3):
        table[byte] = (1, SLOT)
    table[0xCA], table[0xCB] = (5, FLOAT), (9, FLOAT)
    for byte, size in zip(range(0xCC, 0xD4), (1, 2, 4, 8) * 2, strict=True):
        table[byte] = (1 + size, NUMBER)
    return table


def _sized_items() -> dict[int, tuple[int, int, int]]:
    """Return `(kind, width of the length field, length where there is none)` by first byte."""
    table = {0x80 + n: (_MAP, 0, n) for n in range(16)} | {0x90 + n: (_ARRAY, 0, n) for n in range(16)}
    table |= {0xD4 + n: (_EXT, 0, 2**n) for n in range(5)}
    for first, kind, widths in (
        (0xC4, _BIN, (1, 2, 4)),
        (0xC7, _EXT, (1, 2, 4)),
        (0xD9, _TEXT, (1, 2, 4)),
        (0xDC, _ARRAY, (2, 4)),
        (0xDE, _MAP, (2, 4)),
    ):
        table |= {first + n: (kind, width, 0) for n, width in enumerate(widths)}
    return table


_FIXED: Final = _fixed_items()
_SIZED: Final = _sized_items()


_Item: TypeAlias = tuple[
    int, int, int, int
]  # kind, start of the content, its bytes or items or entries, code


def _header(data: bytes, at: int) -> _Item:
    """Read the header of an item that is not of fixed size."""
    found = _SIZED.get(data[at])
    if found is None:
        raise ValueDecodeError(f"byte 0x{data[at]:02x} at {at} starts no item")
    kind, width, length = found
    start = at + 1 + width
    if width:
        length = int.from_bytes(data[at + 1 : start], "big")
    if kind == _EXT:
        return kind, start + 1, length, data[start]
    return kind, start, length, 0


def _leaf_price(data: bytes, kind: int, start: int, size: int) -> int:
    if kind == _TEXT:
        ascii_only = data[start : start + size].isascii()
        return TEXT + size if ascii_only else _text_price(size) + size
    return OPENER + 4 * size if kind == _EXT else TEXT + size


def _inside(data: bytes, start: int) -> _Item | None:
    """Return the array that an extension for a container holds, or None if it holds a packed list."""
    if data[start] in _SIZED:
        inner = _header(data, start)
        if inner[0] == _ARRAY:
            return inner
        if inner[0] == _EXT and inner[3] in PACKED_LISTS:
            return None
    raise ValueDecodeError(f"the container at {start} holds no list")


def scan(data: bytes, budget: Budget) -> int:
    """Walk a structure's value and return an upper bound of the memory it takes decoded, without buffers.

    Raises:
        ValueDecodeError: the structure is not well-formed, nests deeper than the budget, has a native map
            with a key that is not text, or takes more memory than the budget.
    """
    try:
        return _walk(data, budget)
    except IndexError:
        raise ValueDecodeError("the structure ends in the middle of a value") from None


def _walk(data: bytes, budget: Budget) -> int:
    at, left, keyed, must_end = 2, 1, False, len(data)  # two bytes: the array of two, and the head
    price = 0
    outer: list[tuple[int, bool, int]] = []
    while True:
        while left:
            left -= 1
            byte = data[at]
            if keyed and left & 1 and byte not in _TEXT_KEYS:
                raise ValueDecodeError(f"a native map has a key that is not text at byte {at}")
            size, cost = _FIXED[byte]
            price += cost
            if size:
                at += size
                continue
            kind, start, length, code = _header(data, at)
            end = 0
            if code in CONTAINERS and (inner := _inside(data, start)) is not None:
                end = start + length
                kind, start, length, _ = inner
            if kind < _ARRAY:
                price += _leaf_price(data, kind, start, length)
                _check(price, 0, budget)
                at = start + length
                continue
            outer.append((left, keyed, must_end))
            keyed = kind == _MAP
            at, left, must_end = start, length * (2 if keyed else 1), end
            price += OPENER + (ENTRY * length if keyed else 0)
            _check(price + SLOT * left, len(outer), budget)  # no item costs less than its slot
        if must_end and at != must_end:
            raise ValueDecodeError(f"the container that ends at byte {at} should end at {must_end}")
        if not outer:
            _check(price, 0, budget)
            return price
        left, keyed, must_end = outer.pop()


def _check(price: int, depth: int, budget: Budget) -> None:
    if depth > budget.depth:
        raise ValueDecodeError(f"the value is nested deeper than {budget.depth} levels")
    if price > budget.memory_bytes:
        raise ValueDecodeError(
            f"the value takes more than the {budget.memory_bytes} bytes it may take in memory"
        )
