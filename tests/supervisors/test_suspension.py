"""Suspended actors: what waits, in which order it is handled afterwards, and what does not wait."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    CallFuture,
    CallTimeoutError,
    ChildState,
    Crash,
    GenServer,
    Supervisor,
    Timeout,
    get_state,
    get_status,
    resume,
    suspend,
)
from supervisors._signals import SystemCall
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


class Counter(GenServer):
    def init(self, value=0):
        self.value = value
        self.seen = []

    def handle_call(self, message, sender):
        self.value += message
        return self.value

    def handle_cast(self, message):
        self.seen.append(message)


@pytest.fixture
def counter():
    with Counter.start(10, name="counter") as address:
        yield address


def request(address, act):
    """Put a system request into the queue of an actor without waiting for it."""
    future = CallFuture()
    address.pid.mailbox.post_system(SystemCall(act, future))
    return future


def request_suspension(address):
    return request(address, lambda actor: actor.system_suspend())


def casts(journal):
    return [entry[2] for entry in journal.entries() if entry[0] == "cast"]


def infos(journal):
    return [entry[2] for entry in journal.entries() if entry[0] == "info"]


def test_messages_to_a_suspended_actor_wait_and_are_handled_in_order_after_it(counter):
    suspend(counter)
    reply = counter.call_async(1)
    for number in range(3):
        counter.cast(number)

    status = get_status(counter)
    assert (status.suspended, status.queued) == (True, 4)
    assert get_state(counter)["seen"] == []
    assert not reply.done

    resume(counter)
    counter.cast(3)

    assert reply.get(timeout=CEILING_S) == 11
    counter.call(0)
    assert get_state(counter)["seen"] == [0, 1, 2, 3]
    assert not get_status(counter).suspended


def test_a_call_to_a_suspended_actor_times_out_as_usual(counter):
    suspend(counter)

    with pytest.raises(CallTimeoutError):
        counter.call(1, timeout=0.01)

    resume(counter)
    assert counter.call(0) == 11


def test_suspending_twice_and_resuming_one_that_runs_are_quiet(counter):
    resume(counter)
    suspend(counter)
    suspend(counter)
    resume(counter)

    assert counter.call(0) == 10


def test_a_message_that_was_taken_before_the_suspension_is_handled_first_after_it():
    journal, entered, release = Journal(), threading.Event(), threading.Event()
    with Misbehaving.start(journal) as server:
        server.cast(("block", entered, release))
        entered.wait(CEILING_S)
        server.cast("first")
        server.cast("second")
        suspended = request_suspension(server)
        release.set()
        suspended.get(timeout=CEILING_S)
        server.cast("third")
        assert casts(journal) == []

        resume(server)
        server.call("all were handled")

    assert casts(journal) == ["first", "second", "third"]


def test_an_actor_can_be_suspended_again_while_it_catches_up():
    journal, entered, release = Journal(), threading.Event(), threading.Event()
    with Misbehaving.start(journal) as server:
        suspend(server)
        server.cast(("block", entered, release))
        server.cast("first")
        resume(server)
        entered.wait(CEILING_S)
        suspended = request_suspension(server)
        server.cast("second")
        release.set()
        suspended.get(timeout=CEILING_S)
        assert (get_status(server).suspended, casts(journal)) == (True, [])

        resume(server)
        server.call("all were handled")

    assert casts(journal) == ["first", "second"]


def test_signals_that_wait_come_before_those_that_arrive_with_the_resumption():
    journal, entered, release = Journal(), threading.Event(), threading.Event()
    with (
        Misbehaving.start(journal, trap_exit=True) as server,
        Misbehaving.start() as one,
        Misbehaving.start() as two,
    ):
        pids = [one.pid, two.pid]
        for pid in pids:
            server.call(("do", lambda actor, _, pid=pid: actor.link(pid)))
        suspend(server)
        one.stop()
        request(server, lambda _: (entered.set(), release.wait(CEILING_S)))
        entered.wait(CEILING_S)
        resumed = request(server, lambda actor: actor.system_resume())
        two.stop()
        assert infos(journal) == []

        release.set()
        resumed.get(timeout=CEILING_S)
        server.call("all were handled")

    assert [message.pid for message in infos(journal)] == pids


def test_a_timeout_that_is_over_during_the_suspension_is_handled_after_it_unless_a_message_came():
    clock, seen = ManualClock(), Journal()

    class Server(GenServer):
        def init(self):
            return Timeout(1)

        def handle_cast(self, message):
            seen.add(message)
            return Timeout(1)

        def handle_info(self, message):
            seen.add("timeout")

    with Server.start(system=clock.system()) as server:
        suspend(server)
        clock.advance(1)
        resume(server)
        seen.wait_for("timeout")

        server.cast("arms another")
        get_status(server)
        suspend(server)
        server.cast("takes it back")
        clock.advance(1)
        resume(server)
        seen.wait_for("takes it back")
        get_state(server)
        clock.advance(1)
        seen.wait_for("timeout", times=2)

    assert seen.entries() == ["timeout", "arms another", "takes it back", "timeout"]


@pytest.mark.parametrize(
    ("end", "reason", "terminates"),
    [
        (lambda address: address.stop(), SHUTDOWN, True),
        (lambda address: address.pid.kill(), KILLED, False),
        (lambda address: address.exit(Crash("ValueError", "signal")), Crash("ValueError", "signal"), False),
    ],
)
def test_what_ends_an_actor_ends_a_suspended_one_and_answers_what_waits(end, reason, terminates):
    journal = Journal()
    server = Misbehaving.start(journal)
    pid = server.pid
    suspend(server)
    waiting = [server.call_async("x") for _ in range(3)]

    end(server)

    assert wait_exit(pid) == reason
    for reply in waiting:
        with pytest.raises(ActorExitedError) as caught:
            reply.get(timeout=CEILING_S)
        assert caught.value.reason == reason
    pid.join()
    assert journal.entries()[1:] == [("terminate", "child", reason)] * terminates


def test_the_end_of_its_parent_ends_a_suspended_child():
    tree = Supervisor.start([Misbehaving.child_spec(id="a")])
    pid = tree.child("a").pid
    suspend(pid)

    assert tree.stop().clean
    assert pid.exit_reason == SHUTDOWN


def test_a_normal_signal_does_not_end_a_suspended_actor(counter):
    suspend(counter)
    counter.exit(NORMAL)

    assert get_status(counter).suspended


def test_a_restarted_child_is_not_suspended_any_more():
    with Supervisor.start([Misbehaving.child_spec(id="a")]) as tree:
        address = tree.child("a")
        old = address.pid
        suspend(address)
        old.kill()

        assert not get_status(wait_restarted(address, old)).suspended


def test_a_suspended_supervisor_leaves_its_children_alone_until_it_is_resumed():
    with Supervisor.start([Misbehaving.child_spec(id="a")]) as tree:
        address = tree.child("a")
        old = address.pid
        suspend(tree)
        old.kill()

        assert get_status(tree).suspended
        with pytest.raises(ActorExitedError):
            address.call("x")
        assert tree.snapshot().children[0].state is ChildState.RUNNING  # as far as it has heard

        resume(tree)
        assert wait_restarted(address, old).generation == 2


def test_a_suspended_supervisor_stops_its_children_in_order_when_it_is_asked_to():
    journal = Journal()
    tree = Supervisor.start([Misbehaving.child_spec(journal, name, id=name) for name in "ab"])
    suspend(tree)

    assert tree.stop().clean
    assert journal.entries()[2:] == [("terminate", name, SHUTDOWN) for name in "ba"]


def test_a_supervisor_that_is_stopping_cannot_be_suspended():
    entered, release = threading.Event(), threading.Event()

    def linger(_reason):
        entered.set()
        release.wait(CEILING_S)

    tree = Supervisor.start([Misbehaving.child_spec(id="a", on_terminate=linger)])
    tree.pid.request_stop(SHUTDOWN)
    entered.wait(CEILING_S)

    with pytest.raises(ActorExitedError) as caught:
        suspend(tree)
    assert caught.value.reason == SHUTDOWN
    release.set()
    assert tree.stop().clean
