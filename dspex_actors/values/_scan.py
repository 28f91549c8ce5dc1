"""An exact walk over a structure, in Python and without building anything.

It runs only where counting bytes cannot show that a structure is harmless: it takes about 0.1 microseconds an
item. It decides three things that MessagePack leaves open: how deep the value nests (a decoder recurses), how
much memory it takes, and that native maps have text keys only. The last matters because Python randomises the
hashes of text: with any other keys a sender could make every key collide, and a dict of n of them takes n * n
steps to build.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dspex_actors._errors import ValueDecodeError
from dspex_actors.values._budget import ENTRY, FLOAT, NUMBER, OPENER, SLOT, TEXT, Budget
from dspex_actors.values._extensions import CONTAINERS, PACKED_LISTS

_TEXT, _BIN, _EXT, _ARRAY, _MAP = range(5)
_TEXT_KEYS: Final = frozenset([*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB])
_ARRAYS: Final = frozenset([*range(0x90, 0xA0), 0xDC, 0xDD])


def _text_price(size: int) -> int:
    # One character of four bytes makes every other character of the string four bytes wide.
    return SLOT if size < 2 else max(TEXT, SLOT + 76 + 4 * (size - 3))  # noqa: PLR2004 -- single characters are shared


def _fixed_items() -> list[tuple[int, int]]:
    """Return `(bytes, price)` for each first byte of a fixed-size item; 0 bytes for all others."""
    table = [(0, 0)] * 256
    table[0x00:0x80] = [(1, SLOT)] * 128
    table[0xE0:0x100] = [(1, NUMBER)] * 32
    table[0xA0:0xC0] = [(1 + size, _text_price(size)) for size in range(32)]
    for byte in (0xC0, 0xC2, 0xC3):
        table[byte] = (1, SLOT)
    table[0xCA], table[0xCB] = (5, SLOT + FLOAT), (9, SLOT + FLOAT)
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


class _Header(NamedTuple):
    """An item that is not of fixed size: where its content starts, and how much there is of it."""

    kind: int
    start: int
    length: int  # bytes, or items of an array, or entries of a map
    code: int  # of an extension


def _header(data: bytes, at: int) -> _Header:
    found = _SIZED.get(data[at])
    if found is None:
        raise ValueDecodeError(f"byte 0x{data[at]:02x} at {at} starts no item")
    kind, width, length = found
    start = at + 1 + width
    if width:
        length = int.from_bytes(data[at + 1 : start], "big")
    if kind == _EXT:
        return _Header(kind, start + 1, length, data[start])
    return _Header(kind, start, length, 0)


def _leaf_price(data: bytes, item: _Header) -> int:
    size = item.length
    if item.kind == _TEXT:
        ascii_only = data[item.start : item.start + size].isascii()
        return TEXT + size if ascii_only else _text_price(size) + size
    return OPENER + 4 * size if item.kind == _EXT else TEXT + size


def _inside(data: bytes, item: _Header) -> tuple[_Header, int] | None:
    """Return the array that an extension consists of and where it has to end, or None if it is a leaf."""
    if item.code not in CONTAINERS:
        return None
    inner = _header(data, item.start) if data[item.start] in _SIZED else None
    if inner is not None and inner.kind == _ARRAY:
        return inner, item.start + item.length
    if inner is not None and inner.kind == _EXT and inner.code in PACKED_LISTS:
        return None
    raise ValueDecodeError(f"the container at {item.start} holds no list")


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
            item = _header(data, at)
            end = 0
            if item.kind == _EXT and (inner := _inside(data, item)) is not None:
                item, end = inner
            if item.kind < _ARRAY:
                price += _leaf_price(data, item)
                at = item.start + item.length
                continue
            outer.append((left, keyed, must_end))
            price += OPENER
            _check(price, len(outer), budget)
            keyed = item.kind == _MAP
            at, left, must_end = item.start, item.length * (2 if keyed else 1), end
            price += ENTRY * item.length if keyed else 0
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
