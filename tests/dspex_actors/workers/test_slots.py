"""What a slot does when pid namespaces run out: decided with a nursery that has only so many nannies."""

from __future__ import annotations

import os
import select

import pytest

from dspex_actors.workers._protocol import ScratchQuota
from dspex_actors.workers._slots import Slots
from dspex_actors.workers.confine._enter import Confinement
from dspex_actors.workers.confine._view import View


class FakeNanny:
    """A pid namespace that is not there; its pidfd is ours to register."""

    pid = 0

    def __init__(self):
        self.pidfd = os.pidfd_open(os.getpid())
        self.entered = 0

    def adopt_children(self):
        self.entered += 1


class FakeNursery:
    """Starts that many nannies and then no more."""

    def __init__(self, nannies):
        self.left = [FakeNanny() for _ in range(nannies)]
        self.started = list(self.left)

    def start_nanny(self, proc):
        del proc
        if not self.left:
            raise OSError(28, "the limit in /proc/sys/user is reached")
        return self.left.pop(0)


@pytest.fixture
def slots_with(tmp_path, monkeypatch):
    """Return slots without a sandbox's layers, and the nursery they use; their forks are not made."""
    polls, nurseries = [], []

    def build(nannies, **missing):
        nursery = FakeNursery(nannies)
        missing = {"landlock": "no", "mount_namespace": "no", "process_limit": "no", **missing}
        view = View([])
        confinement = Confinement(
            profile="process", view=view, quota=ScratchQuota(), missing=missing, nursery=nursery
        )
        poll = select.epoll()
        polls.append(poll)
        nurseries.append(nursery)
        return Slots(confinement, str(tmp_path), poll), nursery

    monkeypatch.setattr(os, "fork", lambda: 1)
    yield build
    for poll in polls:
        poll.close()
    for nursery in nurseries:
        for nanny in nursery.started:
            os.close(nanny.pidfd)


def test_each_slot_has_a_pid_namespace_of_its_own_and_keeps_it(slots_with):
    slots, nursery = slots_with(3)
    lent = [slots.take(), slots.take()]

    for slot in [*lent, *lent]:
        slots.fork(slot)

    assert [slot.nanny for slot in lent] == nursery.started[:2]
    assert [nanny.entered for nanny in nursery.started] == [2, 2, 0]


def test_when_there_are_no_more_pid_namespaces_slots_share_one(slots_with):
    slots, nursery = slots_with(1)
    lent = [slots.take(), slots.take()]

    for slot in lent:
        slots.fork(slot)

    assert {slot.nanny for slot in lent} == {nursery.started[0]}


def test_guests_that_can_leave_processes_behind_never_share_a_pid_namespace(slots_with):
    slots, _ = slots_with(1, seccomp="no")
    slots.fork(slots.take())

    with pytest.raises(OSError, match="limit"):
        slots.fork(slots.take())


def test_without_any_pid_namespace_there_is_no_worker(slots_with):
    slots, _ = slots_with(0)

    with pytest.raises(OSError, match="limit"):
        slots.fork(slots.take())


def test_a_slot_that_is_alone_gets_a_new_pid_namespace_and_shares_it_with_nobody(slots_with):
    slots, nursery = slots_with(3)
    first, second, third = slots.take(), slots.take(), slots.take()
    slots.fork(first)
    slots.fork(second, alone=True)
    slots.fork(third)

    assert [slot.nanny for slot in (first, second, third)] == nursery.started
    assert [slot.is_alone for slot in (first, second, third)] == [False, True, False]


def test_the_pid_namespace_of_a_slot_that_is_alone_is_not_shared_when_there_are_no_more(slots_with):
    slots, nursery = slots_with(2)
    shared, alone, late = slots.take(), slots.take(), slots.take()
    slots.fork(shared)
    slots.fork(alone, alone=True)
    slots.fork(late)

    assert late.nanny is nursery.started[0]


def test_without_a_new_pid_namespace_nobody_can_be_alone(slots_with):
    slots, _ = slots_with(1)
    slots.fork(slots.take())

    with pytest.raises(OSError, match="limit"):
        slots.fork(slots.take(), alone=True)
