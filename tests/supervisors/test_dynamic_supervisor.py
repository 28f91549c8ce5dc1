"""DynamicSupervisor: children on demand, each on its own."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    IGNORE,
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    ChildCounts,
    ChildNotFoundError,
    ChildSpecError,
    Crash,
    DynamicSupervisor,
    MaxChildrenError,
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

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def pool():
    with DynamicSupervisor.start(name="pool") as address:
        yield address


def spec(*args, **options):
    return Misbehaving.child_spec(*args, **options)


def test_children_start_on_demand_and_ids_are_not_looked_at(pool):
    first, second = pool.start_child(spec(id="same")), pool.start_child(spec(id="same"))

    assert first != second
    assert (first.call(1), second.call(2)) == (1, 2)
    assert [child.id for child in pool.which_children()] == [None, None]
    assert [child.pid for child in pool.which_children()] == [second.pid, first.pid]
    assert pool.count_children() == ChildCounts(specs=2, active=2, supervisors=0, workers=2, abandoned=0)


@pytest.mark.parametrize("restart", ["permanent", "transient"])
def test_the_address_of_a_child_stays_valid_over_its_restarts(pool, restart):
    child = pool.start_child(spec(restart=restart))
    old = child.pid
    child.cast(("raise", ValueError()))

    assert wait_restarted(child, old).generation == 2
    assert child.call("hello") == "hello"


@pytest.mark.parametrize(
    ("restart", "reason"),
    [("temporary", NORMAL), ("temporary", KILLED), ("transient", SHUTDOWN)],
)
def test_a_child_that_is_not_restarted_is_forgotten(pool, restart, reason):
    events = Events(pool.system)
    child = pool.start_child(spec(restart=restart))
    child.cast(("stop", reason))
    events.names.wait_for("supervisor.child_exited")

    assert pool.count_children().specs == 0


def test_a_call_to_a_child_that_was_forgotten_still_says_why_it_ended(pool):
    child = pool.start_child(spec(restart="temporary"))
    pid = child.pid
    child.cast(("raise", ValueError("x")))
    wait_exit(pid)

    with pytest.raises(ActorExitedError) as caught:
        child.call("late")

    assert caught.value.reason == Crash("ValueError", "x")


@pytest.mark.parametrize("by", ["address", "pid"])
def test_a_child_is_terminated_by_its_address_or_pid_and_then_unknown(pool, by):
    child = pool.start_child(spec())
    pid = child.pid
    target = child if by == "address" else pid

    pool.terminate_child(target)

    assert pid.exit_reason == SHUTDOWN
    with pytest.raises(ChildNotFoundError):
        pool.terminate_child(target)
    assert pool.count_children().specs == 0


def test_an_actor_that_is_no_child_is_not_terminated(pool):
    with Misbehaving.start() as stranger:
        for target in (stranger, stranger.pid, pool, "name", ["list"]):
            with pytest.raises(ChildNotFoundError):
                pool.terminate_child(target)

        assert stranger.call("alive") == "alive"


def test_the_spec_of_a_child_can_be_read(pool):
    child = pool.start_child(spec(shutdown_s=7))

    assert pool.get_childspec(child).shutdown_s == 7


def test_a_full_supervisor_refuses_and_counts_those_being_restarted():
    entered, release = threading.Event(), threading.Event()

    def slow_restart(generation):
        if generation == 2:
            entered.set()
            release.wait(CEILING_S)

    with DynamicSupervisor.start(max_children=1) as pool:
        child = pool.start_child(spec(on_init=slow_restart))
        child.cast(("raise", ValueError()))
        entered.wait(CEILING_S)

        with pytest.raises(MaxChildrenError, match="max_children=1"):
            pool.start_child(spec())
        release.set()


def test_a_supervisor_for_no_children_refuses_the_first():
    with DynamicSupervisor.start(max_children=0) as pool, pytest.raises(MaxChildrenError):
        pool.start_child(spec())


@pytest.mark.parametrize(
    "options", [{"max_children": -1}, {"max_children": "2"}, {"intensity": -1}, {"period": 0}]
)
def test_wrong_limits_are_a_start_error(options):
    with pytest.raises(StartError) as caught:
        DynamicSupervisor.start(**options)
    assert caught.value.reason.error_type.endswith(ChildSpecError.__name__)


def test_a_start_that_fails_or_ignores_leaves_no_child(pool):
    def fail(_):
        raise ValueError("no")

    with pytest.raises(StartError, match="no"):
        pool.start_child(spec(on_init=fail))
    assert pool.start_child(spec(on_init=lambda _: IGNORE)) is None
    with pytest.raises(ChildSpecError):
        pool.start_child("no spec")
    assert pool.count_children().specs == 0


def test_a_slow_start_holds_up_nobody_else(pool):
    entered, release = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        release.wait(CEILING_S)

    slow_child = pool.start_child_async(spec(on_init=slow))
    entered.wait(CEILING_S)

    quick = pool.start_child(spec())
    pool.terminate_child(quick)

    release.set()
    assert slow_child.get(timeout=CEILING_S).call("up") == "up"


def test_a_child_may_start_another_one_from_its_init(pool):
    class Parent(Misbehaving):
        def init(self):
            super().init()
            self.sibling = self.parent.start_child(spec())

    child = pool.start_child(Parent.child_spec())

    assert child.call(("do", lambda actor, _: actor.sibling.call("hello"))) == "hello"


def test_the_restart_beyond_the_intensity_ends_it_and_stops_the_others():
    journal = Journal()
    pool = DynamicSupervisor.start(intensity=1, system=ManualClock().system())
    pool.start_child(spec(journal, "other"))
    child = pool.start_child(spec())
    for _ in range(2):
        old = child.pid
        child.cast(("raise", ValueError()))
        wait_exit(old)
        child.wait_available(CEILING_S)

    assert wait_exit(pool) == SHUTDOWN
    assert journal.entries()[-1] == ("terminate", "other", SHUTDOWN)


def test_a_restart_that_keeps_failing_uses_up_the_intensity():
    journal = Journal()
    pool = DynamicSupervisor.start(intensity=4, system=ManualClock().system())
    pool.start_child(spec(journal, "a", on_init=fail_later)).cast(("raise", ValueError()))

    assert wait_exit(pool) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == 1 + 4


def test_a_restart_that_ignores_drops_the_child(pool):
    journal = Journal()
    pool.start_child(spec(journal, on_init=lambda generation: IGNORE if generation == 2 else None)).cast(
        ("raise", ValueError())
    )
    journal.wait_for(("init", "child"), times=2)
    events = Events(pool.system)
    pool.start_child(spec()).cast(("stop", NORMAL))  # permanent: restarted after the other was dropped
    events.names.wait_for("supervisor.child_restarted")

    assert pool.count_children().specs == 1


def test_all_children_are_asked_to_stop_at_once():
    """Each waits in terminate until all have been asked, so one after the other would never end."""
    everybody = threading.Barrier(3)
    pool = DynamicSupervisor.start()
    for _ in range(3):
        pool.start_child(spec(on_terminate=lambda _: everybody.wait(CEILING_S)))

    assert pool.stop().clean


def test_each_child_has_its_own_limit_in_a_common_stop():
    clock, journal = ManualClock(), Journal()
    entered, release = threading.Event(), threading.Event()
    pool = DynamicSupervisor.start(system=clock.system())
    quick = pool.start_child(spec(journal, "quick")).pid
    child = pool.start_child(spec(journal, "stuck", shutdown_s=3))
    child.cast(("block", entered, release))
    entered.wait(CEILING_S)
    pid = child.pid
    thread = threading.Thread(target=pool.stop)
    thread.start()

    assert wait_exit(quick) == SHUTDOWN
    clock.wait_armed(1)
    clock.advance(3)
    assert wait_exit(pid) == KILLED
    release.set()
    thread.join(CEILING_S)
    assert not pool.alive


def test_a_stop_ends_starts_that_are_going_on():
    entered, release = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        release.wait(CEILING_S)

    pool = DynamicSupervisor.start()
    starting = pool.start_child_async(spec(on_init=slow))
    entered.wait(CEILING_S)
    thread = threading.Thread(target=pool.stop)
    thread.start()
    release.set()
    thread.join(CEILING_S)

    assert not pool.alive
    with pytest.raises(ActorExitedError):
        starting.get(timeout=CEILING_S)


def test_hundreds_of_children_come_and_go(pool):
    children = [pool.start_child(spec(restart="temporary")) for _ in range(300)]
    assert pool.count_children().active == 300
    for child in children[:150]:
        pool.terminate_child(child)
    assert pool.count_children().active == 150
    assert pool.stop().clean


def test_supervisors_can_be_dynamic_children(pool):
    sub = pool.start_child(Supervisor.child_spec([spec(id="leaf")], speaker=()))

    assert sub.child("leaf").call("hello") == "hello"
    assert pool.count_children().supervisors == 1


def test_a_speaker_answers_for_a_dynamic_child(pool):
    inside = [spec(id="zygote"), spec(name="speaker", id="executor")]

    child = pool.start_child(Supervisor.child_spec(inside, speaker=("executor",)))

    assert child.call(("do", lambda actor, _: actor.name)) == "speaker"
    pool.terminate_child(child)
    assert pool.count_children().specs == 0


def test_requests_it_does_not_understand_are_refused(pool):
    with pytest.raises(TypeError, match="does not understand"):
        pool.restart_child("a")
    with pytest.raises(TypeError, match="does not understand"):
        pool.delete_child("a")
