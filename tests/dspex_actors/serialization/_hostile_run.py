"""Feed hostile data to every reader and see that nothing but the errors of the package comes out.

    python -m tests.dspex_actors.serialization._hostile_run --seed 1 --count 20000
    python -m tests.dspex_actors.serialization._hostile_run --seed 1 --first 1234 --count 1

A process of its own, so that its memory is that of the data: what it takes beyond the start is limited by the
kernel. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import traceback

from dspex_actors import ValueEncodeError
from dspex_actors.serialization import Bounds, SerializationError, Serializer, canonical, loads_bare
from tests.dspex_actors.frames._run import ROOM, Watch, status
from tests.dspex_actors.serialization._hostile import bare_of, body_of, decode, envelope_of, rng_of
from tests.dspex_actors.serialization._states import RING

WARM = 400  # inputs before those that are measured
BOUNDS = Bounds(stored_bytes=2**20, raw_bytes=2**22, depth=40, memory_bytes=2**24)
READERS = [Serializer(bounds=BOUNDS), Serializer(bounds=BOUNDS, signing=RING, accept_unsigned=True)]


def take(seed, number):
    """Make one input and read it; return whether it gave a value."""
    rng = rng_of(seed, number)
    way = rng.randrange(4)
    try:
        if way == 0:
            value = loads_bare(bare_of(rng), bounds=BOUNDS)
        elif way == 1:
            value = rng.choice(READERS).loads(envelope_of(rng)).value
        else:
            value = decode(*body_of(rng), BOUNDS)
    except SerializationError:
        return False
    try:
        canonical(value)
    except (SerializationError, ValueEncodeError):  # it may be deeper or larger than what may be written
        return True
    return True


def run(seed, first, count):
    """Read inputs; return the report."""
    watch, fault, values, resident = Watch(), None, 0, 0
    for number in range(first - WARM, first + count):
        if number == first:  # what is imported and cached on first use is not the data's
            resident = status("VmRSS")
            room = status("VmSize") + ROOM
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
            watch.on = True
            values = 0
        try:
            values += take(seed, number)
        except BaseException:  # noqa: BLE001 -- whatever comes out is what is looked for
            fault = traceback.format_exc()
        if fault or watch.noted:
            break
    return {
        "seed": seed,
        "number": number,
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
