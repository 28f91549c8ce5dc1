"""The estimate of what a structure and its buffers take in memory once decoded, without parsing either."""

from __future__ import annotations

from typing import Final

from dspex_actors.values import _extensions as wire
from dspex_actors.values._budget import FLOAT, NUMBER, OPENER, SLOT, TEXT, Budget
from dspex_actors.values._scan import scan

_OPENER_BYTES: Final = bytes([*range(0x80, 0xA0), *range(0xDC, 0xE0), *range(0xC7, 0xCA), *range(0xD4, 0xD9)])
_WIDE_BYTES: Final = bytes(range(0x80, 0x100))
_GUESS_UP_TO: Final = 16 * 1024  # bytes of structure that are not worth counting


def count_openers(structure: bytes) -> int:
    """Return the number of bytes that could open a container or an extension: at least as many as do."""
    return len(structure) - len(structure.translate(None, _OPENER_BYTES))


def is_surely_cheap(structure: bytes, budget: Budget) -> bool:
    """Return whether a structure takes half of a budget at most, whatever its bytes are."""
    return len(structure) * OPENER <= budget.memory_bytes // 2


def structure_price(structure: bytes, openers: int, budget: Budget) -> int:
    """Return an upper bound of the memory that the objects of `structure` take, without its buffers.

    Counts bytes by class, which takes about a nanosecond a byte. If that bound is more than half of the
    budget, an exact walk decides instead.

    Raises:
        ValueDecodeError: the exact walk was needed and found a fault, see `scan`.
    """
    size = len(structure)
    if size <= _GUESS_UP_TO and size * OPENER <= budget.memory_bytes // 2:
        return size * OPENER
    price = openers * OPENER + (size - openers) * TEXT
    if price > budget.memory_bytes // 2:
        narrow = len(structure.translate(None, _WIDE_BYTES))
        price = openers * OPENER + (size - narrow - openers) * TEXT + narrow * SLOT
    if price > budget.memory_bytes // 2:
        price = scan(structure, budget)
    return price


def content_price(code: int, size: int) -> int:
    """Return an upper bound of the memory that `size` bytes of content take once decoded.

    Args:
        code: the extension's code, without `BESIDE`.
        size: bytes of content.
    """
    if code == wire.FLOATS:
        return size // wire.FLOAT_BYTES * FLOAT
    if code == wire.INTS:
        return size // 8 * NUMBER
    # Text that is not ASCII may become four bytes a character, beside the narrow copy it grew out of.
    return 5 * size if code == wire.TEXT else size
