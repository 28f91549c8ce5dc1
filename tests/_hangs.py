"""The end of a run that hangs: the stacks of the threads that matter are printed, and the run is killed.

pytest-timeout fails a test from a Python signal handler, which needs a main thread that still runs Python,
a global interpreter lock that is free, and a teardown that ends. Here another process looks at the clock and
needs none of them: a signal makes a thread print its own stack from C. First the threads that do not wait
for a lock, the main thread last, since the end of the output is what a report of a failed run shows.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

GRACE_S = 60.0  # seconds beyond the time a test may take, for its teardown; also for the end of the run
SHOW = signal.SIGUSR2
QUIET_S = 0.2  # seconds of silence after which a thread has printed its stack


class HangWatch:
    """Kills this process when nothing is begun for longer than `limit_s` seconds."""

    def __init__(self, limit_s: float) -> None:
        stacks, self._shown = os.pipe()
        faulthandler.register(SHOW, file=self._shown, all_threads=False)
        command = [sys.executable, "-I", __file__, str(os.getpid()), str(stacks), str(limit_s)]
        # its standard error is the true one: pytest captures nothing while it is configured
        self._watcher = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[stacks])
        os.close(stacks)
        assert self._watcher.stdin is not None
        self._pipe = self._watcher.stdin.fileno()

    def begin(self, what: str) -> None:
        """Note that something new has begun."""
        os.write(self._pipe, f"{what[:200]}\n".encode())

    def rest(self) -> None:
        """Note that nothing is to be watched until something new begins."""
        self.begin("")


def watch(pid: int, stacks: int, limit_s: float) -> None:
    """Read what has begun from standard input until its end; kill the process when a limit is over."""
    begun = "the run"
    while select.select([0], [], [], limit_s if begun else None)[0]:
        read = os.read(0, 65536)
        if not read:
            return
        begun = read.decode(errors="replace").rstrip("\n").rpartition("\n")[2]
    if os.getppid() == pid:
        show_threads(pid, stacks)
        sys.stderr.write(f"{begun} hangs for more than {limit_s:g} s; the run is killed\n")
        sys.stderr.flush()
        with suppress(ProcessLookupError):  # it may have ended of the signal that was to show a stack
            os.kill(pid, signal.SIGKILL)


def show_threads(pid: int, stacks: int) -> None:
    """Print how many threads wait where in the kernel, and the stacks of those that matter."""
    waiting = {int(task.name): place(task) for task in Path(f"/proc/{pid}/task").iterdir()}
    main = waiting.pop(pid)
    counts = sorted(
        ((list(waiting.values()).count(where), where) for where in set(waiting.values())), reverse=True
    )
    sys.stderr.write(f"\nthreads: {', '.join(f'{count} in {where}' for count, where in counts) or 'one'}\n")
    for thread in [*[thread for thread, where in waiting.items() if "futex" not in where][:20], pid]:
        sys.stderr.write(f"\nin {main if thread == pid else waiting[thread]}:\n")
        ctypes.CDLL(None).tgkill(pid, thread, int(SHOW))
        while select.select([stacks], [], [], QUIET_S)[0] and (stack := os.read(stacks, 65536)):
            sys.stderr.write(stack.decode())


def place(task: Path) -> str:
    """Return the name of the kernel's function that a thread waits in; its state where that is not shown."""
    where = (task / "wchan").read_text().strip("0\n")
    return where or "state " + (task / "stat").read_text().rpartition(")")[2].split()[0]


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
