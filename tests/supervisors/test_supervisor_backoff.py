"""Restarts that wait: what happens to the child, its siblings and requests meanwhile."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    SHUTDOWN,
    ActorExitedError,
    Backoff,
    ChildState,
    ChildStateError,
    Crash,
    DynamicSupervisor,
    MaxChildrenError,
    PartitionSupervisor,
    StartError,
    Supervisor,
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
from tests.supervisors.conformance._trees import busy

pytestmark = pytest.mark.usefixtures("quiet")

DELAYED = "supervisor.restart_delayed"
BACKOFF = Backoff(minimum_s=2, maximum_s=30, jitter=0)
BOOM = Crash("ValueError", "boom")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def start(clock):
    """Start a tree on the clock, with a back-off, and stop it in the end."""
    trees = []

    def begin(specs, *, kind=Supervisor, **options):
        args = (specs,) if kind is Supervisor else ()
        defaults = {"backoff": BACKOFF, "intensity": 100, "system": clock.system()}
        tree = kind.start(*args, **(defaults | options))
        trees.append(tree)
        for spec in () if args else specs:
            tree.start_child(spec)
        return tree

    yield begin
    for tree in trees:
        tree.stop()


def child(journal, name, **options):
    return Misbehaving.child_spec(journal, name, id=name, **options)


def crash(tree, address):
    """Crash a child and wait until its supervisor has begun to wait; return the seconds it waits."""
    events = Events(tree.system, DELAYED)
    address.cast(("raise", ValueError("boom")))
    events.names.wait_for(DELAYED)
    events.detach()
    return events.of(DELAYED)[-1]["seconds"]


def states(tree):
    return {known.id: known.state for known in tree.which_children()}


def test_a_crashed_child_is_being_restarted_until_its_wait_is_over(start, journal, clock):
    tree = start([child(journal, "a")])
    address, old = tree.child("a"), tree.child("a").pid

    assert crash(tree, address) == 2
    assert states(tree) == {"a": ChildState.RESTARTING}
    with pytest.raises(ActorExitedError):
        address.call("hello")

    clock.advance(1.75)
    assert states(tree) == {"a": ChildState.RESTARTING}
    clock.advance(0.25)
    assert wait_restarted(address, old).generation == 2
    assert journal.entries() == [("init", "a"), ("terminate", "a", BOOM), ("init", "a")]


def test_each_restart_in_a_row_waits_twice_as_long_until_a_long_run(start, journal, clock):
    tree = start([child(journal, "a")])
    address, waits = tree.child("a"), []
    for ran_s in (0, 0, 15.75, 16, 0):  # half of 2 + 30 is 16
        clock.advance(ran_s)
        old = address.pid
        waits.append(crash(tree, address))
        clock.advance(waits[-1])
        wait_restarted(address, old)

    assert waits == [2, 4, 8, 2, 4]


def test_each_child_has_a_row_of_restarts_of_its_own(start, journal, clock):
    tree = start([child(journal, "a"), child(journal, "b")])
    old = tree.child("a").pid
    assert crash(tree, tree.child("a")) == 2
    clock.advance(2)
    wait_restarted(tree.child("a"), old)

    assert crash(tree, tree.child("b")) == 2
    assert crash(tree, tree.child("a")) == 4


def test_requests_are_served_while_a_child_waits(start, journal):
    tree = start([child(journal, "a"), child(journal, "b")])
    crash(tree, tree.child("a"))

    assert tree.start_child(child(journal, "c")).call("hello") == "hello"
    tree.terminate_child("b")
    with pytest.raises(ChildStateError, match="restarting"):
        tree.restart_child("a")
    with pytest.raises(ChildStateError, match="restarting"):
        tree.delete_child("a")
    assert tree.count_children().active == 1


def test_a_child_that_is_terminated_while_it_waits_stays_down(start, journal, clock):
    tree = start([child(journal, "a")])
    crash(tree, tree.child("a"))

    tree.terminate_child("a")

    assert clock._pending() == 0
    clock.advance(1000)
    assert states(tree) == {"a": ChildState.STOPPED}
    assert journal.entries().count(("init", "a")) == 1


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_a_wait_that_is_over_behind_a_request_to_terminate_starts_nothing(start, journal, clock, kind):
    tree = start([child(journal, "a")], kind=kind)
    address = tree.child(next(iter(tree.pid.directory)))
    crash(tree, address)

    with busy(tree):
        terminated = tree.terminate_child_async(address if kind is DynamicSupervisor else "a")
        clock.advance(2)
    terminated.get(timeout=CEILING_S)
    tree.count_children()  # answered behind the end of the wait

    assert journal.entries().count(("init", "a")) == 1
    assert ChildState.RUNNING not in [known.state for known in tree.which_children()]


def test_a_child_that_was_terminated_begins_a_new_row(start, journal, clock):
    tree = start([child(journal, "a")])
    address = tree.child("a")
    for expected in (2, 4):
        old = address.pid
        assert crash(tree, address) == expected
        clock.advance(expected)
        wait_restarted(address, old)

    tree.terminate_child("a")
    tree.restart_child("a")

    assert crash(tree, address) == 2


def test_a_supervisor_stops_at_once_although_a_child_waits(start, journal, clock):
    tree = start([child(journal, "a"), child(journal, "b")])
    crash(tree, tree.child("a"))

    assert tree.stop().clean
    assert clock._pending() == 0
    assert journal.entries()[-1] == ("terminate", "b", SHUTDOWN)


def test_a_supervisor_that_is_killed_leaves_no_timer_of_a_child_that_waits(start, journal, clock):
    tree = start([child(journal, "a")])
    crash(tree, tree.child("a"))
    pid, over = tree.pid, threading.Event()

    pid.kill()
    pid.on_thread_end(over.set)
    over.wait(CEILING_S)

    assert clock._pending() == 0


def test_a_restart_that_fails_waits_longer_for_the_next_try(start, journal, clock):
    tree = start([child(journal, "a", on_init=fail_later)])
    events = Events(tree.system, DELAYED)
    crash(tree, tree.child("a"))
    for tries, seconds in enumerate((2, 4, 8), start=2):
        clock.advance(seconds)
        events.names.wait_for(DELAYED, times=tries)

    assert [facts["seconds"] for facts in events.of(DELAYED)] == [2, 4, 8, 16]
    assert journal.entries().count(("init", "a")) == 4


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_the_try_beyond_the_intensity_ends_the_supervisor_without_another_wait(start, journal, clock, kind):
    failing = child(journal, "a", on_init=fail_later)
    tree = start([failing], kind=kind, intensity=3, period=60)
    events = Events(tree.system, DELAYED)
    pid = tree.which_children()[0].pid
    pid.cast(("raise", ValueError("boom")))
    for tries, seconds in enumerate((2, 4, 8), start=1):
        events.names.wait_for(DELAYED, times=tries)
        clock.advance(seconds)

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == 1 + 3
    assert len(events.of(DELAYED)) == 3


def test_in_one_for_all_the_group_stops_at_once_and_starts_together_after_the_wait(start, journal, clock):
    tree = start([child(journal, name) for name in "abc"], strategy="one_for_all")
    journal.clear()
    crash(tree, tree.child("b"))

    assert journal.entries() == [
        ("terminate", "b", BOOM),
        ("terminate", "c", SHUTDOWN),
        ("terminate", "a", SHUTDOWN),
    ]
    stopped, waiting = ChildState.STOPPED, ChildState.RESTARTING
    assert states(tree) == {"a": stopped, "b": waiting, "c": stopped}
    clock.advance(2)
    tree.child("c").wait_available(5)
    assert journal.entries()[3:] == [("init", "a"), ("init", "b"), ("init", "c")]


def test_a_sibling_that_was_started_by_hand_meanwhile_starts_again_with_its_group(start, journal, clock):
    tree = start([child(journal, "a"), child(journal, "b")], strategy="one_for_all")
    crash(tree, tree.child("a"))
    journal.clear()
    early = tree.restart_child("b").pid

    clock.advance(2)
    wait_restarted(tree.child("b"), early)

    assert journal.entries() == [("init", "b"), ("terminate", "b", SHUTDOWN), ("init", "a"), ("init", "b")]


def test_in_rest_for_one_the_crash_of_an_earlier_child_takes_over_the_wait(start, journal, clock):
    tree = start([child(journal, name) for name in "abc"], strategy="rest_for_one")
    crash(tree, tree.child("b"))
    clock.advance(1)
    journal.clear()
    crash(tree, tree.child("a"))

    clock.advance(1)  # the wait of b would be over
    assert states(tree)["a"] is ChildState.RESTARTING
    assert journal.entries() == [("terminate", "a", BOOM)]
    clock.advance(1)
    tree.child("c").wait_available(5)
    assert journal.entries()[1:] == [("init", "a"), ("init", "b"), ("init", "c")]


def test_a_child_that_is_not_restarted_does_not_wait(start, journal):
    tree = start([child(journal, "a", restart="temporary")])
    events = Events(tree.system)
    tree.child("a").cast(("raise", ValueError("boom")))
    events.names.wait_for("supervisor.child_exited")

    assert tree.which_children() == ()
    assert events.of(DELAYED) == []


def test_a_dynamic_child_waits_by_itself_and_takes_its_place_meanwhile(start, journal, clock):
    pool = start([], kind=DynamicSupervisor, max_children=2)
    waiting, other = (pool.start_child(child(journal, name)) for name in "ab")
    old = waiting.pid
    crash(pool, waiting)

    assert other.call("hello") == "hello"
    with pytest.raises(MaxChildrenError):
        pool.start_child(child(journal, "c"))
    clock.advance(2)
    assert wait_restarted(waiting, old).generation == 2


def test_a_dynamic_child_is_terminated_by_its_address_while_it_waits(start, journal, clock):
    pool = start([], kind=DynamicSupervisor)
    waiting = pool.start_child(child(journal, "a"))
    crash(pool, waiting)

    pool.terminate_child(waiting)

    assert (pool.count_children().specs, clock._pending()) == (0, 0)


def test_the_jitter_lies_between_none_and_its_share(start, journal):
    backoff = Backoff(minimum_s=10, maximum_s=10, jitter=0.5)
    tree = start([child(journal, str(number)) for number in range(20)], backoff=backoff)

    waits = {crash(tree, tree.child(str(number))) for number in range(20)}

    assert all(10 <= wait <= 15 for wait in waits)
    assert len(waits) > 1  # equal draws of 53 bits do not happen twenty times


def test_a_partition_waits_as_any_other_child_does(journal, clock):
    copies = PartitionSupervisor(child(journal, "copy"), name="copies", partitions=2, backoff=BACKOFF)
    with copies.start(system=clock.system()) as tree:
        old = tree.child(0).pid

        assert crash(tree, tree.child(0)) == 2
        assert copies.via(1).call("hello") == "hello"
        clock.advance(2)
        assert wait_restarted(tree.child(0), old).generation == 2


@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_a_back_off_that_is_none_fails_the_start(kind):
    with pytest.raises(StartError, match="backoff is 'often'"):
        kind.start(backoff="often")
