"""What hostile code starts ends with its worker, whatever it does to be left behind.

Who is left is found by the kernel's own books: the pid namespaces that the worker and its children are in.
Names and parents are for the hostile to choose.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from dspex_actors import LimitExceeded, Limits, Policy, WorkerDied, WorkerLostError
from dspex_actors.workers._process import Cause
from tests.integration._tools import CEILING_S, TIMERS, BareZygote, process_ids, runtime_of, wait_end

KILL_S = 1.0  # seconds after which whatever is left counts as having survived
REPOSITORY = Path(__file__).parents[2]


def namespace_of(pid) -> int:
    return Path(f"/proc/{pid}/ns/pid").stat().st_ino


def living_in(namespaces) -> list[int]:
    """Return the living processes in some pid namespaces, and in those made within them."""
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):  # it ended while we were looking
            if entry.name.isdigit() and (entry / "ns" / "pid").stat().st_ino in namespaces:
                state = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
                if state not in "ZX":
                    found.append(int(entry.name))
    return found


def left_after(namespaces, seconds=KILL_S) -> list[int]:
    """Wait until nobody lives in the namespaces; return who does when the time is up."""
    deadline, tick = time.monotonic() + seconds, threading.Event()
    while (left := living_in(namespaces)) and time.monotonic() < deadline:
        tick.wait(0.005)
    return left


HOSTILE = {
    "a loop that ignores signals": """
        import signal
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        print("running")
        while True:
            pass
        """,
    "a child": """
        import os
        if os.fork() == 0:
            while True:
                pass
        print("running")
        while True:
            pass
        """,
    "a daemon": """
        import os, signal
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                os.write(write, b"x")
                while True:
                    pass
            os._exit(0)
        os.wait()
        os.read(read, 1)
        print("running")
        while True:
            pass
        """,
    "a chain that forks from process to process": """
        import os
        read, write = os.pipe()
        if os.fork() == 0:
            os.setsid()
            hops = 0
            while True:
                if os.fork():
                    os._exit(0)
                hops += 1
                if hops == 20:
                    os.write(write, b"x")
        os.read(read, 1)
        print("running")
        while True:
            pass
        """,
    "a program that it runs in the background": """
        import subprocess
        subprocess.Popen(["sh", "-c", "trap '' TERM HUP; while :; do :; done"], start_new_session=True)
        print("running")
        while True:
            pass
        """,
}


def source(name):
    first, *rest = HOSTILE[name].strip("\n").splitlines()
    indent = len(first) - len(first.lstrip())
    return "\n".join(line[indent:] for line in [first, *rest])


@pytest.fixture(scope="module", params=["seccomp", "no seccomp"])
def shell(request, clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote of the profile `shell`; its guests may fork, with the filters and without."""
    disabled = () if request.param == "seccomp" else ("seccomp",)
    with BareZygote(Policy(profile="shell", require=()), disabled) as zygote:
        yield zygote


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_the_guest_has_started_is_left_after_the_kill(shell, name):
    namespaces = set()
    with shell.worker() as worker:

        def on_output(_stream, text):
            if "running" in text:
                namespaces.add(namespace_of(worker.facts.pid))
                worker.kill(Cause.CANCELLED)

        result = worker.execute(source(name), None, Limits(time_s=20), TIMERS, on_output)
        left = left_after(namespaces)

    assert (type(result), result.signal) == (WorkerDied, signal.SIGKILL)
    assert len(namespaces) == 1
    assert left == []


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_left_when_the_time_is_up_and_the_next_guest_is_served(shell, name):
    with shell.worker() as worker:
        namespaces = {namespace_of(worker.facts.pid)}
        result = worker.execute(source(name), None, Limits(time_s=0.3), TIMERS)
        left = left_after(namespaces)

    assert isinstance(result, LimitExceeded)
    assert left == []
    assert shell.run("1 + 1").value == 2


def test_a_daemon_whose_starter_has_exited_is_not_left(shell):
    code = source("a daemon").replace('print("running")', "os._exit(3)")
    with shell.worker() as worker:
        namespaces = {namespace_of(worker.facts.pid)}
        result = worker.execute(code, None, Limits(time_s=20), TIMERS)
        left = left_after(namespaces)

    assert (type(result), result.exit_code) == (WorkerDied, 3)
    assert left == []


def test_a_daemon_does_not_outlive_the_result_of_its_starter(shell):
    code = source("a daemon").replace('print("running")\n', "'done'\n").partition("'done'\n")[0] + "'done'"
    with shell.worker() as worker:
        namespaces = {namespace_of(worker.facts.pid)}
        result = worker.execute(code, None, Limits(time_s=20), TIMERS)
        before = living_in(namespaces)
    left = left_after(namespaces)

    assert result.value == "done"
    assert len(before) >= 3  # the nanny, the worker and the daemon
    assert left == []


def test_guests_that_can_start_processes_each_have_a_pid_namespace_of_their_own(shell):
    seen = []
    for _ in range(3):
        with shell.worker() as worker:
            seen.append(namespace_of(worker.facts.pid))
    with shell.worker() as one, shell.worker() as two:
        together = {namespace_of(one.facts.pid), namespace_of(two.facts.pid)}

    assert namespace_of("self") not in seen
    assert len(together) == 2


@pytest.mark.parametrize("profile", ["strict", "process", "shell"])
def test_a_worker_lives_in_another_pid_namespace_than_the_host_and_its_siblings(profile):
    with BareZygote(Policy(profile=profile)) as zygote, zygote.worker() as one, zygote.worker() as two:
        namespaces = {namespace_of(one.facts.pid), namespace_of(two.facts.pid), namespace_of("self")}

    assert len(namespaces) == 3


HOST = """
import os, sys
from dspex_actors import Limits, Policy, Runtime
from dspex_actors.executors import GetProcesses

def tell(stream, text):
    if "running" in text:
        print(*runtime.executor.call(GetProcesses()).values(), flush=True)

runtime = Runtime(policy=Policy(profile=sys.argv[1]))
runtime.execute(sys.argv[2], on_output=tell, limits=Limits(time_s=60))
"""


def descendants(pid) -> set[int]:
    """Return all processes below one."""
    found, below = set(), {pid}
    while below:
        children = set()
        for parent in below:
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                for task in Path(f"/proc/{parent}/task").iterdir():
                    children.update(int(child) for child in (task / "children").read_text().split())
        found |= children
        below = children
    return found


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("process", "a loop that ignores signals"),
        ("shell", "a daemon"),
        ("shell", "a chain that forks from process to process"),
    ],
)
def test_a_host_that_is_killed_leaves_no_zygote_no_nanny_and_no_guest(profile, name):
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, profile, source(name)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )
    with host, ExitStack() as stack:
        stack.callback(host.kill)
        zygote, *workers = map(int, host.stdout.readline().split())
        below = descendants(host.pid)
        namespaces = {namespace_of(worker) for worker in workers}
        own = [os.pidfd_open(pid) for pid in (zygote, *workers)]
    left = left_after(namespaces, CEILING_S)
    ended = [wait_end(pidfd) for pidfd in own]
    for pidfd in own:
        os.close(pidfd)

    assert {zygote, *workers} < below
    assert namespace_of("self") not in namespaces
    assert left == []
    assert all(ended)


def nannies_of(zygote) -> dict[int, int]:
    """Return the nannies of a zygote by their namespace: in it they are process 1."""
    children = (Path("/proc") / str(zygote) / "task" / str(zygote) / "children").read_text().split()
    return {namespace_of(child): int(child) for child in children if process_ids(child)[1:] == [1]}


@pytest.mark.parametrize("profile", ["process", "shell"])
def test_a_nanny_that_is_killed_from_outside_costs_her_worker_and_no_more(profile):
    with BareZygote(Policy(profile=profile)) as zygote:
        with zygote.worker() as worker:
            namespace = namespace_of(worker.facts.pid)
            os.kill(nannies_of(zygote.process.pid)[namespace], signal.SIGKILL)
            result = worker.execute("while True: pass", None, Limits(time_s=20), TIMERS)
        left = left_after({namespace})
        after = [zygote.run("1 + 1").value for _ in range(3)]

    assert (type(result), result.signal) == (WorkerDied, signal.SIGKILL)
    assert left == []
    assert after == [2, 2, 2]


def test_a_guest_can_neither_kill_nor_stop_the_nanny_of_its_namespace():
    code = """
import os, signal
outcomes = []
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM):
    try:
        os.kill(1, number)
        outcomes.append("sent")
    except PermissionError:
        outcomes.append("refused")
child = os.fork()
if child == 0:
    os._exit(4)
(outcomes, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    with BareZygote(Policy(profile="shell")) as zygote:
        outcomes, code = zygote.run(code).value

    assert set(outcomes) <= {"sent", "refused"}  # sent and ignored, or refused: she lives
    assert code == 4


def run_until_lost(worker, code, on_output):
    with suppress(WorkerLostError):
        worker.execute(code, None, Limits(time_s=20), TIMERS, on_output)


def test_a_zygote_that_is_killed_takes_all_its_pid_namespaces_along():
    with BareZygote(Policy(profile="shell")) as zygote, zygote.worker() as worker:
        namespaces = {namespace_of(worker.facts.pid)}
        running = threading.Event()

        def on_output(_stream, text):
            if "running" in text:
                running.set()

        caller = threading.Thread(
            target=run_until_lost, args=(worker, source("a daemon"), on_output), daemon=True
        )
        caller.start()
        assert running.wait(CEILING_S)
        before = living_in(namespaces)
        zygote.process.kill()
        caller.join(CEILING_S)
    left = left_after(namespaces)

    assert len(before) >= 3
    assert left == []


def test_a_runtime_of_the_profile_shell_runs_programs_and_stops_clean():
    code = (
        "import subprocess\n"
        "done = subprocess.run(['sh', '-c', 'echo out; exit 3'], capture_output=True, text=True)\n"
        "(done.stdout, done.returncode)"
    )
    with runtime_of(policy=Policy(profile="shell"), spares=1) as runtime:
        values = [runtime.execute(code).value for _ in range(3)]
        report = runtime.sandbox_report()

    assert values == [("out\n", 3)] * 3
    assert report.contained
    assert runtime.stop().clean
