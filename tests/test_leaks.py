"""The check that a test leaves nothing behind finds each kind of leak, and only leaks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from tests._leaks import Snapshot, become_subreaper, leaks_since

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

WAITS_FOR_ITS_INPUT = "import sys; print(flush=True); sys.stdin.read()"


@pytest.fixture
def before():
    return Snapshot.take()


def test_a_test_that_leaves_nothing_has_no_leaks(before):
    assert leaks_since(before, settle_s=0) == []


def test_a_thread_that_still_runs_is_named(before):
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="forgotten")
    thread.start()
    try:
        assert leaks_since(before, settle_s=0) == ["thread forgotten"]
    finally:
        release.set()
        thread.join()


def test_a_thread_that_is_about_to_end_is_waited_for(before):
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    threading.Thread(target=release.set).start()
    assert leaks_since(before) == []


def test_an_open_descriptor_is_named_with_what_it_is_open_on(before):
    number = os.open(os.devnull, os.O_RDONLY)
    try:
        assert leaks_since(before, settle_s=0) == [f"descriptor {number} (/dev/null)"]
    finally:
        os.close(number)


def test_a_descriptor_that_somebody_else_had_opened_and_the_test_closed_is_reported():
    number = os.open(os.devnull, os.O_RDONLY)
    before = Snapshot.take()
    os.close(number)
    assert leaks_since(before, settle_s=0) == [f"closed descriptor {number} (/dev/null)"]


def test_a_living_child_process_is_reported_and_a_dead_one_is_not(before):
    with subprocess.Popen([sys.executable, "-c", WAITS_FOR_ITS_INPUT], stdin=-1, stdout=-1) as child:
        child.stdout.readline()
        found = leaks_since(before, settle_s=0)
        child.stdin.close()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        with_zombie = leaks_since(before, settle_s=0)

    assert [line for line in found if line.startswith(f"process {child.pid} (")]
    assert [line for line in with_zombie if "process" in line] == []


def test_an_orphan_whose_parent_has_died_is_found_because_we_adopt_it(before):
    become_subreaper()
    parent = (
        "import subprocess, sys\n"
        f"child = subprocess.Popen([sys.executable, '-c', {WAITS_FOR_ITS_INPUT!r}], stdin=sys.stdin)\n"
        "print(child.pid, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdin=-1, stdout=-1, text=True) as process:
        orphan = int(process.stdout.readline())
        process.stdout.readline()  # the orphan runs
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        found = leaks_since(before, settle_s=0)
        process.stdin.close()
        os.waitid(os.P_PID, orphan, os.WEXITED)

    assert [line for line in found if line.startswith(f"process {orphan} (")]


def test_what_an_earlier_test_has_let_go_is_waited_for_before_a_module():
    number, looked = os.open(os.devnull, os.O_RDONLY), threading.Event()

    class Looked(Snapshot):
        @classmethod
        def take(cls):
            try:
                return Snapshot.take()
            finally:
                looked.set()

    def let_go():
        looked.wait()
        os.close(number)

    thread = threading.Thread(target=let_go)
    thread.start()
    before = Looked.settled()
    thread.join()

    assert number not in {open_ for open_, _ in before.descriptors}
