"""Senders: answering later, handing a call over, and who owes the reply when somebody ends."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    NO_REPLY,
    NORMAL,
    ActorExitedError,
    Address,
    CallCycleError,
    CallTimeoutError,
    GenServer,
    Stop,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


def test_a_held_sender_may_answer_from_a_later_message():
    class Later(GenServer):
        def handle_call(self, message, sender):
            self.waiting = sender
            return NO_REPLY

        def handle_cast(self, message):
            self.waiting.reply(message)

    with Later.start() as server:
        future = server.call_async("question")
        server.cast("answer")

        assert future.get(timeout=CEILING_S) == "answer"
        assert server.pid.held == {}


def test_a_held_sender_may_fail_the_call():
    class Later(GenServer):
        def handle_call(self, message, sender):
            sender.fail(KeyError(message))
            return NO_REPLY

    with Later.start() as server, pytest.raises(KeyError):
        server.call("question")


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_held_senders_are_answered_when_their_actor_ends(end):
    server = Misbehaving.start()
    pid = server.pid
    futures = [server.call_async(("hold",)) for _ in range(3)]
    server.call("all are held now")

    {"stop": server.stop, "kill": pid.kill, "crash": lambda: server.cast(("raise", ValueError()))}[end]()

    for future in futures:
        with pytest.raises(ActorExitedError):
            future.get(timeout=CEILING_S)
    pid.thread.join(CEILING_S)


def test_a_held_sender_is_let_go_when_its_caller_gives_up():
    with Misbehaving.start() as server:
        with pytest.raises(CallTimeoutError):
            server.call(("hold",), timeout=0)
        server.call("the hold was handled")

        assert server.pid.held == {}


def test_a_server_hears_at_once_that_its_caller_gave_up():
    abandoned = Journal()

    def hold(_, sender):
        sender.on_abandoned(lambda: abandoned.add("abandoned"))
        return NO_REPLY

    with Misbehaving.start() as server:
        future = server.call_async(("do", hold))
        server.call("handled")

        future.abandon()

        assert abandoned.entries() == ["abandoned"]


def test_a_forwarded_call_is_answered_by_the_other_actor():
    with Misbehaving.start(name="front") as front, Misbehaving.start(name="back") as back:

        def forward(actor, sender):
            actor.forward(back, "question", sender)
            return NO_REPLY

        assert front.call(("do", forward)) == "question"
        assert front.call("free again") == "free again"


@pytest.mark.parametrize("when", ["before", "while queued", "while holding"])
def test_a_forwarded_call_is_answered_when_the_other_actor_ends(when):
    entered, release = threading.Event(), threading.Event()
    front, back = Misbehaving.start(name="front"), Misbehaving.start(name="back")
    pid = back.pid
    if when == "before":
        back.stop()
    elif when == "while queued":
        back.cast(("block", entered, release))
        entered.wait(CEILING_S)

    def forward(actor, sender):
        actor.forward(pid, ("hold",), sender)
        return NO_REPLY

    future = front.call_async(("do", forward))
    front.call("forwarded")
    pid.kill()

    with pytest.raises(ActorExitedError, match="back"):
        future.get(timeout=CEILING_S)
    release.set()
    front.stop()
    pid.thread.join(CEILING_S)


def test_a_call_forwarded_to_an_address_without_an_actor_fails_with_its_name():
    with Misbehaving.start() as front:
        nobody = Address(front.root, ("nobody",))

        def forward(actor, sender):
            actor.forward(nobody, "question", sender)
            return NO_REPLY

        with pytest.raises(ActorExitedError, match="Misbehaving/nobody is not running"):
            front.call(("do", forward))


def test_the_end_of_the_actor_that_forwarded_does_not_answer_the_call():
    front, back = Misbehaving.start(name="front"), Misbehaving.start(name="back")
    senders = Journal()

    def keep(actor, sender):
        actor.kept = sender
        senders.add(sender)
        return NO_REPLY

    def forward(actor, sender):
        actor.forward(back, ("do", keep), sender)
        return Stop(NORMAL)

    future = front.call_async(("do", forward))
    wait_exit(front.root)
    back.call("the forwarded call was handled")

    assert not future.done
    back.call(("do", lambda actor, _: actor.kept.reply("answered")))
    assert future.get(timeout=CEILING_S) == "answered"
    back.stop()


def test_a_forward_back_to_a_waiting_caller_is_seen_as_a_cycle():
    """A waits for B, B has forwarded to C, so C must not wait for A."""
    refused = Journal()
    with Misbehaving.start(name="a") as a, Misbehaving.start(name="b") as b, Misbehaving.start(name="c") as c:

        def ask_a(*_):
            try:
                a.call("cycle", timeout=None)
            except CallCycleError:
                refused.add("refused")
            return "done"

        def forward(actor, sender):
            actor.forward(c, ("do", ask_a), sender)
            return NO_REPLY

        assert a.call(("do", lambda *_: b.call(("do", forward)))) == "done"
    assert refused.entries() == ["refused"]
