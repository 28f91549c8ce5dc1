"""What a test may leave behind: nothing. Threads, child processes and open files, before and after.

Guarantees: a thread, a living child process or a file descriptor that the test opened and that is still
there `SETTLE_S` seconds after its end is reported by name. So is a descriptor that the test closed but had
not opened.

Assumptions: nothing else in this process starts threads or opens files while the test runs. The caller has
made this process the subreaper of its descendants, so that a worker whose parent has died shows up as our
own child and cannot hide. The price: such a worker's zombie becomes ours too, and cannot be told from a
child that nobody waited for; so dead children are not reported. One from a pid namespace can be told: it is
reaped here, as an init would, because its namespace cannot end before.
"""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SETTLE_S = 5.0  # seconds; threads and processes end within milliseconds, a loaded machine may take longer
POLL_S = 0.005  # seconds between two looks: the closing of a descriptor is no event one could wait for
CALM_LOOKS, CALM_S = 4, 0.02  # so many looks in a row, so many seconds apart, that show the same
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Child:
    """A process, told from a later one of the same number by its start time (clock ticks since boot)."""

    pid: int
    start_time: int
    name: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.name})"


@dataclass(frozen=True)
class Snapshot:
    """The threads, the living children and the descriptors (with what each is open on) of this process."""

    threads: frozenset[threading.Thread]
    children: frozenset[Child]
    descriptors: frozenset[tuple[int, str]]

    @classmethod
    def take(cls) -> Snapshot:
        return cls(frozenset(threading.enumerate()), living_children(), open_descriptors())

    @classmethod
    def settled(cls, settle_s: float = SETTLE_S) -> Snapshot:
        """Return the state once it holds still: what earlier tests have let go may be on its way out."""
        gc.collect()
        tick, deadline, now = threading.Event(), time.monotonic() + settle_s, cls.take()
        looks = 1
        while looks < CALM_LOOKS and time.monotonic() < deadline:
            tick.wait(CALM_S)
            before, now = now, cls.take()
            looks = looks + 1 if now == before else 1
        return now

    def difference(self, later: Snapshot) -> list[str]:
        """Say what is there later and was not now, and which descriptors are gone."""
        return [
            *(f"thread {thread.name}" for thread in later.threads - self.threads),
            *(str(child) for child in later.children - self.children),
            *(f"descriptor {number} ({target})" for number, target in later.descriptors - self.descriptors),
            *(
                f"closed descriptor {number} ({target})"
                for number, target in self.descriptors - later.descriptors
            ),
        ]


def become_subreaper() -> None:
    """Make orphans among this process's descendants its own children."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def living_children() -> frozenset[Child]:
    """Return our children that have not ended, from /proc."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (child := child_of_ours(entry)) is not None:
            found.add(child)
    return frozenset(found)


def child_of_ours(entry: Path) -> Child | None:
    try:
        text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it ended while we were looking
        return None
    head, _, tail = text.rpartition(")")  # the name may hold blanks and brackets
    state, parent, *rest = tail.split()
    if int(parent) != os.getpid():
        return None
    if state in "ZX":
        reap_if_adopted(entry)
        return None
    return Child(int(entry.name), start_time=int(rest[17]), name=head.partition("(")[2])


def reap_if_adopted(entry: Path) -> None:
    """Collect a dead child that was born in a pid namespace: we never start such children ourselves."""
    with suppress(OSError):
        status = (entry / "status").read_text("utf-8", "replace")
        if len(status.partition("NSpid:")[2].partition("\n")[0].split()) > 1:
            os.waitpid(int(entry.name), os.WNOHANG)


def open_descriptors() -> frozenset[tuple[int, str]]:
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one that listed the folder
            found.add((int(entry.name), str(entry.readlink())))
    return frozenset(found)


def leaks_since(before: Snapshot, *, settle_s: float = SETTLE_S) -> list[str]:
    """Wait for what is on its way out, then name what stayed.

    Args:
        before: the state to return to.
        settle_s: seconds to wait at most; nothing is waited for when there is no leak.

    Returns:
        One line for each leak.
    """
    if not before.difference(Snapshot.take()):
        return []
    gc.collect()  # an actor and its mailbox are a cycle
    deadline = time.monotonic() + settle_s
    now = Snapshot.take()
    for thread in now.threads - before.threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    tick = threading.Event()
    while (found := before.difference(Snapshot.take())) and time.monotonic() < deadline:
        tick.wait(POLL_S)
    return sorted(found)
