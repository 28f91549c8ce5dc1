"""DynamicSupervisor: children on demand, each on its own; more is in the file of this name in conformance."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    ActorExitedError,
    Crash,
    DynamicSupervisor,
    Registry,
    Supervisor,
)
from supervisors.testing import (
    CEILING_S,
    Misbehaving,
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


@pytest.mark.parametrize("restart", ["permanent", "transient"])
def test_the_address_of_a_child_stays_valid_over_its_restarts(pool, restart):
    child = pool.start_child(spec(restart=restart))
    old = child.pid
    child.cast(("raise", ValueError()))

    assert wait_restarted(child, old).generation == 2
    assert child.call("hello") == "hello"


def test_a_call_to_a_child_that_was_forgotten_still_says_why_it_ended(pool):
    child = pool.start_child(spec(restart="temporary"))
    pid = child.pid
    child.cast(("raise", ValueError("x")))
    wait_exit(pid)

    with pytest.raises(ActorExitedError) as caught:
        child.call("late")

    assert caught.value.reason == Crash("ValueError", "x")


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


def test_a_child_under_a_name_gets_the_extra_arguments_before_its_own_too():
    class Told(Misbehaving):
        def init(self, *args):
            super().init()
            self.args = args

    names = Registry(keys="unique")
    with names.start(), DynamicSupervisor.start(extra_arguments=(1, 2)) as pool:
        child = pool.start_child(names.via("told").named(Told.child_spec(3)))
        old = child.pid
        child.cast(("raise", ValueError()))
        wait_restarted(child, old)

        assert names.via("told").call(("do", lambda actor, _: actor.args)) == (1, 2, 3)
