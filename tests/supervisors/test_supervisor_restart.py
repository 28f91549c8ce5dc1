"""Restarts: intensity, escalation, children that end together; more is in conformance/test_strategies.py."""

from __future__ import annotations

import pytest

from supervisors import (
    KILLED,
    SHUTDOWN,
    ChildState,
    Crash,
    Supervisor,
)
from supervisors.testing import (
    Events,
    Journal,
    ManualClock,
    Misbehaving,
    wait_exit,
    wait_restarted,
)

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


def crash(address):
    """Crash the child and wait for its next incarnation."""
    old = address.pid
    address.cast(("raise", ValueError("boom")))
    return wait_restarted(address, old)


BOOM = Crash("ValueError", "boom")


@pytest.mark.parametrize("intensity", [0, 1, 3])
def test_the_restart_beyond_the_intensity_ends_the_supervisor_with_shutdown(journal, intensity):
    tree = Supervisor.start(children(journal, "ab"), intensity=intensity, system=ManualClock().system())
    for _ in range(intensity):
        crash(tree.child("a"))
    journal.clear()

    tree.child("a").cast(("raise", ValueError("boom")))

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries() == [("terminate", "a", BOOM), ("terminate", "b", SHUTDOWN)]


def test_a_supervisor_that_gives_up_is_restarted_by_its_parent(journal):
    sub = Supervisor.child_spec(children(journal, "ab"), intensity=0, id="sub")
    with Supervisor.start([*children(journal, "x"), sub]) as tree:
        old = tree.supervisor("sub").pid
        journal.clear()
        tree.supervisor("sub").child("b").cast(("raise", ValueError("boom")))

        assert wait_restarted(tree.supervisor("sub"), old).generation == 2
        assert old.exit_reason == SHUTDOWN
        assert journal.entries() == [
            ("terminate", "b", BOOM),
            ("terminate", "a", SHUTDOWN),
            ("init", "a"),
            ("init", "b"),
        ]


def test_a_transient_supervisor_that_gives_up_is_not_restarted(journal):
    sub = Supervisor.child_spec(children(journal, "a"), intensity=0, id="sub", restart="transient")
    with Supervisor.start([sub]) as tree:
        events = Events(tree.system, "supervisor.child_exited")
        tree.supervisor("sub").child("a").cast(("raise", ValueError()))
        events.names.wait_for("supervisor.child_exited", times=2)

        assert [child.state for child in tree.which_children()] == [ChildState.STOPPED]


def test_crashes_escalate_level_by_level_to_the_root(journal):
    level2 = Supervisor.child_spec(children(journal, "a"), intensity=1, id="level2")
    level1 = Supervisor.child_spec([level2], intensity=1, id="level1")
    root = Supervisor.start([level1], intensity=1, system=ManualClock().system())
    starts = Events(root.system, "supervisor.child_started")

    def crash_on_sight(_, __, metadata):
        if metadata["child_id"] == "a":
            metadata["pid"].cast(("raise", ValueError()))

    root.system.telemetry.attach("supervisor.child_started", crash_on_sight)
    root.supervisor("level1").supervisor("level2").child("a").cast(("raise", ValueError()))

    assert wait_exit(root) == SHUTDOWN
    # Each level starts its child (1 + intensity) times, so the leaf runs 2 * 2 * 2 times in all, the first
    # of which was before the events were attached.
    assert len([1 for metadata in starts.of("supervisor.child_started") if metadata["child_id"] == "a"]) == 7


def test_two_children_that_crash_together_are_both_restarted(journal):
    with Supervisor.start(children(journal, "ab"), intensity=2) as tree:
        a, b = tree.child("a"), tree.child("b")
        old_a, old_b = a.pid, b.pid
        a.cast(("raise", ValueError()))
        b.cast(("raise", ValueError()))

        assert wait_restarted(a, old_a).generation == 2
        assert wait_restarted(b, old_b).generation == 2


def test_a_killed_child_is_seen_and_replaced(journal):
    with Supervisor.start(children(journal, "a")) as tree:
        child = tree.child("a")
        old = child.pid

        old.kill()

        assert wait_restarted(child, old).generation == 2
        assert old.exit_reason == KILLED


def test_the_exit_of_a_stranger_does_not_stop_a_supervisor(journal):
    with Supervisor.start(children(journal, "a")) as tree:
        stranger = Misbehaving.start()
        pid = tree.pid
        stranger.call(("do", lambda actor, _: actor.link(pid)))

        stranger.stop(SHUTDOWN)

        assert tree.count_children().active == 1


def test_casts_and_unknown_messages_do_not_hurt_a_supervisor(journal):
    with Supervisor.start(children(journal, "a")) as tree:
        tree.cast("what")
        tree.send_info("what")
        with pytest.raises(TypeError, match="does not understand str"):
            tree.call("what")

        assert tree.count_children().active == 1
