"""OTP's behaviour, rows D13 to D24 but D22: how often a restart is tried, and requests and signals meanwhile.

The rows about simple_one_for_one hold here for a DynamicSupervisor, which counts a spec for each child where
simple_one_for_one counts its single one.
"""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    NORMAL,
    SHUTDOWN,
    ChildState,
    ChildStateError,
    DuplicateChildError,
    DynamicSupervisor,
    Shutdown,
    Supervisor,
)
from supervisors._requests import (
    CountChildrenRequest,
    DeleteChildRequest,
    RestartChildRequest,
    WhichChildrenRequest,
)
from supervisors.testing import (
    CEILING_S,
    Events,
    Journal,
    ManualClock,
    Misbehaving,
    fail_later,
    wait_exit,
    wait_restarted,
)
from tests.supervisors.conformance._trees import BOOM, Gate, busy, child, children, counts, crash

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def gate():
    closed = Gate()
    yield closed
    closed.open()


def hangs_then_fails(gate):
    """Return an `on_init` for `Misbehaving`: the first restart waits at the gate and fails."""

    def hang(generation):
        if generation == 2:
            gate.wait()
            raise OSError

    return hang


def listed(supervisor):
    return [(known.id, known.pid, known.state) for known in supervisor.which_children()]


@pytest.mark.parametrize("intensity", [0, 1, 3, 10])
def test_d13_a_restart_that_keeps_failing_is_tried_exactly_as_often_as_the_intensity_says(journal, intensity):
    spec = child(journal, "a", on_init=fail_later)
    tree = Supervisor.start([spec], intensity=intensity, system=ManualClock().system())
    journal.clear()
    tree.child("a").cast(("raise", ValueError("boom")))

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries() == [("terminate", "a", BOOM), *[("init", "a")] * intensity]


def test_d14_a_crash_counts_once_however_many_siblings_are_restarted(journal):
    system = ManualClock().system()
    specs = children(journal, "abcd")
    with Supervisor.start(specs, strategy="one_for_all", intensity=1, period=60, system=system) as tree:
        siblings = {name: tree.child(name).pid for name in "bcd"}
        crash(tree.child("a"))

        assert [wait_restarted(tree.child(name), old).generation for name, old in siblings.items()] == [2] * 3
        assert counts(tree) == [4, 4, 0, 4]


@pytest.mark.parametrize(("pause", "outlives"), [(1.05, False), (2.05, True)])
def test_d15_two_crashes_are_within_a_period_of_one_until_two_whole_seconds_lie_between(
    journal, pause, outlives
):
    clock = ManualClock(start=1000.0)
    tree = Supervisor.start([child(journal, "a")], intensity=1, period=1, system=clock.system())
    crash(tree.child("a"))
    clock.advance(pause)

    if outlives:
        assert crash(tree.child("a")).generation == 3
        tree.stop()
    else:
        tree.child("a").cast(("raise", ValueError("boom")))
        assert wait_exit(tree) == SHUTDOWN


def test_d16_between_two_tries_of_a_restart_requests_find_the_child_restarting(journal, gate):
    """OTP answers nothing during a try; here what only reads is answered, and shows the child as starting."""
    spec = child(journal, "a", on_init=hangs_then_fails(gate))
    with Supervisor.start([spec], intensity=8, period=10, system=ManualClock().system()) as tree:
        exits = Events(tree.system, "actor.exited").names
        old = tree.child("a").pid
        tree.child("a").cast(("raise", ValueError("boom")))
        gate.wait_entered()
        assert listed(tree) == [("a", None, ChildState.STARTING)]

        with busy(tree):  # until what is sent here is in its queue and the try has failed
            which, count, restart, delete = (
                tree.call_async(request)
                for request in (
                    WhichChildrenRequest(),
                    CountChildrenRequest(),
                    RestartChildRequest("a"),
                    DeleteChildRequest("a"),
                )
            )
            start = tree.start_child_async(child(journal, "a"))
            gate.open()
            exits.wait_for("actor.exited", times=2)

        assert [known.state for known in which.get(timeout=CEILING_S)] == [ChildState.RESTARTING]
        found = count.get(timeout=CEILING_S)
        assert (found.specs, found.active, found.supervisors, found.workers) == (1, 0, 0, 1)
        for refused, error in (
            (restart, ChildStateError),
            (delete, ChildStateError),
            (start, DuplicateChildError),
        ):
            with pytest.raises(error) as caught:
                refused.get(timeout=CEILING_S)
            assert (caught.value.child_id, caught.value.state) == ("a", "restarting")
        assert wait_restarted(tree.child("a"), old).generation == 3


def test_d17_terminate_child_ends_the_tries_of_a_restart_and_the_child_can_be_started_later(journal, gate):
    spec = child(journal, "a", on_init=hangs_then_fails(gate))
    with Supervisor.start([spec], intensity=8, period=10, system=ManualClock().system()) as tree:
        tree.child("a").cast(("raise", ValueError("boom")))
        gate.wait_entered()
        terminated = tree.terminate_child_async("a")
        tree.count_children()  # answered behind the request, so that is queued
        gate.open()

        assert terminated.get(timeout=CEILING_S) is None
        assert listed(tree) == [("a", None, ChildState.STOPPED)]
        assert journal.entries().count(("init", "a")) == 2
        assert tree.restart_child("a").pid.generation == 3


def test_d18_a_stop_ends_the_tries_of_a_restart_and_frees_the_name(journal, names):
    spec = child(journal, "a", on_init=fail_later)
    tree = names.via("tree").start(Supervisor, [child(journal, "b"), spec], intensity=10**6)
    tree.child("a").cast(("raise", ValueError("boom")))
    journal.wait_for(("init", "a"), times=5)

    assert tree.stop().clean
    assert names.whereis("tree") is None
    assert journal.entries()[-1] == ("terminate", "b", SHUTDOWN)


def test_d18_a_stop_during_a_try_that_hangs_kills_it_at_its_limit(journal, gate):
    clock = ManualClock()
    spec = child(journal, "a", on_init=hangs_then_fails(gate), shutdown_s=2)
    tree = Supervisor.start([spec], system=clock.system())
    tree.child("a").cast(("raise", ValueError("boom")))
    gate.wait_entered()
    stopping = threading.Thread(target=tree.stop)
    stopping.start()
    clock.wait_armed(1)  # the limit
    clock.advance(2)
    clock.wait_armed(1)  # the grace of the killed thread
    gate.open()
    stopping.join(CEILING_S)

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == 2


def test_d19_a_dynamic_child_whose_restart_fails_is_listed_as_restarting_until_it_is_terminated(
    journal, gate
):
    """The child is named by its address, the same for all incarnations; OTP has the old pid for that."""
    with DynamicSupervisor.start(intensity=8, period=10, system=ManualClock().system()) as pool:
        exits = Events(pool.system, "actor.exited").names
        address = pool.start_child(child(journal, "a", on_init=hangs_then_fails(gate)))
        address.cast(("raise", ValueError("boom")))
        gate.wait_entered()

        with busy(pool):  # as above
            which, count = pool.call_async(WhichChildrenRequest()), pool.call_async(CountChildrenRequest())
            terminated = pool.terminate_child_async(address)
            gate.open()
            exits.wait_for("actor.exited", times=2)

        (known,) = which.get(timeout=CEILING_S)
        assert (known.id, known.pid, known.state) == (None, None, ChildState.RESTARTING)
        found = count.get(timeout=CEILING_S)
        assert (found.specs, found.active, found.supervisors, found.workers) == (1, 0, 0, 1)
        assert terminated.get(timeout=CEILING_S) is None
        assert counts(pool) == [0, 0, 0, 0]
        assert journal.entries().count(("init", "a")) == 2


def test_d20_a_restart_that_fails_once_is_tried_again_without_help(journal):
    def second_fails(generation):
        if generation == 2:
            raise OSError

    with DynamicSupervisor.start(intensity=2) as pool:
        assert crash(pool.start_child(child(journal, "a", on_init=second_fails))).generation == 3
        assert counts(pool) == [1, 1, 0, 1]


@pytest.mark.parametrize("intensity", [1, 10])
def test_d21_a_dynamic_supervisor_gives_up_on_a_child_that_never_restarts(journal, intensity):
    pool = DynamicSupervisor.start(intensity=intensity, system=ManualClock().system())
    pool.start_child(child(journal, "a", on_init=fail_later)).cast(("raise", ValueError("boom")))

    assert wait_exit(pool) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == 1 + intensity


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, BOOM], ids=repr)
def test_d23_an_exit_signal_of_a_stranger_does_not_stop_a_supervisor(journal, actor, reason):
    with Supervisor.start(children(journal, "a")) as tree:
        actor.call(("do", lambda *_: tree.exit(reason)))
        tree.exit(reason)  # of a thread that is no actor's

        assert counts(tree) == [1, 1, 0, 1]


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("why"), BOOM], ids=repr)
@pytest.mark.parametrize("ends", [False, True], ids=["signal", "end"])
def test_d23_an_exit_of_its_parent_stops_a_supervisor_whatever_the_reason(journal, ends, reason):
    with Misbehaving.start(trap_exit=True) as parent:
        specs = children(journal, "a")
        tree = parent.call(("do", lambda *_: Supervisor.start_link(specs)))
        if ends:
            parent.cast(("stop", reason))
        else:
            parent.call(("do", lambda *_: tree.exit(reason)))

        assert wait_exit(tree) == reason
        assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_d24_while_a_child_is_starting_what_only_reads_is_answered_and_shows_it(journal, gate):
    """OTP answers nothing until the `init` is through."""
    with Supervisor.start(children(journal, "a")) as tree:
        starting = tree.start_child_async(child(journal, "slow", on_init=lambda _: gate.wait()))
        gate.wait_entered()

        assert [(known.id, known.state) for known in tree.which_children()] == [
            ("slow", ChildState.STARTING),
            ("a", ChildState.RUNNING),
        ]
        assert counts(tree) == [2, 1, 0, 2]
        assert tree.get_childspec("slow").id == "slow"
        assert [node.id for node in tree.snapshot().walk()] == ["Supervisor", "a", "slow"]

        gate.open()
        assert starting.get(timeout=CEILING_S) == tree.child("slow")


def test_d24_what_changes_children_is_answered_in_the_order_it_was_asked_for(journal, gate):
    with Supervisor.start(children(journal, "a")) as tree:
        asked = {
            "start slow": tree.start_child_async(child(journal, "slow", on_init=lambda _: gate.wait())),
            "terminate a": tree.terminate_child_async("a"),
            "start b": tree.start_child_async(child(journal, "b")),
            "terminate slow": tree.terminate_child_async("slow"),
        }
        answered = Journal()
        for request, future in asked.items():
            future.add_done_callback(lambda _, request=request: answered.add(request))
        gate.wait_entered()
        assert tree.count_children().specs == 2
        assert answered.entries() == []

        gate.open()
        answered.wait_for("terminate slow")
        assert answered.entries() == list(asked)
