"""Feed hostile frames to the host's side of the protocol and see that nothing but its own errors comes out.

    python -m tests.dspex_actors.frames._run --seed 1 --count 20000
    python -m tests.dspex_actors.frames._run --seed 1 --first 1234 --count 1

A process of its own, so that its memory is that of the frames: what it takes beyond the start is limited by
the kernel, and an allocation beyond the limit fails like any other fault. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import traceback
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
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

ROOM = 64 * 2**20  # bytes that the process may take beyond the start
WARM = 200  # frames before those that are measured
LIMITS = Limits(result_bytes=2**23, output_bytes=300)
FORBIDDEN = frozenset(
    {"import", "exec", "compile", "open", "pickle.find_class", "marshal.loads", "os.system"}
)

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


class Watch:
    """Notes what decoding must never do."""

    def __init__(self):
        self.noted = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event, args):
        if self.on and event in FORBIDDEN:
            self.noted.append((event, repr(args)[:100]))


def status(name):
    """Return a figure of /proc/self/status in bytes."""
    text = Path("/proc/self/status").read_text("ascii")
    return int(text.partition(f"{name}:")[2].split()[0]) * 1024


def run(seed, first, count):
    """Run frames; return the report."""
    honest, watch = honest_parts(), Watch()
    fault, values, resident = None, 0, 0
    for number in range(first - WARM, first + count):
        if number == first:  # what is imported and cached on first use is not the frames'
            resident = status("VmRSS")
            room = status("VmSize") + ROOM
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
            watch.on = True
        try:
            values += take(seed, number, honest)
        except BaseException:  # noqa: BLE001 -- whatever comes out is what is looked for
            fault = traceback.format_exc()
        if fault or watch.noted:
            break
    return {
        "seed": seed,
        "frame": number,
        "values": values,
        "fault": fault or (f"forbidden: {watch.noted}" if watch.noted else None),
        "peak_bytes": status("VmHWM") - resident,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    sys.stdout.write(json.dumps(run(options.seed, options.first, options.count)) + "\n")


if __name__ == "__main__":
    main()
