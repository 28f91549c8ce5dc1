"""A request's CPU time is counted in the host: when it is looked at, and what is read."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from dspex_actors.workers._cpu_watch import LEAST_S, CpuWatch, cpu_s_of
from supervisors.testing import ManualClock


class Watched:
    """A process that uses what it is told to, with a watch on it."""

    def __init__(self, allowed_s, *, used=100.0, cores=1):
        self.clock = ManualClock()
        self.used, self.looks, self.exceeded = used, 0, []
        self.watch = CpuWatch(self.read, allowed_s, self.clock, self.exceeded.append, cores=cores)

    def read(self):
        self.looks += 1
        return self.used

    def run(self, seconds, cores=1.0):
        """Let it keep some cores busy for a while, in steps of a hundredth of a second."""
        for _ in range(round(seconds * 100)):
            self.used += cores / 100
            self.clock.advance(0.01)


def test_a_process_is_reported_once_when_it_has_used_its_seconds_and_not_before():
    watched = Watched(1.0)
    watched.run(0.98)
    assert watched.exceeded == []
    watched.run(0.1)

    assert watched.exceeded == [pytest.approx(1.0, abs=LEAST_S)]
    watched.run(5)
    assert len(watched.exceeded) == 1


def test_what_was_used_before_does_not_count():
    watched = Watched(2.0, used=10**6)
    watched.run(1.9)

    assert watched.exceeded == []


def test_a_process_that_waits_uses_nothing_and_is_looked_at_seldom():
    watched = Watched(1.0)
    watched.run(60, cores=0)

    assert watched.exceeded == []
    assert watched.looks <= 61


@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_threads_on_all_cores_use_at_most_one_look_too_much(cores):
    watched = Watched(3.0, cores=cores)
    watched.run(3.2, cores=cores)

    assert len(watched.exceeded) == 1
    assert 3.0 <= watched.exceeded[0] <= 3.0 + cores * (LEAST_S + 0.02)


def test_a_watch_that_was_cancelled_reports_nothing_and_looks_no_more():
    watched = Watched(1.0)
    watched.run(0.5)
    watched.watch.cancel()
    looks = watched.looks
    watched.run(5)

    assert (watched.exceeded, watched.looks) == ([], looks)


def test_a_watch_that_is_cancelled_while_it_looks_does_not_look_again():
    watched = Watched(1.0)
    read = watched.read

    def cancelled_meanwhile():
        watched.watch.cancel()
        return read()

    watched.watch._read = cancelled_meanwhile
    watched.run(1.5, cores=0)
    looks = watched.looks
    watched.run(5)

    assert (watched.exceeded, watched.looks) == ([], looks)


def test_a_process_that_has_ended_is_looked_at_no_more():
    watched = Watched(1.0)
    watched.used = None
    watched.clock.advance(10)
    watched.clock.advance(10)

    assert (watched.exceeded, watched.looks) == ([], 2)
    assert Watched(1.0, used=None).looks == 1


def test_the_clock_that_is_read_is_that_of_all_threads_of_the_process():
    pidfd = os.pidfd_open(os.getpid())
    try:
        before = time.process_time()
        read = cpu_s_of(os.getpid(), pidfd)
        after = time.process_time()
    finally:
        os.close(pidfd)

    assert before <= read <= after


def test_a_process_that_has_ended_has_no_cpu_time():
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    pidfd = os.pidfd_open(child.pid)
    try:
        assert cpu_s_of(child.pid, pidfd) >= 0
        child.communicate(b"\n")
        assert cpu_s_of(child.pid, pidfd) is None
        assert cpu_s_of(os.getpid(), pidfd) is None  # as if the number had been given away since
        assert cpu_s_of(0, pidfd) is None
    finally:
        os.close(pidfd)
