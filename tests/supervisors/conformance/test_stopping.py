"""OTP's behaviour, rows E01 to E13: how children are stopped, and what those who watch see.

A thread cannot be killed. A child past its limit is fenced off: for everybody else it has ended with
`KILLED`, and its thread is recorded as abandoned if it is still there a moment later. The rows about
simple_one_for_one hold here for a DynamicSupervisor.
"""

from __future__ import annotations

import math

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    ChildNotFoundError,
    DynamicSupervisor,
    GenServer,
    PartitionSupervisor,
    Shutdown,
    Stop,
    Supervisor,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_restarted
from tests.supervisors.conformance._trees import (
    BOOM,
    Gate,
    child,
    children,
    counts,
    stopping,
    takes,
    watch,
)

pytestmark = pytest.mark.usefixtures("quiet")

GRACE_S = 0.5  # seconds the thread of a killed child may take; with the clocks here none passes by itself


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def system(clock):
    shared = clock.system()
    shared.kill_grace_s = GRACE_S
    return shared


@pytest.fixture
def gate():
    closed = Gate()
    yield closed
    closed.open()


class Answering(GenServer):
    """Ends with another reason than the one it is asked to end with."""

    def init(self, answer):
        self.answer = answer

    def terminate(self, _reason):
        return Stop(self.answer)


def ends_of(journal):
    return [entry for entry in journal.entries() if entry[0] == "terminate"]


def release(gate, pid, system):
    """Let the thread of a killed child end; nothing is recorded about it then."""
    gate.open()
    pid.thread.join(CEILING_S)
    assert system.abandoned.records() == ()


def test_e01_children_without_a_limit_are_asked_and_waited_for_however_long_it_takes(
    journal, clock, system, gate
):
    worker = child(journal, "worker", shutdown_s=math.inf, on_terminate=lambda _: gate.wait())
    sub = Supervisor.child_spec(children(journal, "a"), id="sub", shutdown_s=math.inf)
    tree = Supervisor.start([sub, worker], system=system)
    downs = watch(sub=tree.supervisor("sub"), worker=tree.child("worker"))
    thread, _ = stopping(tree)
    gate.wait_entered()
    clock.advance(10**9)
    assert downs.entries() == []

    gate.open()
    thread.join(CEILING_S)
    assert downs.entries() == [("worker", SHUTDOWN), ("sub", SHUTDOWN)]


def test_e02_a_child_that_does_not_react_within_its_limit_is_killed(journal, clock, system, gate):
    specs = [child(journal, "a"), child(journal, "b", shutdown_s=1)]
    tree = Supervisor.start(specs, system=system, name="tree")
    downs = watch(a=tree.child("a"), b=tree.child("b"))
    pid = gate.hold(tree.child("b"))
    thread, results = stopping(tree)
    clock.wait_armed(1)
    clock.advance(0.75)
    assert pid.alive
    clock.advance(0.25)
    downs.wait_for(("b", KILLED))
    clock.wait_armed(1)
    clock.advance(GRACE_S)
    thread.join(CEILING_S)

    assert downs.entries() == [("b", KILLED), ("a", SHUTDOWN)]
    (result,) = results.entries()
    assert (result.reason, [record.id for record in result.abandoned]) == (SHUTDOWN, ["tree/b"])
    assert ends_of(journal) == [("terminate", "a", SHUTDOWN)]
    release(gate, pid, system)


def test_e03_a_dynamic_child_that_does_not_react_within_its_limit_is_killed(journal, clock, system, gate):
    pool = DynamicSupervisor.start(system=system)
    a, b = (pool.start_child(spec) for spec in children(journal, "ab", shutdown_s=1))
    downs = watch(a=a, b=b, pool=pool)
    pid = gate.hold(b)
    thread, results = stopping(pool)
    downs.wait_for(("a", SHUTDOWN))
    clock.wait_armed(1)
    clock.advance(1)
    downs.wait_for(("b", KILLED))
    clock.wait_armed(1)
    clock.advance(GRACE_S)
    thread.join(CEILING_S)

    assert downs.entries() == [("a", SHUTDOWN), ("b", KILLED), ("pool", SHUTDOWN)]
    assert len(results.entries()[0].abandoned) == 1
    release(gate, pid, system)


@pytest.mark.parametrize("reacts", [True, False])
def test_e04_a_child_with_a_limit_of_zero_is_killed_without_being_asked(journal, clock, system, gate, reacts):
    specs = [child(journal, "a"), child(journal, "b", shutdown_s=0)]
    tree = Supervisor.start(specs, system=system)
    pid = tree.child("b").pid if reacts else gate.hold(tree.child("b"))
    downs = watch(a=tree.child("a"), b=tree.child("b"))
    thread, results = stopping(tree)
    downs.wait_for(("b", KILLED))
    if not reacts:
        clock.wait_armed(1)
        clock.advance(GRACE_S)
    thread.join(CEILING_S)

    assert downs.entries() == [("b", KILLED), ("a", SHUTDOWN)]
    assert ends_of(journal) == [("terminate", "a", SHUTDOWN)]
    assert results.entries()[0].clean is reacts
    release(gate, pid, system)


def test_e05_ten_dynamic_children_with_a_limit_of_zero_are_all_killed(journal):
    pool = DynamicSupervisor.start()
    names = "abcdefghij"
    downs = watch(**{name: pool.start_child(child(journal, name, shutdown_s=0)) for name in names})

    assert pool.stop().reason == SHUTDOWN
    assert sorted(downs.entries()) == [(name, KILLED) for name in names]
    assert ends_of(journal) == []


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_e06_children_that_answer_the_shutdown_with_another_reason_end_with_that(restart):
    answers = {"a": NORMAL, "b": SHUTDOWN, "c": Shutdown("test"), "d": BOOM}
    pool = DynamicSupervisor.start()
    started = {
        name: pool.start_child(Answering.child_spec(answer, restart=restart))
        for name, answer in answers.items()
    }
    downs = watch(**started)

    assert pool.stop().reason == SHUTDOWN
    assert dict(downs.entries()) == answers


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_e07_children_are_stopped_in_the_reverse_order_of_their_start(journal, strategy):
    tree = Supervisor.start(children(journal, "abc"), strategy=strategy)

    assert tree.stop().clean
    assert ends_of(journal) == [("terminate", name, SHUTDOWN) for name in "cba"]


def slow_to_stop(clock, over):
    """Return the specs of three children that note the time at which their 0.25 s of clean-up are over."""
    wait = takes(clock, 0.25)

    def terminate(reason):
        wait(reason)
        over.add(clock.now() - 1000)

    return [Misbehaving.child_spec(id=name, shutdown_s=math.inf, on_terminate=terminate) for name in "abc"]


def test_e08_the_times_that_children_need_to_stop_add_up_in_an_ordinary_supervisor(clock, system):
    over = Journal()
    tree = Supervisor.start(slow_to_stop(clock, over), system=system)
    thread, _ = stopping(tree)
    for _ in range(3):
        clock.wait_armed(1)
        clock.advance(0.25)
    thread.join(CEILING_S)

    assert (over.entries(), tree.alive) == ([0.25, 0.5, 0.75], False)


def test_e08_the_times_that_children_need_to_stop_overlap_in_a_dynamic_supervisor(clock, system):
    over = Journal()
    pool = DynamicSupervisor.start(system=system)
    for spec in slow_to_stop(clock, over):
        pool.start_child(spec)
    thread, _ = stopping(pool)
    clock.wait_armed(3)
    clock.advance(0.25)
    thread.join(CEILING_S)

    assert (over.entries(), pool.alive) == ([0.25, 0.25, 0.25], False)


def test_e09_a_terminate_that_takes_longer_than_the_limit_is_not_waited_for(journal, clock, system):
    spec = child(journal, "a", shutdown_s=0.25, on_terminate=takes(clock, 5))
    tree = Supervisor.start([spec], system=system)
    pid, downs = tree.child("a").pid, watch(a=tree.child("a"), tree=tree)
    thread, results = stopping(tree)
    clock.wait_armed(2)  # the limit, and what terminate waits for
    clock.advance(0.25)
    downs.wait_for(("a", KILLED))
    clock.wait_armed(2)
    clock.advance(GRACE_S)
    thread.join(CEILING_S)

    assert downs.entries() == [("a", KILLED), ("tree", SHUTDOWN)]
    assert clock.now() == 1000 + 0.25 + GRACE_S
    assert len(results.entries()[0].abandoned) == 1
    clock.advance(5)
    pid.thread.join(CEILING_S)
    assert system.abandoned.records() == ()


@pytest.mark.parametrize(
    ("shutdown_s", "answer", "seen"),
    [
        (0, SHUTDOWN, KILLED),
        (math.inf, SHUTDOWN, SHUTDOWN),
        (math.inf, Shutdown("x"), Shutdown("x")),
        (1, SHUTDOWN, SHUTDOWN),
        (1, Shutdown("x"), Shutdown("x")),
        (1, NORMAL, NORMAL),
    ],
    ids=repr,
)
def test_e10_what_monitors_see_of_a_stop_is_the_answer_of_each_child_or_its_kill(shutdown_s, answer, seen):
    pool = DynamicSupervisor.start(system=ManualClock().system())
    spec = Answering.child_spec(answer, shutdown_s=shutdown_s, restart="permanent")
    downs = watch(**{name: pool.start_child(spec) for name in "abc"})

    assert pool.stop().reason == SHUTDOWN
    assert sorted(downs.entries()) == [("a", seen), ("b", seen), ("c", seen)]


def test_e10_children_that_react_and_children_that_are_killed_are_stopped_together():
    pool = DynamicSupervisor.start()
    reacts, killed = (Answering.child_spec(SHUTDOWN, shutdown_s=limit) for limit in (math.inf, 0))
    downs = watch(a=pool.start_child(reacts), b=pool.start_child(killed))

    assert pool.stop().reason == SHUTDOWN
    assert dict(downs.entries()) == {"a": SHUTDOWN, "b": KILLED}


@pytest.mark.parametrize(("shutdown_s", "reason"), [(0, KILLED), (1, SHUTDOWN)])
def test_e11_terminate_child_respects_the_limit_and_finds_nobody_the_second_time(journal, shutdown_s, reason):
    with DynamicSupervisor.start() as pool:
        address = pool.start_child(child(journal, "a", shutdown_s=shutdown_s))
        pid = address.pid
        pool.terminate_child(address)

        assert pid.exit_reason == reason
        for target in (address, pid):
            with pytest.raises(ChildNotFoundError) as caught:
                pool.terminate_child(target)
            assert caught.value.child_id is target
        assert counts(pool) == [0, 0, 0, 0]


@pytest.mark.parametrize("shutdown_s", [0, 1])
def test_e12_a_permanent_child_that_ends_by_itself_is_restarted_whatever_its_limit(journal, shutdown_s):
    with DynamicSupervisor.start() as pool:
        address = pool.start_child(child(journal, "a", shutdown_s=shutdown_s))
        old = address.pid
        address.cast(("stop", SHUTDOWN))

        assert wait_restarted(address, old).generation == 2
        assert counts(pool) == [1, 1, 0, 1]


def test_e13_the_name_of_a_supervisor_is_free_when_its_stop_returns(journal, names):
    name = names.via("tree")
    for _ in range(20):
        name.start(Supervisor, children(journal, "a"))
        assert name.stop().reason == SHUTDOWN
        assert names.whereis("tree") is None


def test_e13_a_partition_supervisor_can_be_started_again_when_its_stop_returns():
    partitions = PartitionSupervisor(Misbehaving.child_spec(), name="parts", partitions=2)
    for _ in range(20):
        address = partitions.start()
        assert address.stop().reason == SHUTDOWN
        assert not partitions.alive
