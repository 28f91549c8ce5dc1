"""How many abandoned threads a supervisor lives with."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    SHUTDOWN,
    AbandonedExceededError,
    ChildSpecError,
    Continue,
    Crash,
    DynamicSupervisor,
    GenServer,
    StartError,
    Supervisor,
    SupervisorFlags,
    System,
    TaskSupervisor,
)
from supervisors.testing import (
    CEILING_S,
    Events,
    Journal,
    ManualClock,
    Misbehaving,
    wait_exit,
    wait_restarted,
)

pytestmark = pytest.mark.usefixtures("quiet")

EXCEEDED = "supervisor.abandoned_exceeded"


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def release():
    """Let all stuck children go in the end."""
    event = threading.Event()
    yield event
    event.set()


def stuck_specs(names, **options):
    return [Misbehaving.child_spec(name=name, id=name, shutdown_s=0, **options) for name in names]


def abandon(tree, address, release):
    """Let a child hang and terminate it; return its Pid."""
    entered, pid = threading.Event(), address.pid
    address.cast(("block", entered, release))
    entered.wait(CEILING_S)
    tree.terminate_child(address.id)
    return pid


def at_once(tree):
    """Record threads as abandoned without a grace; return the tree."""
    tree.system.kill_grace_s = 0
    return tree


def test_one_abandoned_thread_too_many_stops_the_others_and_ends_the_supervisor(journal, release):
    specs = [Misbehaving.child_spec(journal, "well", id="well"), *stuck_specs("abc")]
    tree = at_once(Supervisor.start(specs, name="root", max_abandoned=2))
    events = Events(tree.system)
    for name in "ab":
        abandon(tree, tree.child(name), release)
    assert tree.child("well").call("hello") == "hello"
    assert tree.count_children().abandoned == 2

    abandon(tree, tree.child("c"), release)

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries()[-1] == ("terminate", "well", SHUTDOWN)
    (facts,) = events.of(EXCEEDED)
    error = facts["error"]
    assert isinstance(error, AbandonedExceededError)
    assert (error.supervisor, error.max_abandoned) == ("root", 2)
    assert [record.id for record in error.abandoned] == ["root/a", "root/b", "root/c"]
    assert "supervisors/testing.py:" in str(error)


def test_three_abandoned_threads_are_the_default_limit(release):
    tree = at_once(Supervisor.start(stuck_specs("abcd")))
    for name in "abc":
        abandon(tree, tree.child(name), release)
    assert tree.count_children().abandoned == 3

    abandon(tree, tree.child("d"), release)

    assert wait_exit(tree) == SHUTDOWN


def test_without_a_limit_a_supervisor_lives_with_any_number(release):
    with at_once(Supervisor.start(stuck_specs("abcdef"), max_abandoned=None)) as tree:
        for name in "abcdef":
            abandon(tree, tree.child(name), release)

        assert tree.count_children().abandoned == 6


def test_a_thread_that_has_ended_after_all_no_longer_counts():
    with at_once(Supervisor.start(stuck_specs("abc"), max_abandoned=1)) as tree:
        for name in "abc":
            release = threading.Event()
            pid = abandon(tree, tree.child(name), release)
            release.set()
            pid.thread.join()

        assert tree.count_children().abandoned == 0


def test_a_child_that_somebody_else_has_killed_does_not_count(release):
    with at_once(Supervisor.start(stuck_specs("a"), max_abandoned=0, intensity=9)) as tree:
        events = Events(tree.system)
        for times in (1, 2):
            entered, old = threading.Event(), tree.child("a").pid
            old.cast(("block", entered, release))
            entered.wait(CEILING_S)
            old.kill()
            events.names.wait_for("actor.abandoned", times)
            wait_restarted(tree.child("a"), old)

        assert events.of(EXCEEDED) == []
        assert tree.child("a").call("hello") == "hello"


def test_its_own_supervisor_starts_it_again_and_the_new_one_counts_from_zero(release):
    sub = Supervisor.child_spec(stuck_specs("ab"), id="sub", max_abandoned=1)
    with at_once(Supervisor.start([sub])) as tree:
        address = tree.supervisor("sub")
        old = address.pid
        for name in "ab":
            abandon(address, address.child(name), release)
        new = wait_restarted(address, old)

        assert (old.exit_reason, new.generation) == (SHUTDOWN, 2)
        abandon(address, address.child("a"), release)
        assert address.pid is new
        assert len(tree.system.abandoned.records()) == 3


def test_a_start_that_is_rolled_back_says_why_however_many_threads_it_has_abandoned(release):
    class Hanging(GenServer):
        def init(self):
            return Continue()

        def handle_continue(self, _):
            release.wait()

    def fail(_):
        raise LookupError("no")

    hanging = [Hanging.child_spec(id=name, shutdown_s=0) for name in "ab"]
    specs = [*hanging, Misbehaving.child_spec(id="c", on_init=fail)]
    system = System(kill_grace_s=0)
    with pytest.raises(StartError) as caught:
        Supervisor.start(specs, max_abandoned=0, system=system)

    assert (caught.value.child_id, caught.value.reason) == ("c", Crash("LookupError", "no"))
    assert len(system.abandoned.records()) == 2
    system.close()


def hang_in_init(clock, journal, times):
    """Let a start take too long, once it is in its `init`, and its thread stay beyond the grace."""
    journal.wait_for(("init", "a"), times=times)
    clock.wait_armed()
    clock.advance(5)
    clock.wait_armed()
    clock.advance(1)


def test_a_start_that_takes_too_long_says_so_and_not_how_many_threads_it_has_abandoned(journal, release):
    clock = ManualClock()
    spec = Misbehaving.child_spec(
        journal, "a", id="a", shutdown_s=0, start_timeout_s=5, on_init=lambda _: release.wait()
    )
    with Supervisor.start([], system=clock.system()) as root:
        events = Events(root.system)
        started = root.start_child_async(Supervisor.child_spec([spec], id="sub", max_abandoned=0))
        hang_in_init(clock, journal, times=1)
        with pytest.raises(StartError) as caught:
            started.get(timeout=CEILING_S)

        assert caught.value.reason.detail.reason == Crash("TimeoutError", "init took over 5 s")
        assert events.of(EXCEEDED) == []
        assert len(events.of("actor.abandoned")) == 1


def test_a_restart_that_hangs_in_its_init_counts(journal, release):
    def hang_later(generation):
        if generation > 1:
            release.wait()

    clock = ManualClock()
    spec = Misbehaving.child_spec(journal, "a", id="a", start_timeout_s=5, on_init=hang_later)
    tree = Supervisor.start([spec], max_abandoned=1, intensity=100, system=clock.system())
    events = Events(tree.system)
    tree.child("a").cast(("raise", ValueError("boom")))
    hang_in_init(clock, journal, times=2)
    hang_in_init(clock, journal, times=3)

    assert wait_exit(tree) == SHUTDOWN
    assert len(events.of("actor.abandoned")) == 2
    assert len(events.of(EXCEEDED)) == 1


def test_threads_that_are_abandoned_while_it_stops_change_nothing_about_the_stop(release):
    tree = at_once(Supervisor.start(stuck_specs("ab"), max_abandoned=0))
    events = Events(tree.system)
    for name in "ab":
        entered = threading.Event()
        tree.child(name).cast(("block", entered, release))
        entered.wait(CEILING_S)

    result = tree.stop()

    assert (result.reason, len(result.abandoned)) == (SHUTDOWN, 2)
    assert events.of(EXCEEDED) == []


def test_a_dynamic_supervisor_has_the_limit_too(release):
    pool = at_once(DynamicSupervisor.start(max_abandoned=1))
    first, second = (pool.start_child(spec) for spec in stuck_specs("ab"))
    for child in (first, second):
        entered = threading.Event()
        child.cast(("block", entered, release))
        entered.wait(CEILING_S)
        pool.terminate_child(child)

    assert wait_exit(pool) == SHUTDOWN


def test_tasks_that_were_terminated_and_stay_count_and_those_their_owner_gave_up_do_not(release):
    tasks = TaskSupervisor(max_abandoned=1)
    address = at_once(tasks.start())

    def begin():
        entered = threading.Event()

        def hang():
            entered.set()
            release.wait()

        task = tasks.async_nolink(hang, shutdown_s=0)
        entered.wait(CEILING_S)
        return task

    for _ in range(3):
        begin().shutdown(0)
    assert tasks.async_nolink(len, "abc").await_() == 3
    for _ in range(2):
        tasks.terminate_child(begin())

    assert wait_exit(address) == SHUTDOWN


@pytest.mark.parametrize("wrong", [-1, 1.5, True, "3"])
def test_a_limit_that_is_no_number_of_threads_is_refused(wrong):
    with pytest.raises(ChildSpecError, match="it must be None or a whole number >= 0"):
        SupervisorFlags(max_abandoned=wrong)
    with pytest.raises(ChildSpecError, match="max_abandoned"):
        TaskSupervisor(max_abandoned=wrong)


def test_both_sides_of_the_limit_are_accepted():
    assert [SupervisorFlags(max_abandoned=most).max_abandoned for most in (None, 0, 10**6)] == [
        None,
        0,
        10**6,
    ]
    assert SupervisorFlags().max_abandoned == 3
