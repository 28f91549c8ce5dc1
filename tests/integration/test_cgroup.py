"""Control groups of guests that start processes: what they bound, and what their kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from dspex_actors import MIB, Completed, LimitExceeded, Limits, Policy, Runtime, WorkerDied
from dspex_actors.workers._process import Cause
from dspex_actors.workers.confine import _cgroup
from tests.integration._tools import CEILING_S, TIMERS, BareZygote
from tests.integration.test_kill_table import HOSTILE, KILL_S, source

REPOSITORY = Path(__file__).parents[2]


def kill_is_ours() -> bool:
    """Whether we may make groups with a kill file; the report says why where we may not."""
    try:
        group = _cgroup.Group.make(_cgroup.own_places())
    except OSError:
        return False
    powers = group.powers
    assert group.remove()
    return "kill" in powers


pytestmark = pytest.mark.skipif(not kill_is_ours(), reason="this user may make no control groups here")


@pytest.fixture(scope="module")
def shell(clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote whose guests can start processes and have nothing but a control group to end them."""
    with BareZygote(Policy(profile="shell", require=()), ["pid_namespace"]) as zygote:
        yield zygote


def groups_of(pid) -> list[Path]:
    """Return the groups that hosts of a process id have."""
    places = _cgroup.own_places()
    return [folder for place in places for folder in Path(place.folder).glob(f"dspex-{pid}-*")]


def left_in(group, seconds=KILL_S):
    deadline, tick = time.monotonic() + seconds, threading.Event()
    while (left := group.processes()) and time.monotonic() < deadline:
        tick.wait(0.005)
    return left


def test_the_report_names_the_group_as_what_makes_the_kill_complete(shell):
    assert shell.layers["cgroup"].active
    assert shell.layers["cgroup"].detail.endswith("kill")
    assert (shell.layers["reliable_kill"].active, shell.layers["pid_namespace"].active) == (True, False)
    assert shell.layers["reliable_kill"].detail.startswith("cgroup")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_that_the_guest_has_started_is_left_after_the_kill(shell, name):
    with shell.worker() as worker:
        group, before = worker._control_group, []

        def on_output(_stream, text):
            if "running" in text:
                before.extend(group.processes())
                worker.kill(Cause.CANCELLED)

        result = worker.execute(source(name), None, Limits(time_s=20), TIMERS, on_output)
        left = left_in(group)

    assert (type(result), result.signal) == (WorkerDied, signal.SIGKILL)
    assert worker.facts.pid in before
    assert left == []


def test_a_daemon_whose_starter_has_exited_is_ended_and_the_exit_is_told(shell):
    code = source("a daemon").replace('print("running")', "os._exit(3)")
    with shell.worker() as worker:
        result = worker.execute(code, None, Limits(time_s=20), TIMERS)
        left = left_in(worker._control_group)

    assert (type(result), result.exit_code) == (WorkerDied, 3)
    assert left == []


HOST = """
import sys
from dspex_actors import Limits, Policy
from tests.integration._tools import TIMERS, BareZygote

def tell(stream, text):
    if "running" in text:
        print(*worker._control_group.processes(), flush=True)

with BareZygote(Policy(profile="shell", require=()), ["pid_namespace"]) as zygote, zygote.worker() as worker:
    worker.execute(sys.argv[1], None, Limits(time_s=60), TIMERS, tell)
"""


def test_a_host_that_is_killed_leaves_no_guest_and_its_groups_are_removed_by_the_next():
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, source("a daemon")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])},
    )
    with host:
        guests = [int(pid) for pid in host.stdout.readline().split()]
        folders = groups_of(host.pid)
        host.kill()
    deadline, tick = time.monotonic() + CEILING_S, threading.Event()
    while any((folder / "cgroup.procs").read_text() for folder in folders) and time.monotonic() < deadline:
        tick.wait(0.005)
    left = [(folder / "cgroup.procs").read_text() for folder in folders]
    _cgroup.remove_leftovers(_cgroup.own_places())

    assert len(guests) >= 2
    assert folders
    assert set(left) == {""}
    assert groups_of(host.pid) == []


def test_groups_are_removed_with_their_workers():
    with BareZygote(Policy(profile="shell")) as zygote:
        with zygote.worker():
            during = groups_of(os.getpid())
        zygote.run("import os\nif os.fork() == 0:\n  while True: pass")
    after = groups_of(os.getpid())

    assert during
    assert after == []


def powers() -> frozenset[str]:
    group = _cgroup.Group.make(_cgroup.own_places())
    found = group.powers
    group.remove()
    return found


MEMORY_BOMB = """
import os, signal, time
for _ in range(8):
    if os.fork() == 0:
        mine = bytearray(40 * 2**20)
        signal.pause()
print("started")
while True:
    time.sleep(0.01)
"""


@pytest.mark.skipif(
    not kill_is_ours() or "memory" not in powers(), reason="there is no memory controller here"
)
def test_the_memory_of_all_processes_of_a_guest_is_bounded_together():
    limits = Limits(time_s=20, memory_bytes=64 * MIB)
    with BareZygote(Policy(profile="shell", scratch_bytes=MIB)) as zygote, zygote.worker() as worker:
        killed = threading.Event()

        def watch():
            tick = threading.Event()
            while not killed.is_set():
                if worker._control_group.ran_out_of_memory():
                    killed.set()
                    worker.kill(Cause.CANCELLED)
                tick.wait(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        result = worker.execute(MEMORY_BOMB, None, limits, TIMERS)
        bombed = killed.is_set()
        killed.set()
        watcher.join(CEILING_S)

    assert bombed
    assert isinstance(result, WorkerDied | LimitExceeded)
    assert getattr(result, "limit", "memory") == "memory"


@pytest.mark.skipif(not kill_is_ours() or "tasks" not in powers(), reason="there is no pids controller here")
def test_processes_of_a_guest_are_bounded_by_the_group_where_nothing_else_counts_them():
    code = """
import os, signal
children = []
try:
    while len(children) < 100:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError:
    pass
len(children)
"""
    with BareZygote(Policy(profile="shell", require=()), ["process_limit"]) as zygote:
        active = zygote.layers["process_limit"].active
        result = zygote.run(code, Limits(time_s=20, processes=9))

    assert not active
    assert isinstance(result, Completed)
    assert result.value == 8


def test_a_session_goes_on_when_a_call_may_have_more_memory_or_less_than_the_one_before():
    sizes = [64, 256, 64, 200]
    with Runtime() as runtime, runtime.session(policy=Policy(profile="shell")) as session:
        values = [
            session.execute("n = globals().get('n', 0) + 1\nn", limits=Limits(memory_bytes=size * MIB)).value
            for size in sizes
        ]

    assert values == [1, 2, 3, 4]


def test_a_call_that_may_have_less_memory_than_is_in_use_is_run_all_the_same():
    with Runtime() as runtime, runtime.session(policy=Policy(profile="shell", scratch_bytes=MIB)) as session:
        session.execute("kept = b'x' * (150 * 2**20)", limits=Limits(memory_bytes=256 * MIB))
        less = session.execute("len(kept)", limits=Limits(memory_bytes=32 * MIB))
        again = session.execute("len(kept)", limits=Limits(memory_bytes=256 * MIB))

    assert isinstance(less, Completed | LimitExceeded), less
    assert getattr(less, "limit", "memory") == "memory"
    assert isinstance(less, LimitExceeded) or again.value == 150 * MIB
