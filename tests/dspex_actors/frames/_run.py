"""Feed hostile frames to the host's side of the protocol and see that nothing but its own errors comes out.

    python -m tests.dspex_actors.frames._run --seed 1 --count 20000
    python -m tests.dspex_actors.frames._run --seed 1 --first 1234 --count 1

See `tests._feeding` for what is measured. Prints one line of JSON.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import msgspec
import numpy as np

from dspex_actors import Limits
from dspex_actors._errors import ProtocolError, ValueEncodeError
from dspex_actors.values import Budget, decode, encode
from dspex_actors.workers._asks import Asks
from dspex_actors.workers._output import OutputCollector
from dspex_actors.workers._process import WorkerProcess
from dspex_actors.workers._protocol import Final
from tests import _feeding
from tests.dspex_actors.frames._generate import generated
from tests.dspex_actors.frames._items import parse, render
from tests.dspex_actors.frames._mutations import (
    NONCE,
    Parts,
    mutate_buffers,
    mutate_item,
    payload_of,
    stream_of,
)

WARM = 200  # frames before those that are measured
LIMITS = Limits(result_bytes=2**23, output_bytes=300)

HONEST = [
    {"code": "1+1", "variables": {}, "rows": [{"id": n, "tags": ["a", (n,)]} for n in range(8)]},
    [None, True, -1, 2**40, 1.5, "text ☃", b"bytes", {"k": [1, {"z": None}]}],
    [(1, 2), {3, 4}, frozenset({5}), {6: 7, (8,): 9}, range(3), ..., 1j, 2**100],
    [Decimal("1.5"), Fraction(1, 3), UUID(int=7), date(2024, 1, 1), timedelta(1, 2, 3)],
    [datetime(2024, 1, 1, tzinfo=UTC), time(1, 2, 3), UTC, bytearray(b"x"), np.float64(1.5), np.str_("s")],
    [[0.5] * 40, [7] * 40, np.arange(12).reshape(3, 4), np.array(["a", "b"]), np.zeros(0), ("x",) * 40],
    [b"x" * 4096, "y" * 4096, "é" * 3000, [0.5] * 600, np.zeros(600), bytearray(5000), [9] * 600],
    [[[[[[1]]]]], {"deep": {"er": {"and": ({}, [])}}}],
    [np.datetime64("2024-01-01"), np.array([1j, 2]), np.array([True]), np.asfortranarray(np.ones((2, 3)))],
    5,
]
MESSAGES = [
    Final("completed", cpu_s=0.1, memory_peak_bytes=2**24),
    Final("failed", "KeyError", "'x'", "Traceback"),
    Final("memory", "MemoryError"),
    Final("result", used=2**30),
]


class Wire:
    """A socket that gives a stream in pieces, then ends."""

    def __init__(self, data, piece):
        self._data = memoryview(data)
        self._piece = piece

    def recv_into(self, buffer):
        count = min(self._piece, len(self._data), len(buffer))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


def honest_parts() -> list[Parts]:
    """Return what an honest worker sends."""
    found = []
    for number, value in enumerate(HONEST):
        encoded = encode(value)
        message = msgspec.msgpack.encode(MESSAGES[number % len(MESSAGES)] if number % 3 == 2 else MESSAGES[0])
        buffers = [bytes(buffer) for buffer in encoded.buffers]
        found.append(Parts(parse(message)[0], parse(encoded.structure)[0], buffers))
    return found


def take_stream(rng, parts, *, damaged):
    """Let the host receive a stream of frames; return whether it took a value."""
    level = rng.randrange(4) if damaged else -1
    stream = stream_of(rng, payload_of(rng, parts, damaged=level == 0), damaged=level == 1)
    wire = Wire(stream, rng.choice((1 << 20, 1 << 20, 70_000, 4096, max(len(stream) // 7, 1))))
    worker = WorkerProcess(wire, None, 1, "process", {})
    try:
        asks = Asks(None, None, LIMITS, wire, NONCE, worker.kill)
        final, value = worker._receive(NONCE, LIMITS, OutputCollector(LIMITS.output_bytes), asks)
    except ProtocolError:
        return False
    if final is None or final.outcome != "completed":
        return False
    encode_again(value)
    return True


def take_value(rng, parts):
    """Decode a value directly, within a budget of any size; return whether it was one."""
    budget = Budget(
        depth=rng.choice((1, 3, 6, 50, 200)), memory_bytes=rng.choice((1, 300, 5000, 10**5, 2**25))
    )
    try:
        decode(
            render(parts.structure), parts.buffers, budget=budget, opaque=rng.choice((None, bytes, refuse))
        )
    except ProtocolError:
        return False
    return True


def refuse(_content):
    raise KeyError("nothing of that name")


def encode_again(value):
    """Encode what was decoded: it may be too large by now, or not comparable, but is no trouble."""
    try:
        encode(value)
    except ValueEncodeError:
        return


def take(seed, number, honest):
    """Make one frame and let the host take it; return its kind and whether it gave a value."""
    rng = random.Random(f"{seed}/{number}")  # noqa: S311 -- a repeatable sequence is the point
    if number % 2:
        parts = generated(rng)
        damaged = rng.random() < 0.2
    else:
        parts = rng.choice(honest).copy()
        damaged = mutate(rng, parts, honest)
    if rng.random() < 0.15:
        return take_value(rng, parts)
    return take_stream(rng, parts, damaged=damaged)


def mutate(rng, parts, honest):
    """Damage the parts of an honest frame; return whether the frame around them is to be damaged."""
    choice = rng.randrange(10)
    if choice < 6:
        mutate_item(rng, parts.structure, honest)
    elif choice == 6:
        mutate_item(rng, parts.message, honest)
    elif choice == 7:
        mutate_buffers(rng, parts.buffers, honest)
    return choice > 7


def main():
    honest = honest_parts()
    _feeding.main(lambda seed, number: take(seed, number, honest), WARM)


if __name__ == "__main__":
    main()
