"""A handler that takes long ends at its next checkpoint when its actor is to end."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    Continue,
    Crash,
    Exit,
    GenServer,
    NotAnActorError,
    Shutdown,
    StartError,
    Supervisor,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")

BOOM = Crash("ValueError", "boom")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


class Patient(GenServer):
    """Goes on for ever in any handler, with a checkpoint each time it has waited for `step`."""

    def init(self, journal, step, *, trap_exit=False):
        self.journal = journal
        self.step = step
        self.trap_exit = trap_exit

    def handle_call(self, message, sender):
        return self.work() if message == "work" else message

    def handle_cast(self, message):
        return Continue() if message == "continue" else self.work()

    handle_info = handle_cast

    def handle_continue(self, term):
        self.work()

    def work(self):
        self.journal.add("working")
        try:
            while True:
                self.step.acquire(timeout=CEILING_S)
                try:
                    self.checkpoint()
                except Exception:  # noqa: BLE001 -- what a careless handler does
                    self.journal.add("caught")
                self.journal.add("went on")
        finally:
            self.journal.add("finally")

    def terminate(self, reason):
        self.journal.add(("terminate", reason))


@pytest.fixture
def step():
    return threading.Semaphore(0)


@pytest.fixture
def server(journal, step):
    return Patient.start(journal, step, name="server")


ENDS = [
    (lambda server: server.pid.request_stop(SHUTDOWN), SHUTDOWN, True),
    (lambda server: server.exit(BOOM), BOOM, False),
    (lambda server: server.pid.kill(), KILLED, False),
]


@pytest.mark.parametrize("ending", ENDS, ids=["stop", "signal", "kill"])
@pytest.mark.parametrize(
    "begin",
    [
        lambda server: server.call_async("work"),
        lambda server: server.cast("work"),
        lambda server: server.send_info("work"),
        lambda server: server.cast("continue"),
    ],
    ids=["call", "cast", "info", "continue"],
)
def test_a_handler_of_an_actor_that_is_to_end_is_left_at_its_next_checkpoint(
    journal, step, server, begin, ending
):
    end, reason, orderly = ending
    pid = server.pid
    begin(server)
    journal.wait_for("working")

    end(server)
    step.release()

    assert wait_exit(pid) == reason
    pid.thread.join(CEILING_S)
    assert journal.entries() == ["working", "finally", *[("terminate", reason)] * orderly]


@pytest.mark.parametrize("ending", ENDS, ids=["stop", "signal", "kill"])
def test_the_caller_of_a_handler_that_is_left_hears_of_the_end(journal, step, server, ending):
    end, reason, _ = ending
    reply = server.call_async("work")
    journal.wait_for("working")

    end(server)
    step.release()

    with pytest.raises(ActorExitedError) as caught:
        reply.get(timeout=CEILING_S)
    assert caught.value.reason == reason


def test_a_handler_goes_on_at_a_checkpoint_while_nobody_wants_its_end(journal, step, server):
    reply = server.call_async("work")
    journal.wait_for("working")
    server.exit(NORMAL)  # ignored by one that traps no exits
    server.cast("queued")
    for count in (1, 2):
        step.release()
        journal.wait_for("went on", times=count)

    assert not reply.done
    server.pid.request_stop(SHUTDOWN)
    step.release()
    wait_exit(server)


def test_signals_that_a_server_traps_wait_for_the_end_of_its_handler(journal, step):
    heard = Journal()

    class Trapping(Patient):
        def handle_info(self, message):
            heard.add(message)

    server = Trapping.start(journal, step, trap_exit=True)
    server.cast("work")
    journal.wait_for("working")
    server.exit(BOOM)
    step.release()
    journal.wait_for("went on")
    assert heard.entries() == []

    server.pid.request_stop(SHUTDOWN)
    step.release()

    assert wait_exit(server) == SHUTDOWN
    assert Exit(None, BOOM) not in heard.entries()


def test_the_signal_of_its_supervisor_ends_a_handler_at_a_checkpoint_in_order(journal, step):
    spec = Patient.child_spec(journal, step, id="a", trap_exit=True, restart="temporary")
    with Supervisor.start([spec]) as tree:
        pid = tree.child("a").pid
        pid.cast("work")
        journal.wait_for("working")

        pid.signal(tree.pid, SHUTDOWN)  # what a supervisor sends to stop a child
        step.release()

        assert wait_exit(pid) == SHUTDOWN
        assert journal.entries() == ["working", "finally", ("terminate", SHUTDOWN)]


def test_a_checkpoint_in_init_ends_the_start_without_terminate(journal):
    class Slow(GenServer):
        def init(self):
            self.pid.request_stop(Shutdown("not needed any more"))
            self.checkpoint()
            journal.add("went on")

        def terminate(self, reason):
            journal.add("terminate")

    with pytest.raises(StartError) as caught:
        Slow.start()
    assert caught.value.reason == Shutdown("not needed any more")
    assert journal.entries() == []


def test_a_checkpoint_in_terminate_ends_it_when_the_actor_is_killed(journal, step):
    class Slow(Patient):
        def terminate(self, reason):
            self.work()

    server = Slow.start(journal, step)
    pid = server.pid
    pid.request_stop(SHUTDOWN)
    journal.wait_for("working")
    step.release()
    journal.wait_for("went on")

    pid.kill()
    step.release()

    pid.thread.join(CEILING_S)
    assert pid.exit_reason == KILLED
    assert journal.entries() == ["working", "went on", "finally"]


def test_only_the_actors_own_thread_may_come_to_a_checkpoint():
    with Misbehaving.start() as server:
        actor = server.call(("do", lambda actor, _: actor))

        with pytest.raises(NotAnActorError, match="checkpoint"):
            actor.checkpoint()
        assert server.call(("do", lambda actor, _: actor.checkpoint())) is None
