"""Feeding hostile inputs to a reader, in a process of its own: the command line, the limits, the report.

Its memory is that of the inputs: what it takes beyond the start is limited by the kernel, and an allocation
beyond the limit fails like any other fault. An audit hook notes what reading data must never do.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import traceback
from pathlib import Path

ROOM = 64 * 2**20  # bytes that the process may take beyond the start
FORBIDDEN = frozenset(
    {"import", "exec", "compile", "open", "pickle.find_class", "marshal.loads", "os.system"}
)


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


def feed(take, warm, seed, first, count):
    """Take inputs until one shows a fault; return the report.

    Args:
        take: makes the input of a seed and a number and reads it; returns whether it gave a value.
        warm: inputs before those that are measured: what is imported and cached on first use is not theirs.
        seed: of all inputs.
        first: number of the first one that is measured.
        count: how many.
    """
    watch, fault, values, resident = Watch(), None, 0, 0
    for number in range(first - warm, first + count):
        if number == first:
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


def main(take, warm):
    """Read the command line, feed, and print the report as a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    report = feed(take, warm, options.seed, options.first, options.count)
    sys.stdout.write(json.dumps(report) + "\n")
