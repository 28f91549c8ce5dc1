"""Continue and Stop from every hook that may return them, and the context variables of handlers."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading
from contextvars import ContextVar

import pytest

from supervisors import (
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    Continue,
    Crash,
    GenServer,
    Refuse,
    Shutdown,
    Stop,
)
from supervisors.testing import CEILING_S, Journal, wait_exit
from tests.supervisors._obedient import Obedient, busy

pytestmark = pytest.mark.usefixtures("quiet")

trace = ContextVar("trace", default="nobody's")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def server(journal):
    with Obedient.start(journal) as address:
        yield address


def fail(_server):
    raise OSError("no")


# -- Continue


@pytest.mark.parametrize(("verb", "hook"), [("call_async", "call"), ("cast", "cast"), ("send_info", "info")])
def test_what_a_handler_continues_with_runs_before_any_message_that_is_queued(journal, server, verb, hook):
    with busy(server):
        getattr(server, verb)(("first", Continue("the rest")))
        server.cast("queued")
    journal.wait_for(("cast", "queued"))

    assert journal.entries()[1:] == [(hook, "first"), ("continue", "the rest"), ("cast", "queued")]


def test_a_continue_may_continue_several_times_before_the_next_message(journal, server):
    with busy(server):
        server.cast(("first", Continue(("one", Continue(("two", Continue("three")))))))
        server.cast("queued")
    journal.wait_for(("cast", "queued"))

    assert [name for _, name in journal.entries()[1:]] == ["first", "one", "two", "three", "queued"]


def test_a_call_that_continues_with_a_reply_is_answered_before_the_rest_runs(journal, server):
    answered = threading.Event()

    def rest(_server):
        answered.wait(CEILING_S)

    assert server.call(("ask", Continue(("rest", rest), reply="at once"))) == "at once"

    answered.set()
    server.call("both have run")
    assert journal.entries() == [("call", "ask"), ("continue", "rest"), ("call", "both have run")]


def test_a_call_that_continues_without_a_reply_is_answered_by_its_sender(server):
    def rest(actor):
        actor.senders[0].reply("later")

    assert server.call(("ask", Continue(("rest", rest)))) == "later"


def test_a_call_that_continues_and_ends_without_a_reply_hears_of_the_end(server):
    with pytest.raises(ActorExitedError) as caught:
        server.call(("ask", Continue(("rest", Stop(SHUTDOWN)))))
    assert caught.value.reason == SHUTDOWN


def test_a_refusal_while_going_on_concerns_nobody_and_ends_nothing(journal, server):
    def refuse(_server):
        raise Refuse(ValueError())

    server.cast(("first", Continue(("rest", refuse))))

    assert server.call("alive") is None
    assert journal.entries() == [("cast", "first"), ("continue", "rest"), ("call", "alive")]


# -- Stop


@pytest.mark.parametrize("verb", ["call_async", "cast", "send_info"])
@pytest.mark.parametrize("outcome", [Stop(Shutdown("why")), Continue(("rest", Stop(Shutdown("why"))))])
def test_a_stop_of_any_handler_ends_the_actor_before_what_is_queued(journal, server, verb, outcome):
    with busy(server):
        getattr(server, verb)(("last", outcome))
        server.cast("queued")

    assert wait_exit(server) == Shutdown("why")
    assert journal.entries()[-1] == ("terminate", Shutdown("why"))
    assert ("cast", "queued") not in journal.entries()
    assert server.system.dropped_casts == 1


@pytest.mark.parametrize("verb", ["cast", "send_info"])
def test_a_crash_in_a_continue_ends_the_actor_like_one_in_its_handler(journal, server, verb):
    getattr(server, verb)(("last", Continue(("rest", fail))))

    assert wait_exit(server) == Crash("OSError", "no")
    assert journal.entries()[-1] == ("terminate", Crash("OSError", "no"))


@pytest.mark.parametrize(
    ("end", "asked"),
    [
        (lambda server: server.stop(), SHUTDOWN),
        (lambda server: server.cast(Stop(NORMAL)), NORMAL),
        (lambda server: server.cast(OSError("no")), Crash("OSError", "no")),
    ],
    ids=["asked to stop", "stopped by itself", "crashed"],
)
def test_terminate_may_end_the_actor_with_another_reason_than_it_was_given(journal, end, asked):
    class Server(GenServer):
        def handle_cast(self, message):
            if isinstance(message, Exception):
                raise message
            return message

        def terminate(self, reason):
            journal.add(reason)
            return Stop(Shutdown("another reason"))

    server = Server.start()
    end(server)

    assert wait_exit(server) == Shutdown("another reason")
    assert journal.entries() == [asked]


def test_a_caller_gets_the_error_of_the_handler_even_if_terminate_changes_the_reason():
    class Server(GenServer):
        def handle_call(self, message, sender):
            raise OSError("no")

        def terminate(self, reason):
            return Stop(NORMAL)

    server = Server.start()

    with pytest.raises(OSError, match="no"):
        server.call("x")
    assert wait_exit(server) == NORMAL


# -- context variables


@pytest.mark.parametrize("verb", ["call", "cast", "send_info"])
def test_a_handler_and_what_it_continues_with_see_the_context_variables_of_the_sender(journal, server, verb):
    def look(actor):
        actor.journal.add(("trace", trace.get()))
        trace.set("the handler's")

    def look_and_go_on(actor):
        look(actor)
        return Continue(("rest", look), reply=None)

    before = trace.set("the sender's")
    try:
        getattr(server, verb)(("first", look_and_go_on))
    finally:
        trace.reset(before)
    server.call(("second", look))

    seen = [name for hook, name in journal.entries() if hook == "trace"]
    assert seen == ["the sender's", "the handler's", "nobody's"]
    assert trace.get() == "nobody's"
