"""What a supervisor leaves behind when it is killed: waited for by whoever waits for the supervisor."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import KILLED, SHUTDOWN, DynamicSupervisor, Supervisor
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


class Slow(Misbehaving):
    """Its `terminate` waits until it is let go, and says when it has begun."""

    def init(self, journal, name, gate, entered=None):
        super().init(journal, name)
        self.gate, self.entered = gate, entered or threading.Event()

    def terminate(self, reason):
        self.entered.set()
        assert self.gate.wait(CEILING_S)
        super().terminate(reason)


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def in_thread(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_stopping_a_killed_root_waits_until_everything_below_it_has_ended(gate):
    journal, entered = Journal(), threading.Event()
    inner = Supervisor.child_spec([Slow.child_spec(journal, "leaf", gate, entered)], id="inner")
    root = Supervisor.start([inner])
    root.pid.kill()
    assert entered.wait(CEILING_S)
    stopping = in_thread(lambda: journal.add(("stopped", root.stop().reason)))
    gate.set()
    stopping.join(CEILING_S)

    assert journal.entries() == [("init", "leaf"), ("terminate", "leaf", SHUTDOWN), ("stopped", KILLED)]


def test_the_deadlines_of_a_tree_outlive_its_killed_root(gate):
    """The nested supervisor's limit for its child is armed after the root has ended."""
    entered = threading.Event()
    leaf = Slow.child_spec(Journal(), "leaf", gate, entered, shutdown_s=0.01)
    root = Supervisor.start([Supervisor.child_spec([leaf], id="inner")])
    pid = root.supervisor("inner").child("Slow").pid
    timers = root.system.timers
    root.pid.kill()
    assert entered.wait(CEILING_S)

    assert wait_exit(pid) == KILLED
    root.stop()
    gate.set()
    pid.thread.join(CEILING_S)
    thread = timers._thread
    if thread is not None:
        thread.join(CEILING_S)
    assert timers._thread is None


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_a_killed_supervisor_is_started_again_only_when_its_children_have_ended(kind, gate):
    journal, entered = Journal(), threading.Event()

    class Inner(kind):
        def init(self):
            journal.add(("init", "inner"))
            return super().init()

    with Supervisor.start([Inner.child_spec(id="inner")]) as root:
        inner = root.supervisor("inner")
        inner.start_child(Slow.child_spec(journal, "leaf", gate, entered))
        old = inner.pid
        old.kill()
        assert entered.wait(CEILING_S)
        gate.set()
        wait_restarted(inner, old)

    assert journal.entries() == [
        ("init", "inner"),
        ("init", "leaf"),
        ("terminate", "leaf", KILLED),
        ("init", "inner"),
    ]


def test_a_child_left_behind_is_killed_after_its_own_limit(gate):
    clock, entered = ManualClock(), threading.Event()
    leaf = Slow.child_spec(Journal(), "leaf", gate, entered, shutdown_s=7)
    with Supervisor.start([Supervisor.child_spec([leaf], id="inner")], system=clock.system()) as root:
        inner = root.supervisor("inner")
        old, pid = inner.pid, inner.child("Slow").pid
        old.kill()
        assert entered.wait(CEILING_S)
        while pid.alive:
            clock.wait_armed(1)
            clock.advance(7)

        assert wait_exit(pid) == KILLED
        wait_restarted(inner, old)
        gate.set()


def test_an_actor_below_a_killed_root_does_not_wait_for_its_own_end():
    results = []

    class Leaf(Misbehaving):
        def terminate(self, reason):
            results.append(root.stop().reason)

    root = Supervisor.start([Leaf.child_spec(id="leaf")])
    pid = root.child("leaf").pid
    root.pid.kill()

    assert wait_exit(pid) == KILLED
    assert results == [KILLED]
