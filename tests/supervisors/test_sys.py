"""Requests that every actor answers: its state and its status; who may ask, and for how long."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NO_PROCESS,
    SHUTDOWN,
    ActorExitedError,
    ActorStatus,
    Address,
    CallCycleError,
    CallFuture,
    CallTimeoutError,
    DynamicSupervisor,
    GenServer,
    NotReplaceableError,
    Supervisor,
    get_state,
    get_status,
    replace_state,
    resume,
    suspend,
)
from supervisors._signals import SystemCall
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_restarted

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


# -- the state


def test_the_state_is_what_the_hooks_have_set_and_nothing_of_the_package(counter):
    counter.call(5)
    counter.cast("x")

    assert get_state(counter) == {"value": 15, "seen": ["x"]}
    assert get_state(counter.pid) == get_state(counter)


def test_changing_the_returned_dict_changes_nothing_in_the_actor(counter):
    get_state(counter)["value"] = 0

    assert counter.call(0) == 10


def test_the_state_can_be_replaced_by_a_function_of_the_old_one(counter):
    new = replace_state(counter, lambda state: {**state, "value": state["value"] * 2})

    assert new == {"value": 20, "seen": []}
    assert counter.call(1) == 21


def test_what_the_new_state_leaves_out_is_gone(counter):
    assert replace_state(counter, {"value": 1}) == {"value": 1}

    assert get_state(counter) == {"value": 1}


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        (None, "None; it must be a dict"),
        ([("value", 1)], "it must be a dict"),
        ({1: 2}, "it must be a dict"),
        ({"value": 1, "pid": None}, r"\['pid'\] are the package's own"),
        (lambda _state: "nonsense", "'nonsense'; it must be a dict"),
    ],
)
def test_what_is_no_state_is_refused_and_the_old_one_stays(counter, new, problem):
    with pytest.raises(NotReplaceableError, match=f"counter stays as it is.*{problem}"):
        replace_state(counter, new)

    assert get_state(counter) == {"value": 10, "seen": []}


def test_a_function_that_raises_gives_its_error_to_whoever_asked_and_the_actor_lives(counter):
    def fail(state):
        state["value"] = 0
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        replace_state(counter, fail)

    assert counter.call(0) == 10


def test_the_state_of_a_supervisor_is_what_it_goes_by():
    specs = [Misbehaving.child_spec(id=name) for name in "ab"]
    with Supervisor.start(specs, intensity=7) as tree:
        old = tree.child("a").pid
        old.kill()
        wait_restarted(tree.child("a"), old)

        state = get_state(tree)

        assert state.keys() == {"flags", "restarts", "children"}
        assert (state["flags"].intensity, state["restarts"]) == (7, 1)
        assert state["children"] == tree.which_children()


def test_the_state_of_a_dynamic_supervisor_lists_its_children_too():
    with DynamicSupervisor.start() as pool:
        address = pool.start_child(Misbehaving.child_spec())

        assert [child.pid for child in get_state(pool)["children"]] == [address.pid]


def test_the_state_of_a_supervisor_cannot_be_replaced():
    with Supervisor.start([]) as tree, pytest.raises(NotReplaceableError, match="use the verbs"):
        replace_state(tree, {})


# -- the status


def tie(server, address):
    server.monitor(address)
    server.link(address)


def test_the_status_of_a_child_says_where_it_stands_as_plain_data():
    clock = ManualClock(start=50)
    with Supervisor.start([Misbehaving.child_spec(id="a")], name="root", system=clock.system()) as tree:
        address = tree.child("a")
        old = address.pid
        clock.advance(7)
        old.kill()
        wait_restarted(address, old)
        address.call(("do", lambda server, _: tie(server, tree)))

        assert get_status(address) == ActorStatus(
            name="root/a",
            path=("a",),
            actor_class="supervisors.testing.Misbehaving",
            generation=2,
            parent="root",
            suspended=False,
            queued=0,
            links=1,
            monitors=1,
            monitoring=1,
            since=57.0,
            restarts=1,
        )


def test_the_status_of_a_root_has_no_parent_and_no_restarts(counter):
    status = get_status(counter)

    assert (status.name, status.path, status.parent, status.restarts) == ("counter", (), None, None)
    assert (status.links, status.monitors, status.monitoring) == (0, 0, 0)


def test_the_status_of_a_supervisor_counts_the_children_it_is_tied_to():
    with Supervisor.start([Misbehaving.child_spec(id=name) for name in "ab"]) as tree:
        assert get_status(tree).links == 2


# -- who asks, and for how long


@pytest.mark.parametrize("ask", [get_state, get_status, suspend, resume, lambda me: replace_state(me, {})])
def test_an_actor_that_asks_itself_is_refused_instead_of_waiting_for_ever(ask):
    with Misbehaving.start(name="me") as server:

        def ask_itself(actor, _):
            with pytest.raises(CallCycleError) as caught:
                ask(actor.address)
            return caught.value.cycle

        assert server.call(("do", ask_itself)) == ("me", "me")
        assert server.call("alive") == "alive"


def test_a_child_that_asks_a_parent_which_waits_for_it_is_refused():
    with Misbehaving.start(name="outer") as outer, Misbehaving.start(name="inner") as inner:

        def ask_back(_actor, _):
            with pytest.raises(CallCycleError) as caught:
                get_state(outer)
            return caught.value.cycle

        assert outer.call(("do", lambda _, __: inner.call(("do", ask_back)))) == ("inner", "outer", "inner")


def test_a_request_that_a_busy_actor_has_not_begun_in_time_is_never_done():
    entered, release = threading.Event(), threading.Event()
    with Misbehaving.start(name="busy") as server:
        server.cast(("block", entered, release))
        entered.wait(CEILING_S)

        with pytest.raises(CallTimeoutError) as caught:
            suspend(server, timeout=0.01)
        release.set()

        assert (caught.value.target, caught.value.timeout) == ("busy", 0.01)
        assert server.call("not suspended") == "not suspended"


def test_a_request_that_is_not_waited_for_is_done_in_its_turn_unless_it_was_abandoned():
    entered, release = threading.Event(), threading.Event()
    with Misbehaving.start(name="busy") as server:
        server.cast(("block", entered, release))
        entered.wait(CEILING_S)
        pid = server.pid

        abandoned = pid.system_call_async(lambda actor: actor.system_suspend())
        asked = pid.system_call_async(lambda actor: actor.pid.name)
        assert abandoned.abandon()
        release.set()

        assert asked.get(timeout=CEILING_S) == "busy"
        assert server.call("not suspended") == "not suspended"
    with pytest.raises(ActorExitedError):
        pid.system_call_async(lambda actor: actor.pid.name).get(timeout=CEILING_S)


def test_requests_go_ahead_of_the_messages_that_wait():
    entered, release, order = threading.Event(), threading.Event(), Journal()
    with Misbehaving.start(order) as server:
        server.cast(("block", entered, release))
        entered.wait(CEILING_S)
        server.cast("queued before")
        server.pid.mailbox.post_system(SystemCall(lambda _: order.add("request"), CallFuture()))
        release.set()
        server.call("all were handled")

    assert order.entries()[1:3] == ["request", ("cast", "child", "queued before")]


def test_asking_an_actor_that_is_not_there_says_why(counter):
    nobody = Address(counter.root, ("no such child",))
    pid = counter.pid
    counter.stop()

    for target, reason in ((counter, SHUTDOWN), (pid, SHUTDOWN), (nobody, NO_PROCESS)):
        with pytest.raises(ActorExitedError) as caught:
            get_state(target)
        assert caught.value.reason == reason


def test_a_request_that_waits_when_the_actor_ends_fails_with_its_reason():
    entered, release, request = threading.Event(), threading.Event(), CallFuture()
    server = Misbehaving.start()
    pid = server.pid
    request.target = pid
    server.cast(("block", entered, release))
    entered.wait(CEILING_S)
    pid.mailbox.post_system(SystemCall(lambda actor: actor.system_get_state(), request))

    pid.kill()

    with pytest.raises(ActorExitedError) as caught:
        request.get(timeout=CEILING_S)
    assert caught.value.reason == KILLED
    release.set()
    pid.join()
