"""Damage to what an honest worker would send, at each level: items, content beside, table, frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from dspex_actors.values import _extensions as wire
from dspex_actors.workers._framing import pack_parts
from dspex_actors.workers._protocol import OUTPUT_CAP, FrameType
from tests.dspex_actors.frames._items import ARRAY, BYTES, EXT, FIXED, MAP, TEXT, Item, render

NONCE = 2**41 + 7
HEADER = struct.Struct("<IBQ")

NOTES = b"\x92\x91\x92\xa3log\xa2hi\x91\x97\xa5error\xa1m\xa0\x01\x02\x01\x03"

CODES = [value for name, value in vars(wire).items() if type(value) is int and not name.startswith("_")]
CODES = sorted({code for code in CODES if code < 64} | {code | wire.BESIDE for code in CODES if code < 64})
CLAIMS = (0, 1, 15, 16, 31, 32, 255, 256, 4095, 4096, 2**16 - 1, 2**16, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
NUMBERS = (0, 1, -1, 127, -128, 2**31, 2**63 - 1, -(2**63), 2**64 - 1)
ATOMS = (
    *(b"\xc0", b"\xc1", b"\xc2", b"\xc3", b"\xe0", b"\xff", b"\x00", b"\x7f"),
    *(b"\xd3" + struct.pack(">Q", number & 0xFFFFFFFFFFFFFFFF) for number in NUMBERS),
    *(b"\xcf" + struct.pack(">Q", number & 0xFFFFFFFFFFFFFFFF) for number in NUMBERS),
    *(b"\xcb" + struct.pack(">d", x) for x in (0.0, -0.0, 1e308, float("inf"), float("nan"))),
    *(b"\xca\x7f\xc0\x00\x00", b"\xd0\x80", b"\xcd\xff\xff"),
)


@dataclass(slots=True)
class Parts:
    """What a FINAL frame is made of."""

    message: Item
    structure: Item
    buffers: list[bytes]

    def copy(self) -> Parts:
        return Parts(self.message.copy(), self.structure.copy(), list(self.buffers))


def mutated_bytes(rng, data: bytes) -> bytes:
    """Return `data` with one small damage."""
    data = bytearray(data)
    at = rng.randrange(len(data) + 1)
    match rng.randrange(7):
        case 0 if at < len(data):
            data[at] = rng.randrange(256)
        case 1 if at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        case 2:
            data[at:at] = rng.randbytes(rng.randint(1, 9))
        case 3:
            del data[at : at + rng.randint(1, 9)]
        case 4:
            data[at:at] = data[at : at + rng.randint(1, 40)]
        case 5:
            del data[at:]
        case _:
            data[at : at + 1] = bytes(
                [rng.choice(b"\x80\x90\xa0\xc1\xc4\xc6\xc7\xc9\xd4\xd8\xdb\xdc\xdd\xde\xdf")]
            )
    return bytes(data)


# -- items


def _other_length(rng, item, _others):
    if item.kind != FIXED:
        size = len(item.content)
        item.claim = rng.choice((size + 1, max(size - 1, 0), 2 * size, size // 2, rng.choice(CLAIMS)))
        if rng.random() < 0.5:
            item.width = rng.choice((1, 2, 4))


def _other_code(rng, item, _others):
    if item.kind == EXT:
        item.code = rng.choice((item.code ^ wire.BESIDE, rng.choice(CODES), rng.randrange(256)))
    elif item.kind != FIXED:
        item.kind, item.code = EXT, rng.choice(CODES)


def _other_kind(rng, item, _others):
    if item.kind in {TEXT, BYTES, EXT} and type(item.content) is bytes:
        item.kind = rng.choice((TEXT, BYTES, EXT))
    elif item.kind in {ARRAY, MAP}:
        item.kind = MAP if item.kind == ARRAY else ARRAY


def _other_content(rng, item, _others):
    if type(item.content) is bytes:
        item.content = mutated_bytes(rng, item.content)
    elif item.content:
        item.content[rng.randrange(len(item.content))] = Item(FIXED, rng.choice(ATOMS))


def _wider(rng, item, _others):
    item.width = rng.choice((1, 2, 4))


def _within(rng, item, _others):
    """Put the item below more levels of one kind, up to more than any budget allows."""
    kind = rng.randrange(4)
    for _ in range(rng.choice((1, 2, 6, 7, 20, 99, 100, 101, 101 if kind == 1 else 250))):
        inner = Item(item.kind, item.content, item.code, item.claim, item.width)
        if kind == 0:
            item.kind, item.content = MAP, [Item(TEXT, b"k"), inner]
        elif kind == 1:
            item.kind, item.content, item.code = EXT, [Item(ARRAY, [inner])], wire.TUPLE
        else:
            item.kind, item.content = ARRAY, [inner] * (1 if kind == 2 else rng.choice((1, 1, 1, 2)))
            if kind == 3 and len(item.content) == 2:
                kind = 2  # doubled once: every further doubling would double the frame
        item.claim = item.width = None


def _spliced(rng, item, others):
    """Put an item of another value in this one's place."""
    donor = rng.choice(rng.choice(others).structure.walk()).copy()
    item.kind, item.content, item.code = donor.kind, donor.content, donor.code
    item.claim, item.width = donor.claim, donor.width


def _repeated(rng, item, _others):
    if type(item.content) is list and item.content:
        at = rng.randrange(len(item.content))
        item.content[at:at] = [item.content[at]] * rng.choice((1, 1, 2, 40, 70))


def _dropped(rng, item, _others):
    if type(item.content) is list and item.content:
        del item.content[rng.randrange(len(item.content))]


def _exchanged(rng, item, _others):
    if type(item.content) is list and len(item.content) > 1:
        rng.shuffle(item.content)


def _atom(rng, item, _others):
    item.kind, item.content = FIXED, rng.choice(ATOMS)


_CHANGES = (
    *(_other_length, _other_length, _other_code, _other_code, _other_kind, _other_content, _other_content),
    *(_wider, _within, _spliced, _spliced, _repeated, _dropped, _exchanged, _atom),
)


def mutate_item(rng, root, others):
    """Change one to three items of a tree, each way at most once: what is repeated is not repeated again."""
    for change in dict.fromkeys(rng.choices(_CHANGES, k=rng.randint(1, 3))):
        change(rng, rng.choice(root.walk()), others)


# -- content beside the structure


def mutate_buffers(rng, buffers, others):
    """Change the list of buffers."""
    match rng.randrange(7):
        case 0 if buffers:
            del buffers[rng.randrange(len(buffers))]
        case 1:
            buffers.insert(rng.randint(0, len(buffers)), rng.randbytes(rng.choice((0, 1, 8, 4096))))
        case 2:
            rng.shuffle(buffers)
        case 3 if buffers:
            buffers[rng.randrange(len(buffers))] = b""
        case 4 if buffers:
            buffers += buffers[:1] * rng.choice((1, 9, 300))
        case 5:
            buffers += rng.choice(others).buffers
        case _ if buffers:
            at = rng.randrange(len(buffers))
            buffers[at] = mutated_bytes(rng, buffers[at])


# -- the payload


def payload_of(rng, parts, *, damaged: bool) -> bytes:
    """Return the payload of a FINAL frame, its table of parts damaged if asked for."""
    whole = [render(parts.message), render(parts.structure), *parts.buffers]
    payload = b"".join(pack_parts(whole[:8192]))
    if not damaged:
        return payload
    payload = bytearray(payload)
    entry = 4 + 8 * rng.randrange(len(whole))
    match rng.randrange(6):
        case 0:
            payload[:4] = struct.pack("<I", rng.choice((0, 1, 2, len(whole) + 1, 8192, 8193, *CLAIMS)))
        case 1:
            payload[entry : entry + 8] = struct.pack("<Q", rng.choice((*CLAIMS, 2**63, 2**64 - 1)))
        case 2:
            payload[entry] = rng.randrange(256)
        case 3:
            del payload[rng.randrange(len(payload)) :]
        case 4:
            payload += rng.randbytes(rng.randint(1, 40))
        case _:
            payload = bytearray(mutated_bytes(rng, payload))
    return bytes(payload)


# -- the stream of frames


def frame(kind: int, nonce: int, payload: bytes, length: int | None = None) -> bytes:
    return HEADER.pack(len(payload) if length is None else length, kind, nonce) + payload


def stream_of(rng, payload: bytes, *, damaged: bool) -> bytes:
    """Return what a worker writes to its socket: a FINAL frame; wrong or among others if asked for."""
    final = frame(FrameType.FINAL, NONCE, payload)
    if not damaged:
        return final
    output = frame(FrameType.OUTPUT, NONCE, rng.choice((b"\x01", b"\x02")) + b"some output\n")
    length = rng.choice((*CLAIMS, len(payload) + 1, max(len(payload) - 1, 0), OUTPUT_CAP, OUTPUT_CAP + 1))
    nonce = rng.choice((NONCE, NONCE + 1, NONCE - 1, 0, 2**64 - 1))
    kind = rng.choice((*FrameType, 0, 5, 255))
    return rng.choice(
        (
            frame(kind, nonce, payload),
            frame(kind, NONCE, payload, length),
            output * rng.randint(1, 30) + final,
            frame(FrameType.OUTPUT, NONCE, rng.randbytes(rng.randint(0, 5))) + final,
            frame(FrameType.NOTES, NONCE, NOTES) * rng.randint(1, 30) + final,
            frame(FrameType.NOTES, NONCE, mutated_bytes(rng, NOTES)) + final,
            final[: rng.randrange(len(final))],
            output + mutated_bytes(rng, final),
            final + final,
            frame(FrameType.READY, rng.choice((0, NONCE)), b"\x91\x01") + final,
            rng.randbytes(rng.randint(0, 60)) + final,
        )
    )
