"""What the tests of sessions that can be rolled back share."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from dspex_actors.workers import Cause
from tests.integration._tools import CEILING_S, QUICK, TIMERS, BareZygote, wait_end


def namespace_of(pid: int) -> int:
    return os.stat(f"/proc/{pid}/ns/pid").st_ino  # noqa: PTH116 -- the link itself is not wanted


def members(namespace: int) -> dict[int, str]:
    """Return the living processes of a pid namespace by process id, each with its state."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            if namespace_of(int(entry.name)) == namespace:
                state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found[int(entry.name)] = state
    return found


def wait_members(namespace: int, count: int) -> dict[int, str]:
    """Wait until a pid namespace has that many living processes; return what there is in the end."""
    tick = threading.Event()
    for _ in range(1000):
        found = members(namespace)
        if len(found) == count:
            return found
        tick.wait(0.005)
    return found


def kill_and_wait(pid: int) -> None:
    pidfd = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        assert wait_end(pidfd, CEILING_S)
    finally:
        os.close(pidfd)


class Bare:
    """The worker of a session without an actor: copies have the numbers 1, 2, 3."""

    def __init__(self, worker):
        self.worker = worker
        self.namespace = namespace_of(worker.facts.pid)
        self._number = 0

    def run(self, code, limits=QUICK):
        return self.worker.serve(code, None, limits, TIMERS)

    def value(self, code):
        result = self.run(code)
        assert hasattr(result, "value"), result
        return result.value

    def freeze(self, superfluous=()) -> int:
        """Make a copy; return its number."""
        refusal = self.refusal(superfluous)
        assert not refusal, refusal
        return self._number

    def refusal(self, superfluous=()) -> str:
        """Ask for a copy; return why there is none."""
        self._number += 1
        refusal = self.worker.freeze(self._number, list(superfluous))
        self.worker.confirm()
        return refusal

    def restore(self, number, newer=()):
        self.worker.kill(Cause.CANCELLED)
        return self.worker.restore(number, list(newer))

    def copies(self) -> list[int]:
        """Return the process ids of the copies: all but the first process, the keeper and the worker."""
        first = min(members(self.namespace))
        return sorted(set(members(self.namespace)) - {first, *self.worker.pids()})


@contextmanager
def bare_session(zygote: BareZygote, *, limits=QUICK, reseed=True):
    worker = zygote.handle.spawn_session(reseed=reseed)
    try:
        worker.wait_ready(CEILING_S, TIMERS)
        worker.open(limits, TIMERS)
        session = Bare(worker)
        yield session
    finally:
        assert worker.close()
    assert wait_members(session.namespace, 0) == {}
