"""How many processes and threads a guest may have: counted for each guest alone."""

from __future__ import annotations

import os

import pytest

from dspex_actors import Limits, Policy
from tests.integration._tools import TIMERS, BareZygote

THREADS = """
import threading
gate, started = threading.Event(), 0
try:
    while started < 200:
        threading.Thread(target=gate.wait, daemon=True).start()
        started += 1
except RuntimeError:
    pass
started
"""
FORKS = """
import os, signal
children = []
try:
    while len(children) < 200:
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError:
    pass
len(children)
"""


@pytest.fixture(scope="module")
def shell(clean_module):  # noqa: ARG001 -- set up before
    """Yield a zygote of the profile `shell`."""
    with BareZygote(Policy(profile="shell")) as zygote:
        yield zygote


@pytest.mark.parametrize("processes", [1, 2, 7, 40])
def test_a_guest_has_as_many_threads_as_its_limit_with_the_first(zygote, processes):
    limits = Limits(time_s=10, memory_bytes=None, processes=processes)  # each reserves address space too

    assert zygote.run(THREADS, limits).value == processes - 1


@pytest.mark.parametrize("processes", [2, 12])
def test_a_guest_that_can_fork_has_as_many_processes_as_its_limit(shell, processes):
    assert shell.run(FORKS, Limits(time_s=10, processes=processes)).value == processes - 1


def test_without_a_limit_threads_are_not_counted(zygote):
    assert zygote.run(THREADS, Limits(time_s=20, processes=None, memory_bytes=None)).value == 200


def test_each_guest_is_counted_by_itself(shell):
    limits = Limits(time_s=10, processes=10)
    with shell.worker() as one, shell.worker() as two:
        counts = [worker.execute(FORKS, None, limits, TIMERS, keep=True).value for worker in (one, two)]
        again = one.execute(
            "os.kill(children[0], 9); os.waitpid(children[0], 0)[1]", None, limits, TIMERS, keep=True
        )

    assert counts == [9, 9]
    assert again.value == 9


def test_a_guest_cannot_raise_its_limit(zygote):
    code = "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (4096, 4096))"

    assert zygote.run(code, Limits(time_s=10, processes=5)).error.type in {"ValueError", "PermissionError"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give other users to its guests")
def test_guests_of_root_are_users_of_their_own_without_rights(zygote):
    code = "import os\n(os.getresuid(), os.getresgid(), os.getgroups())"
    with zygote.worker() as one, zygote.worker() as two:
        seen = [worker.execute(code, None, Limits(), TIMERS).value for worker in (one, two)]

    users = {uid for uids, _, _ in seen for uid in uids}
    assert len(users) == 2
    assert 0 not in users
    assert [(uids, groups) for uids, gids, groups in seen if uids != gids or groups] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give other users to its guests")
def test_where_guests_of_root_cannot_be_told_apart_the_report_says_why():
    with BareZygote(Policy(require=()), ["mount_namespace"]) as zygote:
        layer = zygote.layers["process_limit"]
        started = zygote.run(THREADS, Limits(time_s=20, processes=5, memory_bytes=None)).value

    assert not layer.active
    assert "needs the mount namespace" in layer.detail
    assert started == 200
