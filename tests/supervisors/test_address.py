"""Addresses: stable over restarts of the child and of the supervisors above it."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    ActorExitedError,
    ChildNotFoundError,
    Crash,
    DynamicSupervisor,
    GenServer,
    Supervisor,
    SupervisorAddress,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def tree():
    sub = Supervisor.child_spec([Misbehaving.child_spec(id="leaf")], id="sub")
    with Supervisor.start([Misbehaving.child_spec(id="a"), sub], name="root") as address:
        yield address


def test_an_address_stays_valid_when_its_child_is_restarted(tree):
    child = tree.child("a")
    old = child.pid
    child.cast(("raise", ValueError()))

    new = wait_restarted(child, old)

    assert (old.generation, new.generation) == (1, 2)
    assert child.call("hello") == "hello"


def test_an_address_stays_valid_when_a_supervisor_above_is_restarted(tree):
    leaf, sub = tree.supervisor("sub").child("leaf"), tree.supervisor("sub")
    old_leaf, old_sub = leaf.pid, sub.pid

    old_sub.kill()

    wait_restarted(sub, old_sub)
    wait_restarted(leaf, old_leaf)
    assert leaf.call("hello") == "hello"


def test_addresses_are_equal_when_root_and_path_are(tree):
    first, second = tree.child("a"), tree.child("a")

    assert first == second
    assert hash(first) == hash(second)
    assert first != tree.supervisor("sub").child("leaf")
    assert first != "a"
    assert first.name == "root/a"
    assert (first.id, tree.id) == ("a", "root")
    assert repr(first) == "<Address root/a>"


def test_the_address_a_child_knows_itself_by_equals_the_one_others_use(tree):
    own = tree.child("a").call(("do", lambda actor, _: (actor.address, actor.parent)))

    assert own == (tree.child("a"), tree)


def test_while_a_child_is_being_restarted_calls_fail_at_once_and_casts_are_counted():
    entered, release = threading.Event(), threading.Event()

    def slow_restart(generation):
        if generation == 2:
            entered.set()
            release.wait(CEILING_S)

    with Supervisor.start([Misbehaving.child_spec(on_init=slow_restart, id="a")]) as tree:
        child = tree.child("a")
        old = child.pid
        child.cast(("raise", ValueError("x")))
        entered.wait(CEILING_S)

        assert not child.alive
        with pytest.raises(ActorExitedError):
            child.call("now")
        with pytest.raises(ActorExitedError):
            child.call_async("now").get(timeout=0)
        child.cast("dropped")
        child.send_info("dropped")
        assert tree.system.dropped_casts == 1

        release.set()
        wait_restarted(child, old)
        assert child.call("hello") == "hello"


def test_a_call_to_a_stopped_child_says_why_it_ended(tree):
    child = tree.child("a")
    tree.terminate_child("a")

    with pytest.raises(ActorExitedError, match=r"root/a is not running: Shutdown"):
        child.call("x")


def test_waiting_for_an_address_is_ended_by_the_restart(tree):
    child = tree.child("a")
    tree.terminate_child("a")
    assert not child.wait_available(0)
    seen = Journal()
    thread = threading.Thread(target=lambda: seen.add(child.wait_available(CEILING_S)))
    thread.start()

    tree.restart_child("a")

    seen.wait_for(True)
    thread.join()


def test_waiting_for_an_address_is_ended_by_the_end_of_the_root(tree):
    child = tree.child("a")
    tree.terminate_child("a")
    seen = Journal()
    thread = threading.Thread(target=lambda: seen.add(child.wait_available()), daemon=True)
    thread.start()

    tree.stop()

    seen.wait_for(False)
    thread.join()


def test_an_unknown_child_is_an_error_that_lists_the_known_ones(tree):
    with pytest.raises(ChildNotFoundError, match=r"no child 'x'; children are \['a', 'sub'\]"):
        tree.child("x")
    with pytest.raises(ChildNotFoundError):
        tree.supervisor("a")


def test_the_address_of_a_supervisor_child_administers_it(tree):
    sub = tree.child("sub")

    assert isinstance(sub, SupervisorAddress)
    assert [child.id for child in sub.which_children()] == ["leaf"]


def test_a_child_with_a_speaker_is_addressed_through_it():
    inside = [Misbehaving.child_spec(id="zygote"), Misbehaving.child_spec(name="speaker", id="executor")]
    sandbox = Supervisor.child_spec(inside, strategy="rest_for_one", id="py", speaker=("executor",))

    with Supervisor.start([sandbox]) as tree:
        assert tree.child("py") == tree.supervisor("py").child("executor")
        assert tree.child("py").call(("do", lambda actor, _: actor.name)) == "speaker"


def test_siblings_find_each_other_while_their_supervisor_is_starting():
    class Second(GenServer):
        def init(self):
            self.heard = self.parent.child("first").call("hello")

        def handle_call(self, message, sender):
            return self.heard

    inside = [Misbehaving.child_spec(id="first"), Second.child_spec(id="second")]
    with Supervisor.start([Supervisor.child_spec(inside, id="sub")]) as tree:
        assert tree.supervisor("sub").child("second").call(None) == "hello"


def test_the_address_of_a_dynamic_child_is_never_given_to_another():
    with Supervisor.start([DynamicSupervisor.child_spec(id="pool")]) as tree:
        pool = tree.supervisor("pool")
        old_pool = pool.pid
        first = pool.start_child(Misbehaving.child_spec())
        old_pool.kill()
        wait_restarted(pool, old_pool)
        second = pool.start_child(Misbehaving.child_spec())

        assert first != second
        assert not first.alive
        assert second.alive


def test_stopping_a_permanent_child_by_its_address_restarts_it(tree):
    child = tree.child("a")
    old = child.pid

    assert child.stop().clean

    assert wait_restarted(child, old).generation == 2


def test_a_pid_shows_which_incarnation_it_was():
    with Misbehaving.start(name="server") as server:
        pid = server.pid
        assert (pid.alive, pid.exit_reason, pid.wait_exit(0)) == (True, None, None)
        assert repr(pid) == "<Pid server#1>"

        server.cast(("raise", ValueError("x")))

        assert wait_exit(pid) == Crash("ValueError", "x")
        assert (pid.alive, repr(pid)) == (False, "<Pid server#1 ended>")
