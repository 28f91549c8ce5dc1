"""Timeout: a message to itself that any other message takes back."""

from __future__ import annotations

import pytest

from supervisors import NORMAL, Continue, Down, GenServer, Info, Stop, Timeout, get_state
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit
from tests.supervisors._obedient import Obedient, busy


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def server(journal, clock):
    with Obedient.start(journal, system=clock.system()) as address:
        yield address


def arm(server, clock, timeout):
    server.cast(("arm", timeout))
    clock.wait_armed()


@pytest.mark.parametrize("verb", ["call_async", "cast", "send_info"])
@pytest.mark.parametrize("outcome", [Timeout(5), Continue(("rest", Timeout(5)))])
def test_a_timeout_arrives_when_no_message_came_for_so_long(journal, server, clock, verb, outcome):
    getattr(server, verb)(("arm", outcome))
    clock.wait_armed()
    before = journal.entries()

    clock.advance(4.9)
    get_state(server)
    assert journal.entries() == before
    clock.advance(0.1)

    journal.wait_for(("info", Timeout(5)))


def test_an_init_may_arm_a_timeout_and_the_message_is_what_was_returned(clock):
    class Server(GenServer):
        def init(self, seen):
            self.seen = seen
            return Timeout(1)

        def handle_info(self, message):
            self.seen.add(message)
            return Timeout(2) if message == Timeout(1) else Stop()

    seen = Journal()
    server = Server.start(seen, system=clock.system())
    clock.wait_armed()
    clock.advance(1)
    seen.wait_for(Timeout(1))
    clock.wait_armed()
    clock.advance(2)

    assert wait_exit(server) == NORMAL
    assert seen.entries() == [Timeout(1), Timeout(2)]


def test_an_init_that_gives_information_may_arm_a_timeout_too(journal, clock):
    with Obedient.start(journal, Info("for the starter", Timeout(3)), system=clock.system()):
        clock.wait_armed()
        clock.advance(3)

        journal.wait_for(("info", Timeout(3)))


@pytest.mark.parametrize(("verb", "hook"), [("call", "call"), ("cast", "cast"), ("send_info", "info")])
def test_any_message_takes_a_timeout_back(journal, server, clock, verb, hook):
    arm(server, clock, Timeout(5))

    getattr(server, verb)("message")
    journal.wait_for((hook, "message"))
    clock.advance(5)
    server.call("anything queued was handled")

    assert journal.entries()[1:] == [(hook, "message"), ("call", "anything queued was handled")]


def test_the_end_of_a_monitored_actor_takes_a_timeout_back(clock):
    heard = Journal()

    class Watcher(GenServer):
        def init(self, target):
            self.monitor(target)
            return Timeout(5)

        def handle_info(self, message):
            heard.add(type(message))

    with Misbehaving.start() as target, Watcher.start(target, system=clock.system()) as watcher:
        clock.wait_armed()
        target.stop()
        heard.wait_for(Down)
        clock.advance(5)
        get_state(watcher)

        assert heard.entries() == [Down]


def test_a_message_that_is_queued_when_the_time_is_over_takes_the_timeout_back_too(journal, server, clock):
    with busy(server):
        server.cast(("arm", Timeout(0)))
        server.cast("queued")
    journal.wait_for(("cast", "queued"))
    clock.advance(0)
    server.call("anything queued was handled")

    assert ("info", Timeout(0)) not in journal.entries()


def test_a_timeout_that_is_over_is_stale_when_another_message_was_queued_before_it(journal, server, clock):
    arm(server, clock, Timeout(5))
    blocked = []

    def block_and_advance(_server):
        blocked.append("the time is over while this handler runs")
        clock.advance(5)
        return Timeout(9)

    server.cast(("another", block_and_advance))
    server.call("anything queued was handled")

    assert blocked
    assert ("info", Timeout(5)) not in journal.entries()


def test_a_system_request_is_no_message_and_leaves_a_timeout_alone(journal, server, clock):
    arm(server, clock, Timeout(5))
    get_state(server)

    clock.advance(5)

    journal.wait_for(("info", Timeout(5)))


def test_a_new_timeout_replaces_the_one_before(journal, server, clock):
    server.cast(("arm", Timeout(5)))
    server.call(("arm again", Timeout(9, reply=None)))
    clock.wait_armed()

    clock.advance(8)
    get_state(server)
    assert [name for _, name in journal.entries()] == ["arm", "arm again"]
    clock.advance(1)

    journal.wait_for(("info", Timeout(9, reply=None)))


def test_a_call_that_arms_a_timeout_is_answered_at_once_or_by_its_sender(server):
    later = server.call_async(("ask", Timeout(5)))

    assert server.call(("answer", lambda actor: actor.senders[0].reply("later"))) is True
    assert later.get(timeout=CEILING_S) == "later"
    assert server.call(("ask", Timeout(5, reply="at once"))) == "at once"


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_timeout_that_is_no_time_is_refused_where_it_is_made(seconds):
    with pytest.raises(ValueError, match="it must be a number >= 0"):
        Timeout(seconds)
