"""Frames made from nothing by the grammar of the format, most of them with something wrong in them."""

from __future__ import annotations

import struct

from dspex_actors.values import _extensions as wire
from tests.dspex_actors.frames._items import ARRAY, BYTES, EXT, FIXED, MAP, TEXT, Item, render
from tests.dspex_actors.frames._mutations import ATOMS, CLAIMS, CODES, Parts

TEXTS = (b"", b"a", b"key", "☃😀".encode(), b"\xff", b"\xed\xa0\x80", b"x" * 40, b"1" * 300, b"\x00")
CODE_NAMES = (b"<f8", b">f8", b"<i4", b"|b1", b"|u1", b"<M8[ns]", b"<m8", b"<c16", b"<U3", b"|S2")
BAD_NAMES = (b"|O", b"<f16", b"<U0", b"<U9999999", b"<V4", b"f8", b"", b"<M8[xx]", b"\xff", b"|S1048576")
OUTCOMES = (b"completed", b"failed", b"memory", b"result", b"won", b"")
DECIMALS = (
    b"1.5",
    b"-0",
    b"NaN",
    b"sNaN12",
    b"Infinity",
    b"1E+999999",
    b"1E+1000000",
    b"1_0",
    b" 1",
    b"1" * 99,
)


def number(rng) -> Item:
    size = rng.choice((1, 2, 4, 8))
    return Item(FIXED, bytes([0xCC + (1, 2, 4, 8).index(size) + 4 * rng.randrange(2)]) + rng.randbytes(size))


def atom(rng) -> Item:
    match rng.randrange(6):
        case 0:
            return Item(FIXED, rng.choice(ATOMS))
        case 1:
            return number(rng)
        case 2:
            return Item(FIXED, b"\xcb" + rng.randbytes(8))
        case 3:
            return Item(BYTES, rng.randbytes(rng.choice((0, 1, 30, 300))))
        case 4:
            return Item(FIXED, bytes([rng.choice((*range(8), 0xC0, 0xC2, 0xC3, 0xFF))]))
        case _:
            return Item(TEXT, rng.choice(TEXTS))


def leaf(rng) -> Item:
    """Return an extension for a single value."""
    code = rng.choice(_LEAF_CODES)
    return Item(EXT, _LEAVES[code](rng), code)


def zone(rng) -> bytes:
    offset = rng.choice((0, 3_600_000_000, -86_399_000_000, 86_400_000_000, 2**62))
    return struct.pack("<q", offset) + rng.choice((b"", b"=CET", b"=", b"CET", b"=\xff"))


def moment(rng) -> bytes:
    day = struct.pack(
        "<HBB", rng.choice((0, 1, 2024, 9999, 10_000)), rng.randrange(1, 14), rng.randint(1, 31)
    )
    return day + clock(rng)


def clock(rng) -> bytes:
    fields = (
        rng.randint(0, 24),
        rng.randint(0, 60),
        rng.randint(0, 60),
        rng.randrange(1_050_000),
        rng.randint(0, 2),
    )
    return struct.pack("<BBBIB", *fields) + (zone(rng) if rng.randrange(2) else b"")


def scalar(rng) -> bytes:
    name = rng.choice((*CODE_NAMES, *BAD_NAMES, b"U", b"S"))
    return bytes([len(name)]) + name + rng.randbytes(rng.choice((1, 3, 4, 8, 8, 8, 16)))


_LEAVES = {
    wire.INT: lambda rng: rng.randbytes(rng.choice((0, 1, 9, 200))),
    wire.COMPLEX: lambda rng: rng.randbytes(rng.choice((16, 16, 8))),
    wire.DECIMAL: lambda rng: rng.choice(DECIMALS),
    wire.DATETIME: moment,
    wire.DATE: lambda rng: moment(rng)[:4],
    wire.TIME: clock,
    wire.TIMEDELTA: lambda rng: struct.pack(
        "<iII", rng.randint(-(2**31), 2**31 - 1) >> rng.choice((0, 9)), 5, 6
    ),
    wire.TIMEZONE: zone,
    wire.UUID: lambda rng: rng.randbytes(rng.choice((16, 16, 15))),
    wire.ELLIPSIS: lambda rng: rng.choice((b"", b"", b"x")),
    wire.NUMPY_SCALAR: scalar,
    0xFF: lambda rng: rng.randbytes(rng.choice((0, 4, 8, 12))),  # MessagePack's own timestamp
    9: lambda rng: rng.randbytes(3),
}
_LEAF_CODES = list(_LEAVES)


def content(rng, buffers) -> Item:
    """Return an extension that carries content, in itself or beside."""
    code = rng.choice((*range(wire.BYTES, wire.OPAQUE + 1), wire.NDARRAY, wire.FLOATS, 44))
    count = rng.choice((0, 1, 3, 40, 600))
    head = b""
    match code:
        case wire.FLOATS:
            data = b"\xdd" + struct.pack(
                ">I", rng.choice((count, count, count, count + 1, rng.choice(CLAIMS)))
            )
            data += (rng.choice((b"\xcb", b"\xcb", b"\xd3", b"\xa8")) + bytes(8)) * count
        case wire.INTS:
            data = rng.randbytes(8 * count + (rng.randrange(8) == 0))
        case wire.NDARRAY:
            head, data = array(rng, count)
        case wire.ASCII | wire.TEXT:
            data = rng.choice(TEXTS) * count
        case _:
            data = rng.randbytes(count)
    if rng.random() < 0.4:
        buffers.append(data)
        return Item(EXT, head, code | wire.BESIDE)
    return Item(EXT, head + data, code)


def array(rng, count: int) -> tuple[bytes, bytes]:
    name = rng.choice((*CODE_NAMES, *CODE_NAMES, *BAD_NAMES))
    shape = rng.choice(((count,), (count, 1), (1,) * 32, (1,) * 33, (2**32, 2**32), (0, 2**63), ()))
    head = bytes([len(name) % 256]) + name + bytes([len(shape), rng.randrange(3) % 2])
    head += b"".join(length.to_bytes(8, "little") for length in shape)
    digits = bytes(byte for byte in name.partition(b"[")[0] if byte in b"0123456789")
    size = min(int(digits or b"1"), 64) * (4 if b"U" in name else 1)
    return head, (bytes if rng.randrange(2) else rng.randbytes)(size * count)


def value(rng, depth: int, buffers) -> Item:
    """Return an item of any kind."""
    choice = rng.randrange(10) if depth > 0 else rng.randrange(5)
    if choice < 2:
        return atom(rng)
    if choice < 4:
        return leaf(rng)
    if choice == 4:
        return content(rng, buffers)
    size = rng.choice((0, 1, 2, 3, 3, 5, 17, 70 if depth < 2 else 4))
    if choice < 7:
        return Item(ARRAY, [value(rng, depth - 1, buffers) for _ in range(size)])
    if choice == 7:
        keys = [Item(TEXT, rng.choice(TEXTS)) if rng.random() < 0.9 else atom(rng) for _ in range(size)]
        return Item(MAP, [item for key in keys for item in (key, value(rng, depth - 1, buffers))])
    return container(rng, depth, size, buffers)


def container(rng, depth: int, size: int, buffers) -> Item:
    code = rng.choice((*wire.CONTAINERS, *wire.CONTAINERS, rng.choice(CODES)))
    if code in {wire.RANGE, wire.FRACTION} and rng.random() < 0.8:
        items = [number(rng) for _ in range(3 if code == wire.RANGE else 2)]
    elif code in {wire.SET, wire.FROZENSET} and rng.random() < 0.8:
        items = [rng.choice((atom, number, leaf))(rng) for _ in range(size)]
    else:
        items = [value(rng, depth - 1, buffers) for _ in range(2 * size if code == wire.DICT else size)]
    return Item(EXT, [Item(ARRAY, items)], code)


def colliding(rng) -> Item:
    """Return a set or dict whose keys have one hash."""
    count = rng.choice((64, 65, 400))
    keys = [Item(EXT, (n * (2**61 - 1)).to_bytes(12, "little"), wire.INT) for n in range(1, count + 1)]
    code = rng.choice((wire.SET, wire.FROZENSET, wire.DICT))
    items = [item for key in keys for item in (key, Item(FIXED, b"\xc0"))] if code == wire.DICT else keys
    return Item(EXT, [Item(ARRAY, items)], code)


def bomb(rng) -> Item:
    """Return a long list, or map, of one item over and over, which costs far more than its size."""
    item = render(rng.choice((atom, leaf, number, lambda _: Item(rng.choice((ARRAY, MAP)), [])))(rng))
    count = min(rng.choice((3_000, 30_000, 200_000)), 2**19 // len(item))
    if rng.randrange(3):
        return Item(FIXED, b"\xdd" + struct.pack(">I", count) + item * count)
    entries = b"".join(b"\xa5%05x" % number + item for number in range(count))
    return Item(FIXED, b"\xdf" + struct.pack(">I", count) + entries)


def tree(rng, buffers) -> Item:
    """Return the value of a frame."""
    choice = rng.random()
    if choice < 0.002:
        return bomb(rng)
    if choice < 0.01:
        return colliding(rng)
    return value(rng, rng.choice((1, 2, 3, 3, 4)), buffers)


def message(rng) -> Item:
    """Return the message of a FINAL frame; every fifth is wrong, in the others the value is seen."""
    texts = [Item(TEXT, text) for text in (b"completed", b"", b"message", b"")]
    figures = [
        Item(FIXED, b"\x00"),
        Item(FIXED, b"\xcb" + bytes(8)),
        Item(FIXED, b"\x05"),
        Item(FIXED, b"\x01"),
    ]
    fields = texts + (figures if rng.randrange(8) else [])
    if rng.random() < 0.2:
        texts[0].content = rng.choice(OUTCOMES)
        fields[rng.randrange(len(fields))] = rng.choice((atom, number, leaf))(rng)
    return Item(ARRAY, fields)


def generated(rng) -> Parts:
    """Return the parts of a FINAL frame."""
    buffers: list[bytes] = []
    flags = rng.choice((0, 0, 0, 0, 1, 2)) | wire.FORMAT if rng.random() < 0.95 else rng.randrange(128)
    head = Item(FIXED, bytes([flags]))
    return Parts(message(rng), Item(ARRAY, [head, tree(rng, buffers)]), buffers)
