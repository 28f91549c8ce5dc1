"""Kills at random moments around a reply, long rows of runaway calls, and a hundred branches."""

from __future__ import annotations

import os
import signal
import threading
import time
from random import Random

import pytest

from dspex_actors import Completed, LimitExceeded, Limits, WorkerDied
from tests._leaks import open_descriptors
from tests.integration._sessions import members, namespace_of, wait_members
from tests.integration._tools import CEILING_S, runtime_of, scratch_folders

STEP = """
import time
x += 1
end = time.perf_counter() + {busy}
while time.perf_counter() < end: pass
y = x
x
"""
PROCESSES = 4  # the first of the namespace, the keeper, the worker, one copy


def spin(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        continue


class Counting:
    """A session whose calls count; what it should have counted, by what was acknowledged."""

    def __init__(self, session, seed):
        self.session = session
        self.random = Random(seed)  # noqa: S311 -- the same moments in every run
        self.namespace = namespace_of(session.execute("x = y = 0").worker.pid)
        self.expected = 0
        self.seen = {}

    def step(self):
        return STEP.format(busy=self.random.uniform(0, 0.0015))

    def note(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1

    def kill_by_time(self):
        """Let the time be up about when the call ends."""
        result = self.session.execute(self.step(), limits=Limits(time_s=self.random.uniform(0.0003, 0.003)))
        if isinstance(result, Completed):
            self.expected += 1
            assert result.value == self.expected
            self.note("completed")
        else:
            assert isinstance(result, LimitExceeded), result
            assert (result.session.fate, result.session.undone) == ("rolled_back", 0), result
            self.note("timed out")

    def kill_by_cancelling(self):
        """Cancel the call about when it ends; it may have been done, but not by half."""
        future = self.session.submit(self.step())
        spin(self.random.uniform(0, 0.003))
        if future.cancel():
            value = self.session["x"]
            assert value in {self.expected, self.expected + 1}
            self.note("cancelled" if value == self.expected else "done and cancelled")
            self.expected = value
        else:
            self.expected += 1
            assert future.result(CEILING_S).value == self.expected
            self.note("too late to cancel")

    def kill_after_the_reply(self):
        """Cancel the next call about when the copy of this one is made: this one is acknowledged."""
        assert self.session.execute(self.step()).value == self.expected + 1
        self.expected += 1
        future = self.session.submit("x = y = -1\nwhile True: pass")
        spin(self.random.uniform(0, 0.004))
        assert future.cancel()
        self.note("killed after a reply")

    def check(self):
        assert self.session.execute("(x, y)").value == (self.expected, self.expected)
        assert self.session.rollback_state.status == "available"
        found = wait_members(self.namespace, PROCESSES)
        assert len(found) == PROCESSES, found


def kill_at_random_moments(session, kills, seed):
    counting = Counting(session, seed)
    ways = [counting.kill_by_time, counting.kill_by_cancelling, counting.kill_after_the_reply]
    for _ in range(kills):
        counting.random.choice(ways)()
        counting.check()
    return counting.seen


def test_a_hundred_kills_around_a_reply_keep_what_was_acknowledged_and_nothing_by_half():
    with runtime_of(spares=0) as runtime, runtime.session(history=0) as session:
        seen = kill_at_random_moments(session, 100, seed=1)

    assert seen["killed after a reply"] > 10, seen
    assert {"timed out", "completed"} <= set(seen), seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_five_hundred_kills_around_a_reply_keep_what_was_acknowledged(seed):
    with runtime_of(spares=0) as runtime, runtime.session(history=0) as session:
        session.execute("ballast = [float(n) for n in range(300_000)]" if seed == 4 else "1")
        kill_at_random_moments(session, 500, seed)


@pytest.mark.parametrize("kills", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_a_worker_killed_from_outside_at_a_random_moment_is_never_a_silent_loss(kills):
    random, outcomes = Random(7), {}  # noqa: S311 -- the same moments in every run
    with runtime_of(spares=0) as runtime, runtime.session(history=1) as session:
        pid = session.execute("x = y = 0").worker.pid
        namespace, expected = namespace_of(pid), 0
        for _ in range(kills):
            result = session.execute(STEP.format(busy=0))
            expected += 1
            assert result.value == expected
            pidfd = os.pidfd_open(result.worker.pid)
            spin(random.uniform(0, 0.003))
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            after = session.execute("(x, y)")
            if isinstance(after, WorkerDied):  # the copy was not made yet, or this call was hit
                state = after.session
                assert (state.fate, state.undone in {0, 1}) == ("rolled_back", True), after
                expected -= state.undone
                outcomes[state.undone] = outcomes.get(state.undone, 0) + 1
                after = session.execute("(x, y)")
            assert after.value == (expected, expected)
        left = wait_members(namespace, PROCESSES + 1)

    assert len(left) == PROCESSES + 1, left


@pytest.mark.parametrize("calls", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_good_and_runaway_calls_in_turn_leave_no_process_descriptor_or_file(calls):
    with runtime_of(spares=0) as runtime:
        with runtime.session() as session:
            namespace = namespace_of(session.execute("n = 0").worker.pid)
            descriptors, threads = open_descriptors(), threading.active_count()
            for number in range(calls // 2):
                good = session.execute("n += 1; n")
                bad = session.execute("n = -1\nwhile True: pass", limits=Limits(time_s=0.004))

                assert good.value == number + 1
                assert (type(bad), bad.session.fate) == (LimitExceeded, "rolled_back"), bad
            alive = wait_members(namespace, PROCESSES + 1)
            grown = len(open_descriptors()) - len(descriptors), threading.active_count() - threads
            keeper = session._lifeline.pids()[1]
            held = len(os.listdir(f"/proc/{keeper}/fd"))  # noqa: PTH208 -- only the number is wanted
            (folder,) = scratch_folders()

            assert session["n"] == calls // 2
            assert len(alive) == PROCESSES + 1, alive
            assert (grown[0], max(0, grown[1])) == (0, 0)  # idle threads of an earlier test end meanwhile
            assert held < 25
        assert list(folder.iterdir()) == []
        left = members(namespace)

    assert left == {}


def test_a_hundred_branches_of_one_session_go_a_hundred_ways():
    with runtime_of(spares=0, max_sessions=101) as runtime, runtime.session() as session:
        session.execute("path = ['root']; import random")
        branches = [session.fork() for _ in range(100)]
        for number, branch in enumerate(branches):
            branch.execute(f"path.append({number})")
        draws = {branch.execute("random.random()").value for branch in branches}
        killed = branches[::10]
        for branch in killed:
            assert branch.execute("path.clear()\nimport os; os._exit(1)").session.fate == "rolled_back"
        for branch in branches[5::10]:
            branch.close()
        paths = [branch["path"] for number, branch in enumerate(branches) if number % 10 != 5]

        assert paths == [["root", number] for number in range(100) if number % 10 != 5]
        assert len(draws) == 100
        assert session["path"] == ["root"]
        for branch in branches:
            branch.close()
        namespace = namespace_of(session.execute("1").worker.pid)

        assert len(wait_members(namespace, PROCESSES + 1)) == PROCESSES + 1
