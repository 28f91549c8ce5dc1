"""What the host sees of the child in which guest code runs: memory beyond an idle one's, and CPU time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dspex_actors.workers import _driver_watch
from dspex_actors.workers._cpu_watch import cpu_s_of
from dspex_actors.workers._driver_watch import DriverWatch, children_of
from tests.integration._tools import MIB

pytestmark = pytest.mark.integration

# A worker with a driver, which fills as much as it is told to and says so.
DRIVER = "import sys\nfor line in sys.stdin: kept = bytearray(int(line)); print(len(kept), flush=True)"
WORKER = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {DRIVER!r}])"


class Worker:
    def __init__(self, process):
        self.pid = process.pid
        self._process = process

    def fill(self, size):
        self._process.stdin.write(f"{size}\n")
        self._process.stdin.flush()
        assert int(self._process.stdout.readline()) == size


@pytest.fixture
def worker():
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        worker = Worker(process)
        worker.fill(1)  # its driver runs
        yield worker
        process.stdin.close()


def test_memory_counts_beyond_what_an_idle_driver_has_filled_and_its_room(worker, monkeypatch):
    monkeypatch.setattr(_driver_watch, "_ROOM", 10 * MIB)
    watch = DriverWatch()
    watch.begin(worker.pid)

    assert watch.beyond(worker.pid) <= -9 * MIB
    worker.fill(100 * MIB)
    assert 85 * MIB <= watch.beyond(worker.pid) <= 95 * MIB
    worker.fill(1)
    assert watch.beyond(worker.pid) <= 0


def test_a_worker_without_a_driver_and_one_that_is_gone_use_nothing(worker):
    watch = DriverWatch()

    assert watch.beyond(worker.pid) == 0
    (driver,) = children_of(worker.pid)
    watch.begin(driver)
    assert watch.beyond(driver) == 0
    watch.begin(worker.pid)
    assert watch.beyond(2**22 + 1) == 0
    assert children_of(2**22 + 1) == []


def test_a_driver_that_is_only_started_with_a_call_counts_from_nothing(worker, monkeypatch):
    monkeypatch.setattr(_driver_watch, "_ROOM", 10 * MIB)
    watch = DriverWatch()
    (driver,) = children_of(worker.pid)
    watch.begin(driver)  # which has no children itself, as a worker has none before its first call

    worker.fill(100 * MIB)
    assert 90 * MIB <= watch.beyond(worker.pid) <= 140 * MIB


def test_cpu_time_of_a_driver_counts_where_it_is_asked_for(worker):
    pidfd = os.pidfd_open(worker.pid)
    try:
        alone = cpu_s_of(worker.pid, pidfd)
        both = cpu_s_of(worker.pid, pidfd, has_driver=True)
    finally:
        os.close(pidfd)

    assert both > alone > 0
