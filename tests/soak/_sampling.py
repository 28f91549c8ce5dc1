"""What the host and all that it has started take: memory, descriptors, threads, processes, files."""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20

COLUMNS = {
    "host_mib": "resident memory of the host, MiB",
    "zygotes_mib": "resident memory of the zygotes, MiB",
    "other_mib": "resident memory of a nanny, keeper or worker, MiB, mean",
    "host_descriptors": "descriptors of the host",
    "zygote_descriptors": "descriptors of the zygotes",
    "threads": "threads of the host, but for those that wait for an actor",
    "processes": "processes that the host has started",
    "zombies": "dead processes that nobody has collected",
    "slots": "scratch folders",
    "files": "files in scratch folders",
    "python_blocks": "blocks that Python has allocated in the host",
}
"""What is sampled, beside the time in seconds and whether there was load."""


class _MallInfo(ctypes.Structure):
    """`struct mallinfo2` of glibc, over all its arenas."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    )


_mallinfo = getattr(ctypes.CDLL(None), "mallinfo2", None)  # glibc 2.33 or later
if _mallinfo is not None:
    _mallinfo.restype = _MallInfo
    COLUMNS["heap_used_mib"] = "memory of the C heap in use in the host, MiB"
    # What is resident and not in use is the allocator's: a leak shows in both, what it holds back in one.


def parents():
    """Return the parent and the state of each process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
                found[int(entry.name)] = int(fields[1]), fields[0]
    return found


def family(strangers=frozenset()):
    """Return the generations below this process, children first, each as states by process id.

    Args:
        strangers: children of this process that were there before; they are left out.
    """
    every = {pid: entry for pid, entry in parents().items() if pid not in strangers}
    generations, above = [], {os.getpid()}
    while above:
        below = {pid: state for pid, (parent, state) in every.items() if parent in above}
        generations.append(below)
        above = set(below)
    return generations[:-1]


def resident_mib(pids):
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_MIB
    return total


def descriptors_of(pids):
    count = 0
    for pid in pids:
        with suppress(OSError):
            count += len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 -- only the number is wanted
    return count


def scratch(zygotes):
    """Count the scratch folders that can be seen, and what is in them."""
    slots = [Path(tempfile.gettempdir())]
    for zygote in zygotes:
        with suppress(OSError):
            slots += Path(f"/proc/{zygote}/root/scratch").iterdir()
    files = 0
    for slot in slots[1:]:
        with suppress(OSError):
            files += len(os.listdir(slot))  # noqa: PTH208 -- only the number is wanted
    return len(slots) - 1, files


def sample(strangers=frozenset()):
    """Return one number for each of `COLUMNS`; children that were there before are left out."""
    generations = family(strangers)
    zygotes = generations[0] if generations else {}
    others = {pid: state for generation in generations[1:] for pid, state in generation.items()}
    states = [*zygotes.values(), *others.values()]
    slots, files = scratch(zygotes)
    heap = {}
    if _mallinfo is not None:
        info = _mallinfo()
        heap["heap_used_mib"] = (info.uordblks + info.hblkhd) / 2**20
    return heap | {
        "python_blocks": sys.getallocatedblocks(),
        "host_mib": resident_mib([os.getpid()]),
        "zygotes_mib": resident_mib(zygotes),
        "other_mib": resident_mib(others) / max(1, len(others)),
        "host_descriptors": descriptors_of([os.getpid()]),
        "zygote_descriptors": descriptors_of(zygotes),
        "threads": sum(thread.name != "supervisors-idle" for thread in threading.enumerate()),
        "processes": sum(state not in "ZX" for state in states),
        "zombies": sum(state in "ZX" for state in states),
        "slots": slots,
        "files": files,
    }
