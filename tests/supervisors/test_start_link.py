"""start_link: two actors of which one is the other's parent, without a supervisor."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    CallCycleError,
    Continue,
    Crash,
    Exit,
    GenServer,
    NameTakenError,
    NotAnActorError,
    Registry,
    Shutdown,
    StartError,
    get_status,
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


@pytest.fixture
def parent(journal):
    with Misbehaving.start(journal, "parent", trap_exit=True) as address:
        yield address


@pytest.fixture
def frail(journal):
    """Return a parent that traps no exits."""
    with Misbehaving.start(journal, "frail") as address:
        yield address


def start_link(parent, actor_class, *args, **kwargs):
    return parent.call(("do", lambda _server, _sender: actor_class.start_link(*args, **kwargs)))


def fail(_generation):
    raise ValueError("boom")


def test_the_new_actor_knows_its_parent_and_shares_its_clock_timers_and_telemetry(journal, parent):
    child = start_link(parent, Misbehaving, journal, "child")

    assert child.call(("do", lambda actor, _: actor.parent)) == parent
    assert child.system is parent.system
    assert (child.name, child.path, child.pid.parent) == ("Misbehaving", (), parent.pid)
    status = get_status(child)
    assert (status.parent, status.links, status.monitors, status.restarts) == (parent.pid.name, 1, 0, None)


def test_a_thread_that_is_no_actors_cannot_be_a_parent():
    with pytest.raises(NotAnActorError, match=r"Misbehaving.start_link\(\)"):
        Misbehaving.start_link()


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, BOOM, KILLED])
def test_the_end_of_the_parent_ends_the_child_in_order_whatever_the_reason(journal, parent, reason):
    child = start_link(parent, Misbehaving, journal, "child")
    pid = child.pid

    parent.stop(reason)

    assert wait_exit(pid) == reason
    assert ("terminate", "child", reason) in journal.entries()


def test_the_kill_of_the_parent_ends_a_child_that_traps_exits_too(journal, parent):
    child = start_link(parent, Misbehaving, journal, "child", trap_exit=True)
    pid, thread = child.pid, parent.pid.thread

    parent.pid.kill()

    assert wait_exit(pid) == KILLED
    assert journal.entries()[-1] == ("terminate", "child", KILLED)
    thread.join(CEILING_S)


def test_a_parent_that_traps_exits_hears_of_the_end_of_its_child(journal, parent):
    child = start_link(parent, Misbehaving, journal, "child")
    pid = child.pid

    child.cast(("raise", ValueError("boom")))

    journal.wait_for(("info", "parent", Exit(pid, BOOM)))
    assert parent.call("alive") == "alive"


def test_a_parent_that_traps_none_ends_with_a_child_that_crashes_and_not_with_one_that_is_done(frail):
    pid = frail.pid
    start_link(frail, Misbehaving).cast(("stop", NORMAL))
    assert frail.call("alive") == "alive"

    start_link(frail, Misbehaving).cast(("raise", ValueError("boom")))

    assert wait_exit(pid) == BOOM


def test_a_start_that_fails_raises_in_the_parent_and_then_ends_it_unless_it_traps_exits(journal, frail):
    pid = frail.pid

    def attempt(actor, _sender):
        with pytest.raises(StartError) as caught:
            Misbehaving.start_link(on_init=fail)
        actor.journal.add(caught.value.reason)
        return "the handler goes on"

    assert frail.call(("do", attempt)) == "the handler goes on"

    assert wait_exit(pid) == BOOM
    assert journal.entries() == [("init", "frail"), BOOM]


def test_an_init_that_calls_its_parent_is_refused_instead_of_waiting_for_ever(parent):
    refusals = []

    class Child(GenServer):
        def init(self):
            with pytest.raises(CallCycleError) as caught:
                self.parent.call("hello")
            refusals.append(caught.value.cycle)

    for _ in range(50):  # whichever of the two begins to wait first
        start_link(parent, Child)

    assert set(refusals) == {("Child", "Misbehaving", "Child")}
    assert parent.call("waits for nobody") == "waits for nobody"


def test_what_init_continues_with_may_call_the_parent(journal, parent):
    class Child(GenServer):
        def init(self):
            return Continue()

        def handle_continue(self, term):
            journal.add(self.parent.call("hello"))

    start_link(parent, Child)

    journal.wait_for("hello")


def test_a_child_that_unlinks_from_its_parent_outlives_it(journal, parent):
    child = start_link(parent, Misbehaving, journal, "child")
    child.call(("do", lambda actor, _: actor.unlink(actor.parent)))

    parent.stop()

    assert child.call("alive") == "alive"
    assert child.stop().reason == SHUTDOWN


def test_grandchildren_end_with_the_eldest_in_order_from_the_top(journal, parent):
    child = start_link(parent, Misbehaving, journal, "child")
    grandchild = start_link(child, Misbehaving, journal, "grandchild")
    pid = grandchild.pid

    parent.stop(Shutdown("all"))

    assert wait_exit(pid) == Shutdown("all")
    ends = [entry for entry in journal.entries() if entry[0] == "terminate"]
    assert ends == [("terminate", name, Shutdown("all")) for name in ("parent", "child", "grandchild")]


def test_an_actor_can_be_started_under_a_name_and_linked_to_its_starter(journal, parent):
    names = Registry(keys="unique")
    with names.start():
        via = names.via("child")
        child = parent.call(("do", lambda _server, _sender: via.start_link(Misbehaving, journal, "child")))
        assert (via.pid, child.pid.parent) == (child.pid, parent.pid)

        child.cast(("raise", ValueError("boom")))
        journal.wait_for(("info", "parent", Exit(child.root, BOOM)))


def test_a_taken_name_does_not_end_a_starter_that_traps_no_exits(frail):
    names = Registry(keys="unique")
    with names.start(), names.via("child").start(Misbehaving):

        def attempt(_actor, _sender):
            with pytest.raises(NameTakenError):
                names.via("child").start_link(Misbehaving)
            return "refused"

        assert frail.call(("do", attempt)) == "refused"
        assert frail.call("alive") == "alive"
        assert get_status(frail).links == 0
