"""MessagePack as a tree that can be changed and written again, its lengths made right or left wrong."""

from __future__ import annotations

from dataclasses import dataclass

from dspex_actors.values import _extensions as wire

FIXED, TEXT, BYTES, EXT, ARRAY, MAP = range(6)

_SIZES = {0xC0: 1, 0xC1: 1, 0xC2: 1, 0xC3: 1, 0xCA: 5, 0xCB: 9}
_SIZES |= {0xCC + n: 1 + size for n, size in enumerate((1, 2, 4, 8) * 2)}
_WIDTHS = {TEXT: (1, 2, 4), BYTES: (1, 2, 4), EXT: (1, 2, 4), ARRAY: (2, 4), MAP: (2, 4)}
_FIRST = {BYTES: 0xC4, EXT: 0xC7, TEXT: 0xD9, ARRAY: 0xDC, MAP: 0xDE}
_SHORT = {TEXT: (0xA0, 32), ARRAY: (0x90, 16), MAP: (0x80, 16)}
_SHORT_HEADERS = {kind: [bytes([base + n]) for n in range(most)] for kind, (base, most) in _SHORT.items()}
_SHORT_BELOW = [_SHORT.get(kind, (0, 0))[1] for kind in range(6)]
_LENGTHS = {
    first + n: (kind, width) for kind, first in _FIRST.items() for n, width in enumerate(_WIDTHS[kind])
}


@dataclass(slots=True)
class Item:
    """One MessagePack item.

    Attributes:
        kind: one of the six above; FIXED is what has no length.
        content: the bytes of the item or of its payload, or the items within, keys and values in turn.
        code: of an extension.
        claim: the length that is written, None for the true one.
        width: bytes of the length field, None for the fewest.
    """

    kind: int
    content: bytes | list[Item]
    code: int = 0
    claim: int | None = None
    width: int | None = None

    def copy(self) -> Item:
        content = self.content if type(self.content) is bytes else [item.copy() for item in self.content]
        return Item(self.kind, content, self.code, self.claim, self.width)

    def walk(self) -> list[Item]:
        """Return this item and all within it."""
        found, rest = [], [self]
        while rest:
            item = rest.pop()
            found.append(item)
            if type(item.content) is list:
                rest += item.content
        return found


def render(item: Item) -> bytes:
    """Return the item as bytes."""
    content, kind = item.content, item.kind
    if kind == FIXED:
        return content
    length = len(content)
    if type(content) is list:
        content = b"".join([render(inner) for inner in content])
        length = length if kind == ARRAY else length // 2 if kind == MAP else len(content)
    if item.claim is not None:
        length = item.claim & 0xFFFFFFFF
    if item.width is None and length < _SHORT_BELOW[kind]:
        return _SHORT_HEADERS[kind][length] + content
    return _header(item, length) + content


def _header(item: Item, length: int) -> bytes:
    code = bytes([item.code & 0xFF]) if item.kind == EXT else b""
    if item.width is None and item.kind == EXT and length in {1, 2, 4, 8, 16}:
        return bytes([0xD4 + length.bit_length() - 1]) + code
    widths = _WIDTHS[item.kind]
    width = next((w for w in widths if w >= (item.width or 1) and length < 256**w), widths[-1])
    return bytes([_FIRST[item.kind] + widths.index(width)]) + length.to_bytes(width, "big") + code


def parse(data: bytes, at: int = 0) -> tuple[Item, int]:
    """Return the item that starts at `at`, and where it ends. `data` is of an honest sender."""
    first = data[at]
    if first < 0x80 or first >= 0xE0 or first in _SIZES:
        end = at + _SIZES.get(first, 1)
        return Item(FIXED, data[at:end]), end
    kind, length, start = _read_header(data, at)
    if kind in (ARRAY, MAP):
        items = []
        for _ in range(length * (2 if kind == MAP else 1)):
            item, start = parse(data, start)
            items.append(item)
        return Item(kind, items), start
    end = start + length
    if kind != EXT:
        return Item(kind, data[start:end]), end
    code = data[start - 1]
    if code in wire.CONTAINERS:
        return Item(EXT, [parse(data, start)[0]], code), end
    return Item(EXT, data[start:end], code), end


def _read_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Return kind, length and where the content starts."""
    first = data[at]
    for kind, (base, most) in _SHORT.items():
        if base <= first < base + most:
            return kind, first - base, at + 1
    if 0xD4 <= first <= 0xD8:
        return EXT, 1 << (first - 0xD4), at + 2
    kind, width = _LENGTHS[first]
    start = at + 1 + width
    return kind, int.from_bytes(data[at + 1 : start], "big"), start + (kind == EXT)
