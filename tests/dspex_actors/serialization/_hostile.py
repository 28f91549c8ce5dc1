"""Data as a hostile writer makes it: damaged from honest data, or made from pieces of each format."""

from __future__ import annotations

import random
import struct
from dataclasses import replace
from hashlib import sha256

from dspex_actors.serialization import Compression, Format, Serializer
from dspex_actors.serialization._compression import compress
from dspex_actors.serialization._envelope import open_envelope, seal
from dspex_actors.serialization._protobuf import varint
from dspex_actors.serialization._serializer import DECODERS
from dspex_actors.serialization._tags import NAMES
from tests.dspex_actors.frames._mutations import mutated_bytes
from tests.dspex_actors.serialization._states import AGENT, COMPRESSIONS, DATA_FORMATS, RING

DEEPEST = 5  # of what is made from nothing
SIZES = (0, 1, 2, 3, 8, 127, 128, 255, 256, 65535, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
SMALL_AGENT = AGENT | {"text": "é", "content": bytes(9), "big": [2**63, 2**70]}
HONEST_VALUES = [
    SMALL_AGENT,
    [{"id": n, "tags": ["a", (n,)], "score": n / 3} for n in range(8)],
    {key: AGENT[key] for key in ("dates", "more", "by_key", "nan")},
    [AGENT["weights"], AGENT["columns"], AGENT["names"], AGENT["when"]],
    [[[[[[1]]]]], {"deep": {"er": {"and": ({}, [])}}}, {frozenset({1}): {2}}],
    None,
]
BODIES = {
    kind: [
        open_envelope(Serializer(format=kind, compression="none").dumps(value), None, unsigned=True).body
        for value in HONEST_VALUES
    ]
    for kind in DATA_FORMATS
}
PLAIN = open_envelope(Serializer(compression="none").dumps(1), None, unsigned=True).header


def damaged(rng, data: bytes) -> bytes:
    """Return data with one to four small damages, sometimes with a piece of another honest body in it."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = mutated_bytes(rng, data)
    if rng.random() < 0.1:
        other = rng.choice(BODIES[rng.choice(DATA_FORMATS)])
        start, at = rng.randrange(len(other)), rng.randrange(len(data) + 1)
        data = data[:at] + other[start : start + rng.randint(1, 60)] + data[at:]
    return data


def _text(rng):
    return rng.choice(
        ("", "a", "nan", "é", "1.5", "2026-01-02", "<f8", "C", "$t", "U", "9" * rng.randint(1, 40))
    )


def json_from_nothing(rng, depth=0) -> bytes:
    """Return JSON, or what is close to it."""
    few = range(rng.choice((0, 1, 2, 3, 5)))
    pick = rng.randrange(12 if depth < DEEPEST else 7)
    if pick < 4:
        return rng.choice(
            (b"null", b"true", b"-1", b"1e9", b"1e999", b"0.5", b"NaN", b"9" * rng.choice((1, 19, 30)))
        )
    if pick < 7:
        return b'"' + _text(rng).encode() + b'"'
    if pick < 9:
        return b"[" + b",".join(json_from_nothing(rng, depth + 1) for _ in few) + b"]"
    if pick == 9:
        pairs = (b'"' + _text(rng).encode() + b'":' + json_from_nothing(rng, depth + 1) for _ in few)
        return b"{" + b",".join(pairs) + b"}"
    name = rng.choice((*sorted(NAMES), "int", "float", "bytes", "object")).encode()
    return b'{"$t":"' + name + b'","v":' + json_from_nothing(rng, depth + 1) + b"}"


def etf_from_nothing(rng, depth=0) -> bytes:  # noqa: C901, PLR0911 -- one row for each kind of term
    """Return a term without its version, or what is close to one."""
    count = rng.choice((0, 1, 2, 2, 3))
    claim = count if rng.random() < 0.9 else rng.choice(SIZES)
    pick = rng.randrange(14 if depth < DEEPEST else 8)
    inner = b"".join(etf_from_nothing(rng, depth + 1) for _ in range(count if 8 <= pick < 12 else 0))
    match pick:
        case 0:
            return bytes([97, rng.randrange(256)])
        case 1:
            return b"\x62" + rng.randbytes(4)
        case 2:
            return b"\x46" + rng.choice((rng.randbytes(8), struct.pack(">d", rng.random())))
        case 3 | 4:
            text = _text(rng).encode()
            return b"\x6d" + struct.pack(">I", len(text) if rng.random() < 0.95 else claim) + text
        case 5:
            size = rng.choice((0, 1, 8, 9, 255))
            return bytes([110, size, rng.choice((0, 1, 1, 2))]) + rng.randbytes(size)
        case 6:
            name = rng.choice(("nil", "true", "false", "ok")).encode()
            return bytes([119, len(name)]) + name
        case 7:
            return b"\x6a"
        case 8:
            return b"\x6c" + struct.pack(">I", claim) + inner + b"\x6a"
        case 9:
            return bytes([104, claim % 256]) + inner
        case 10:
            return b"\x74" + struct.pack(">I", claim // 2) + inner
        case 11:
            return bytes([rng.randrange(256)]) + inner
        case _:
            name = b"$" + rng.choice((*sorted(NAMES), "bytes", "float")).encode()
            return b"\x68\x02" + bytes([119, len(name)]) + name + etf_from_nothing(rng, depth + 1)


def protobuf_from_nothing(rng, depth=0) -> bytes:  # noqa: C901, PLR0911 -- one row for each kind
    """Return a message, or what is close to one."""
    few = range(rng.choice((0, 1, 2, 3)))

    def sized(field, content):
        size = len(content) if rng.random() < 0.97 else rng.choice(SIZES)
        return bytes([field << 3 | 2]) + varint(size) + content

    def inner():
        return protobuf_from_nothing(rng, depth + 1)

    match rng.randrange(10 if depth < DEEPEST else 6):
        case 0:
            return rng.choice((b"\x08\x01", b"\x10\x00", b"\x10\x01", b"\x08\x00"))
        case 1:
            return b"\x18" + varint(rng.choice((*SIZES, 2**64 - 1)))
        case 2:
            return sized(4, rng.randbytes(rng.choice((0, 1, 9))))
        case 3:
            return b"\x29" + rng.randbytes(8)
        case 4:
            return sized(6, _text(rng).encode())
        case 5:
            return rng.choice((sized(7, rng.randbytes(8)), sized(11, sized(1, rng.randbytes(16)))))
        case 6:
            return sized(8, b"".join(sized(1, inner()) for _ in few))
        case 7:
            return sized(9, b"".join(sized(1, sized(1, inner()) + sized(2, inner())) for _ in few))
        case 8:
            return bytes([rng.randrange(256)]) + inner()
        case _:
            return sized(10, sized(1, rng.choice(sorted(NAMES)).encode()) + sized(2, inner()))


def body_of(rng) -> tuple[Format, bytes]:
    """Return a hostile body and the format it is for."""
    kind = rng.choice(DATA_FORMATS)
    makers = {
        Format.JSON: json_from_nothing,
        Format.ETF: lambda rng: b"\x83" + etf_from_nothing(rng),
        Format.PROTOBUF: protobuf_from_nothing,
    }
    if kind in makers and rng.random() < 0.5:
        return kind, makers[kind](rng)
    return kind, damaged(rng, rng.choice(BODIES[kind]))


def envelope_of(rng) -> bytes:
    """Return an envelope with a sound seal around a hostile body, and sometimes with lies in its header."""
    kind, body = body_of(rng)
    how = rng.choice(COMPRESSIONS)
    stored = compress(body, how)
    raw_size = len(body) if rng.random() < 0.9 else rng.choice((*SIZES, 2**40))
    if rng.random() < 0.2:
        stored = damaged(rng, stored)
    header = replace(
        PLAIN,
        format=kind if rng.random() < 0.9 else rng.choice(list(Format)),
        compression=how if rng.random() < 0.95 else rng.choice(list(Compression)),
        raw_size=raw_size,
        size=len(stored),
        sha256=sha256(stored).hexdigest(),
    )
    data = seal(header, stored, RING if rng.random() < 0.1 else None)
    return damaged(rng, data) if rng.random() < 0.2 else data


def bare_of(rng) -> bytes:
    """Return bare data, compressed or not, or noise that starts like something."""
    if rng.random() < 0.2:
        start = rng.choice(
            (b"DSPX\x01", b"\x1f\x8b", b"\x04\x22\x4d\x18", b"\x28\xb5\x2f\xfd", b"\x83", b"\xdc", b"[")
        )
        return start + rng.randbytes(rng.randint(0, 80))
    data = compress(body_of(rng)[1], rng.choice(COMPRESSIONS))
    return damaged(rng, data) if rng.random() < 0.3 else data


def rng_of(seed, number) -> random.Random:
    """Return the source of the input `number`, so that it can be made again alone."""
    return random.Random(f"{seed}/{number}")  # noqa: S311 -- a repeatable sequence is the point


def decode(kind, body, bounds):
    """Decode a body as the format it is for."""
    return DECODERS[kind](body, bounds)
