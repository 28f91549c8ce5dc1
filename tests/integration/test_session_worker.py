"""Copies of a worker, without actors: made when the host says so, woken when the worker has ended."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, Policy, WorkerDied, WorkerLostError
from dspex_actors.workers import Cause
from tests.integration._sessions import bare_session, kill_and_wait, namespace_of, wait_members
from tests.integration._tools import CEILING_S, QUICK, SHORT, TIMERS, BareZygote

pytestmark = pytest.mark.may_leak(
    "the zygote of the module forks and reaps; the module is checked as a whole"
)


@pytest.fixture
def session(zygote):
    with bare_session(zygote) as session:
        yield session


def test_a_copy_has_the_state_of_when_it_was_made(session):
    session.run("x = 1")
    first = session.freeze()
    session.run("x = 2")
    second = session.freeze()
    session.run("x = 3")

    assert (first, second) == (1, 2)
    assert session.restore(2)
    assert session.value("x") == 2
    assert session.restore(1)
    assert session.value("x") == 1


def test_a_copy_that_was_woken_is_used_up_and_can_be_copied_again(session):
    session.run("x = 1")
    session.freeze()
    assert session.restore(1)
    assert not session.worker.restore(1, [])
    session.freeze()
    session.run("x = 5")

    assert session.restore(2)
    assert session.value("x") == 1


def test_a_worker_that_lives_stays_as_it_is_if_the_copy_is_not_there(session):
    session.run("x = 1")

    assert not session.worker.restore(7, [])
    assert session.value("x") == 1


def test_superfluous_copies_end_and_newer_ones_end_with_the_state(session):
    for n in range(4):
        session.run(f"x = {n}")
        session.freeze([n - 1])
    kept = wait_members(session.namespace, 3 + 2)

    assert len(kept) == 5, kept
    assert session.restore(3, [4])
    assert session.value("x") == 2
    assert len(wait_members(session.namespace, 3)) == 3


ENDINGS = {
    "time": ("while True: pass", LimitExceeded),
    "exit": ("import os; os._exit(3)", WorkerDied),
    "segfault": ("import ctypes; ctypes.string_at(0)", WorkerDied),
    "abort": ("import os; os.abort()", WorkerDied),
    "kill": ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", WorkerDied),
    "raise": ("import signal; signal.raise_signal(signal.SIGKILL)", WorkerDied),
    "closed files": ("import os; os.closerange(0, 64)", WorkerDied),
    "garbage": ("import os; os.write(3, b'x' * 99)\nwhile True: pass", WorkerDied),
    "half a frame": ("import os; os.write(3, bytes([255, 0, 0, 0, 4]))\nwhile True: pass", LimitExceeded),
}


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize(("code", "kind"), ENDINGS.values(), ids=ENDINGS)
def test_however_a_worker_ends_its_copy_takes_over_again_and_again(session, code, kind, rounds):
    session.run("x = 42")
    for _ in range(rounds):
        number = session.freeze()
        result = session.run(f"x = -1\n{code}", SHORT)

        assert isinstance(result, kind), result
        assert session.restore(number)
        assert session.value("x") == 42


def test_the_exit_status_is_told_also_of_a_copy_that_was_woken(session):
    results = []
    for code in ("import os; os._exit(3)", "import os; os._exit(0)", "import os; os.kill(os.getpid(), 15)"):
        number = session.freeze()
        results.append(session.run(code))
        session.restore(number)

    assert [(result.exit_code, result.signal) for result in results] == [(3, None), (0, None), (None, 15)]


def test_each_worker_is_another_process_and_says_which(session):
    pids = [session.worker.facts.pid]
    for _ in range(3):
        session.restore(session.freeze())
        pids.append(session.run("1").worker.pid)

    assert len(set(pids)) == 4
    assert {namespace_of(pids[-1])} == {session.namespace}


def test_a_copy_that_is_killed_is_told_and_the_session_goes_on(session):
    session.run("x = 1")
    session.freeze()
    (copy,) = session.copies()
    kill_and_wait(copy)
    tick = threading.Event()
    vanished = {}
    while not vanished:
        vanished = session.worker.vanished()
        tick.wait(0.005)

    assert vanished == {1: "its checkpoint was gone"}
    assert session.value("x") == 1
    assert session.freeze() == 2


def test_a_keeper_that_is_killed_ends_the_session_and_nothing_is_left(zygote):
    worker = zygote.handle.spawn_session(reseed=True)
    worker.wait_ready(CEILING_S, TIMERS)
    worker.open(QUICK, TIMERS)
    namespace = namespace_of(worker.facts.pid)
    worker.freeze(1, [])
    kill_and_wait(worker.pids()[1])
    with pytest.raises(WorkerLostError):
        worker.serve("while True: pass", None, QUICK, TIMERS)
    assert worker.close()

    assert wait_members(namespace, 0) == {}


def test_a_worker_killed_from_outside_is_brought_back(session):
    session.run("x = 42")
    session.freeze()
    kill_and_wait(session.worker.facts.pid)
    died = session.worker.obituary()

    assert died.signal == signal.SIGKILL
    assert session.worker.restore(1, [])
    assert session.value("x") == 42


def test_a_session_that_uses_all_its_descriptors_can_still_be_copied(session):
    code = """
import os
files = []
try:
    while True: files.append(os.open("/dev/null", os.O_RDONLY))
except OSError: pass
len(files)
"""
    count = session.value(code)
    assert count > 40
    assert session.freeze() == 1
    session.run("import os; os._exit(0)")
    assert session.restore(1)

    assert session.value("len(files)") == count


def test_a_session_whose_memory_is_used_up_can_still_be_copied(zygote):
    limits = Limits(memory_bytes=64 * 2**20)
    with bare_session(zygote, limits=limits) as session:
        session.run(
            "x = 42\nkept = []\ntry:\n  while True: kept.append(bytes(400))\nexcept MemoryError: pass"
        )
        assert session.run("[0] * 100_000", limits).limit == "memory"
        assert session.freeze() == 1
        session.worker.kill(Cause.CANCELLED)
        assert session.worker.restore(1, [])

        assert session.worker.read("x", limits, TIMERS).value == 42


def test_open_files_are_shared_between_a_state_and_its_copy(session):
    session.run("f = open('f', 'w+'); f.write('abcdef'); f.flush(); f.seek(0)")
    session.freeze()
    session.run("f.read(3)\nimport os; os._exit(0)")
    session.restore(1)

    assert session.value("open('f').read()") == "abcdef"


def test_main_stays_the_sessions_own_module_over_copies(session):
    session.run("class P: pass\np = P()")
    session.freeze()
    assert session.value("import pickle, sys; pickle.loads(pickle.dumps(p)).__class__ is P")
    session.restore(1)

    assert session.value(
        "import pickle, sys; sys.modules['__main__'].P is P and pickle.loads(pickle.dumps(p)) is not p"
    )


def test_closing_a_session_is_quiet_the_second_time_and_leaves_nothing(zygote):
    worker = zygote.handle.spawn_session(reseed=True)
    worker.wait_ready(CEILING_S, TIMERS)
    namespace = namespace_of(worker.facts.pid)
    assert worker.close()

    assert worker.close()
    assert worker.is_closed
    assert wait_members(namespace, 0) == {}


def test_a_session_closed_before_it_was_ready_leaves_nothing(zygote):
    worker = zygote.handle.spawn_session(reseed=True)
    worker.kill(Cause.CLOSED)
    with pytest.raises(WorkerLostError):
        worker.wait_ready(CEILING_S, TIMERS)
    worker.close()

    assert isinstance(zygote.run("1"), Completed)


def test_sessions_end_with_their_zygote():
    with BareZygote() as zygote:
        worker = zygote.handle.spawn_session(reseed=True)
        worker.wait_ready(CEILING_S, TIMERS)
        worker.open(QUICK, TIMERS)
        worker.freeze(1, [])
        namespace = namespace_of(worker.facts.pid)
        zygote.handle.close()
        left = wait_members(namespace, 0)
        with pytest.raises(WorkerLostError):
            worker.serve("1", None, QUICK, TIMERS)
        worker.close()

    assert left == {}


DISABLED = {
    "pid_namespace": "pid_namespace",
    "seccomp": "seccomp",
    "user_notification": "user notification",
}


@pytest.mark.parametrize(("layer", "word"), DISABLED.items())
def test_a_machine_that_lacks_what_copies_need_says_what(layer, word):
    with BareZygote(disabled=[layer]) as zygote:
        assert word in zygote.handle.no_copies
        assert "switched off" in zygote.handle.no_copies


def test_the_worker_of_a_session_is_confined_like_any_other_by_two_filters_and_without_rights(session):
    text = Path(f"/proc/{session.worker.facts.pid}/status").read_text(encoding="utf-8")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    assert (status["Seccomp"], status["Seccomp_filters"], status["NoNewPrivs"]) == ("2", "2", "1")
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


def test_a_keeper_has_no_right_but_to_kill_and_only_the_descriptors_it_needs(session):
    keeper = session.worker.pids()[1]
    text = Path(f"/proc/{keeper}/status").read_text(encoding="utf-8")
    status = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    session.freeze()
    targets = sorted(os.readlink(each) for each in Path(f"/proc/{keeper}/fd").iterdir())  # noqa: PTH115 -- no path

    assert int(status["CapEff"], 16) == 1 << 5  # CAP_KILL: its guest may have a user of its own
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    kinds = [target.split(":")[0] for target in targets]
    assert kinds.count("socket") == 3  # the line, the meeting, the copy's own
    assert sum(target.startswith("/") and target != "/proc" for target in targets) <= 3  # the standard ones


@pytest.mark.parametrize("profile", ["trusted", "shell"])
def test_guests_that_may_start_processes_are_not_copied(profile):
    with BareZygote(Policy(profile=profile)) as zygote:
        assert "may have processes of their own" in zygote.handle.no_copies
