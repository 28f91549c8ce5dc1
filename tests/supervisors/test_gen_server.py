"""GenServer: init, the return values of handlers, continuing, timers, terminating."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from supervisors import (
    IGNORE,
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    Continue,
    Crash,
    GenServer,
    Shutdown,
    StartError,
    Stop,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


class Counter(GenServer):
    def init(self, start=0):
        self.value = start

    def handle_call(self, message, sender):
        self.value += message
        return self.value

    def handle_cast(self, message):
        self.value += message


def test_calls_and_casts_change_the_state_in_the_order_they_were_sent():
    with Counter.start(10) as counter:
        counter.cast(1)
        counter.cast(1)

        assert counter.call(3) == 15


def test_everything_runs_in_the_thread_of_the_actor():
    threads = []

    class Server(GenServer):
        def init(self):
            threads.append(threading.get_ident())
            return Continue()

        def handle_continue(self, term):
            threads.append(threading.get_ident())

        def handle_call(self, message, sender):
            threads.append(threading.get_ident())

        def terminate(self, reason):
            threads.append(threading.get_ident())

    with Server.start() as server:
        server.call(None)
        thread = server.pid.thread.ident

    assert threads == [thread] * 4


def test_what_init_continues_with_runs_before_any_message():
    order = Journal()
    sent = threading.Event()

    class Server(GenServer):
        def init(self):
            self.address.cast("sent during init")
            return Continue("the rest")

        def handle_continue(self, term):
            sent.wait(CEILING_S)
            order.add(term)

        def handle_cast(self, message):
            order.add(message)

    with Server.start() as server:
        server.cast("sent after start")
        sent.set()
        order.wait_for("sent after start")

    assert order.entries() == ["the rest", "sent during init", "sent after start"]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(IGNORE, NORMAL), (Stop(Shutdown("no licence")), Shutdown("no licence"))],
)
def test_an_init_that_does_not_serve_is_a_start_error_with_its_reason(outcome, reason):
    journal = Journal()

    with pytest.raises(StartError) as caught:
        Misbehaving.start(journal, on_init=lambda _: outcome)

    assert caught.value.reason == reason
    assert journal.entries() == [("init", "child")]  # terminate did not run


def test_an_init_that_returns_something_else_is_told_what_is_allowed():
    with pytest.raises(StartError, match="allowed are None, Continue, Timeout, Info, IGNORE and Stop"):
        Misbehaving.start(on_init=lambda _: 42)


def test_an_init_that_takes_too_long_is_a_start_error_and_the_actor_is_fenced_off():
    release, pids = threading.Event(), Journal()

    class Slow(GenServer):
        def init(self):
            pids.add(self.pid)
            release.wait(CEILING_S)

    with pytest.raises(StartError, match="init took over"):
        Slow.start(start_timeout_s=0.01)

    (pid,) = pids.entries()
    assert pid.exit_reason == KILLED
    release.set()
    pid.thread.join(CEILING_S)


def test_a_handler_that_continues_badly_crashes_after_a_good_start():
    class Server(GenServer):
        def init(self):
            return Continue()

        def handle_continue(self, term):
            raise OSError("no")

    assert wait_exit(Server.start().root) == Crash("OSError", "no")


def test_a_stop_with_a_reply_answers_first_and_then_ends():
    class Server(GenServer):
        def handle_call(self, message, sender):
            return Stop(SHUTDOWN, reply="bye")

    server = Server.start()

    assert server.call("stop") == "bye"
    assert wait_exit(server) == SHUTDOWN


def test_a_stop_without_a_reply_tells_the_caller_why_it_ended():
    with Misbehaving.start() as server, pytest.raises(ActorExitedError) as caught:
        server.call(("stop", SHUTDOWN))
    assert caught.value.reason == SHUTDOWN


@pytest.mark.parametrize("verb", ["cast", "send_info"])
def test_casts_and_other_messages_can_stop_the_actor_too(verb):
    class Server(GenServer):
        def handle_cast(self, message):
            return Stop(message)

        handle_info = handle_cast

    server = Server.start()
    getattr(server, verb)(SHUTDOWN)

    assert wait_exit(server) == SHUTDOWN


def test_a_server_without_handlers_crashes_on_a_call_it_does_not_know():
    with GenServer.start() as server, pytest.raises(NotImplementedError):
        server.call("what")


def test_an_unexpected_info_is_logged_and_survived(caplog):
    caplog.set_level("WARNING")
    with Counter.start() as server:
        server.send_info("what")

        assert server.call(1) == 1
    assert "actor.message_unexpected" in caplog.text


def test_messages_sent_for_later_arrive_as_info_and_can_be_taken_back():
    clock, journal = ManualClock(), Journal()
    with Misbehaving.start(journal, system=clock.system()) as server:
        timers = server.call(("do", lambda actor, _: [actor.send_after(s, s) for s in (1, 2, 3)]))

        assert timers[1].cancel()
        clock.advance(3)
        server.call("both have arrived")

        assert journal.entries() == [("init", "child"), ("info", "child", 1), ("info", "child", 3)]
        assert not timers[0].cancel()


def test_a_message_sent_for_later_keeps_nothing_of_an_actor_that_has_ended():
    clock = ManualClock()
    server = Misbehaving.start(Journal(), system=clock.system())
    server.call(("do", lambda actor, _: actor.send_after(1000, "never taken").pending))
    pid, actor = weakref.ref(server.pid), weakref.ref(server.call(("do", lambda actor, _: actor)))
    server.stop()
    del server
    gc.collect()

    assert (pid(), actor()) == (None, None)
    clock.advance(1000)


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("why"), Crash("Made", "up")])
def test_terminate_gets_the_reason_that_was_asked_for(reason):
    journal = Journal()
    server = Misbehaving.start(journal)

    assert server.stop(reason).reason == reason
    assert journal.entries()[-1] == ("terminate", "child", reason)


@pytest.mark.parametrize("reason", [None, "done", ValueError("x"), Crash])
def test_something_that_is_no_exit_reason_is_refused_where_it_is_given(reason):
    with pytest.raises(TypeError, match="allowed are NORMAL, SHUTDOWN"):
        Stop(reason)
    with Misbehaving.start() as server:
        with pytest.raises(TypeError, match="allowed are NORMAL, SHUTDOWN"):
            server.stop(reason)
        assert server.call("alive") == "alive"


def test_a_kill_skips_terminate():
    journal = Journal()
    server = Misbehaving.start(journal)
    pid = server.pid

    pid.kill()

    assert pid.exit_reason == KILLED
    pid.thread.join(CEILING_S)
    assert journal.entries() == [("init", "child")]


def test_a_kill_while_a_handler_runs_skips_terminate_whatever_the_handler_does():
    for last in (("stop", NORMAL), ("raise", ValueError())):
        journal, entered, release = Journal(), threading.Event(), threading.Event()

        def busy(actor, _, entered=entered, release=release, last=last):
            entered.set()
            release.wait(CEILING_S)
            return actor._obey(last, None)[1]

        server = Misbehaving.start(journal)
        pid = server.pid
        server.cast(("do", busy))
        entered.wait(CEILING_S)
        pid.kill()
        release.set()
        pid.thread.join(CEILING_S)

        assert journal.entries() == [("init", "child")]
        assert pid.exit_reason == KILLED


def test_what_init_continues_with_is_skipped_when_it_was_fenced_off_meanwhile():
    continued = []

    class Server(GenServer):
        def init(self):
            self.pid.kill()
            return Continue()

        def handle_continue(self, term):
            continued.append(term)

    with pytest.raises(StartError, match="Killed"):
        Server.start()
    assert continued == []


def test_an_idle_actor_keeps_neither_its_last_message_nor_its_start_arguments_alive():
    class Thing:
        pass

    things = [Thing() for _ in range(3)]
    gone = [weakref.ref(thing) for thing in things]

    class Server(GenServer):
        def init(self, thing):
            pass

        def handle_call(self, message, sender):
            pass

        def handle_cast(self, message):
            pass

    with Server.start(things[0]) as server:
        server.cast(things[1])
        server.call(things[2])
        server.call(None)
        things.clear()
        gc.collect()

        assert [ref() for ref in gone] == [None] * 3
