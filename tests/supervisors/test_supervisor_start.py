"""How a supervisor starts: order, roll-back, and what init may return."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    IGNORE,
    SHUTDOWN,
    ChildSpecError,
    ChildState,
    Crash,
    FailedToStart,
    GenServer,
    Shutdown,
    StartError,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


def failing(_):
    raise ValueError("bad")


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


def test_children_are_started_in_the_order_of_the_list_one_after_the_other(journal):
    def slowly(name):
        return lambda _: journal.add(f"{name} is ready")

    specs = [Misbehaving.child_spec(journal, name, id=name, on_init=slowly(name)) for name in "abc"]
    with Supervisor.start(specs):
        assert journal.entries() == [step for name in "abc" for step in (("init", name), f"{name} is ready")]


def test_a_child_that_does_not_start_rolls_back_those_before_it_in_reverse_order(journal):
    specs = [
        *children(journal, "ab"),
        Misbehaving.child_spec(journal, "x", id="x", on_init=failing),
        *children(journal, "d"),
    ]

    with pytest.raises(StartError) as caught:
        Supervisor.start(specs)

    assert caught.value.child_id == "x"
    assert caught.value.reason == Crash("ValueError", "bad")
    assert journal.entries() == [
        ("init", "a"),
        ("init", "b"),
        ("init", "x"),
        ("terminate", "b", SHUTDOWN),
        ("terminate", "a", SHUTDOWN),
    ]


def test_a_nested_supervisor_that_does_not_start_names_its_own_child_in_the_reason(journal):
    sub = Supervisor.child_spec([Misbehaving.child_spec(on_init=failing, id="x")], id="sub")

    with pytest.raises(StartError) as caught:
        Supervisor.start([*children(journal, "a"), sub])

    assert caught.value.child_id == "sub"
    assert caught.value.reason == Shutdown(FailedToStart("x", Crash("ValueError", "bad")))
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a_child_that_ignores_keeps_its_spec_unless_it_is_temporary():
    specs = [
        Misbehaving.child_spec(on_init=lambda _: IGNORE, id="kept"),
        Misbehaving.child_spec(on_init=lambda _: IGNORE, id="gone", restart="temporary"),
        Misbehaving.child_spec(id="runs"),
    ]
    with Supervisor.start(specs) as tree:
        assert [(child.id, child.state, child.pid is None) for child in tree.which_children()] == [
            ("runs", ChildState.RUNNING, False),
            ("kept", ChildState.STOPPED, True),
        ]


def test_a_child_whose_init_takes_too_long_fails_the_start(journal):
    clock, release = ManualClock(), threading.Event()
    spec = Misbehaving.child_spec(
        journal, "slow", id="slow", on_init=lambda _: release.wait(CEILING_S) and None, start_timeout_s=3
    )
    failed = Journal()

    def start():
        try:
            Supervisor.start([*children(journal, "a"), spec], system=clock.system())
        except StartError as error:
            failed.add((error.child_id, error.reason.error_type))

    thread = threading.Thread(target=start)
    thread.start()
    clock.wait_armed(1)
    clock.advance(3)
    clock.wait_armed(1)  # the grace of the killed thread
    release.set()

    failed.wait_for(("slow", "TimeoutError"))
    thread.join()
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a_subclass_gives_flags_and_children_from_its_own_arguments(journal):
    class Tree(Supervisor):
        def init(self, names):
            return SupervisorInit(SupervisorFlags(strategy="one_for_all"), children(journal, names))

    with Tree.start("ab", name="tree") as tree:
        assert [child.id for child in tree.which_children()] == ["b", "a"]
        assert tree.name == "tree"


@pytest.mark.parametrize("outcome", [None, 42, [], (SupervisorFlags(), ())])
def test_an_init_that_returns_something_else_is_told_what_is_allowed(outcome):
    class Tree(Supervisor):
        def init(self):
            return outcome

    with pytest.raises(StartError, match=r"allowed are SupervisorInit\(...\) and IGNORE"):
        Tree.start()


def test_an_init_that_ignores_is_a_start_error_with_a_normal_end():
    class Tree(Supervisor):
        def init(self):
            return IGNORE

    with pytest.raises(StartError, match="Normal"):
        Tree.start()


def test_a_supervisor_child_that_ignores_stays_listed():
    class Tree(Supervisor):
        def init(self):
            return IGNORE

    with Supervisor.start([Tree.child_spec(id="sub")]) as tree:
        assert [child.state for child in tree.which_children()] == [ChildState.STOPPED]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategy": "some"}, "strategy is 'some'"),
        ({"intensity": -1}, "intensity is -1"),
        ({"period": 0}, "period"),
    ],
)
def test_wrong_flags_are_a_start_error_that_says_what_is_allowed(options, message):
    with pytest.raises(StartError, match=message) as caught:
        Supervisor.start([], **options)
    assert caught.value.reason.error_type.endswith(ChildSpecError.__name__)


def test_a_stop_in_the_middle_of_a_start_ends_it_at_once(journal):
    entered, release, trees = threading.Event(), threading.Event(), Journal()

    class Slow(GenServer):
        def init(self):
            trees.add(self.parent)
            entered.set()
            release.wait(CEILING_S)

    outcome = Journal()

    def start():
        try:
            Supervisor.start(
                [*children(journal, "a"), Slow.child_spec(id="slow", shutdown_s=0), *children(journal, "c")]
            )
        except StartError as error:
            outcome.add(error.reason)

    thread = threading.Thread(target=start)
    thread.start()
    entered.wait(CEILING_S)
    (tree,) = trees.entries()

    tree.root.request_stop(SHUTDOWN)
    release.set()

    outcome.wait_for(SHUTDOWN)
    thread.join()
    assert journal.entries() == [("init", "a"), ("terminate", "a", SHUTDOWN)]


def test_reading_requests_are_answered_while_a_child_is_starting(journal):
    entered, release = threading.Event(), threading.Event()

    def slow(_):
        entered.set()
        release.wait(CEILING_S)

    with Supervisor.start(children(journal, "a")) as tree:
        starting = tree.start_child_async(Misbehaving.child_spec(on_init=slow, id="slow"))
        entered.wait(CEILING_S)

        assert [(child.id, child.state) for child in tree.which_children()] == [
            ("slow", ChildState.STARTING),
            ("a", ChildState.RUNNING),
        ]
        assert tree.count_children().active == 1
        assert tree.get_childspec("slow").id == "slow"
        assert [node.id for node in tree.snapshot().walk()] == ["Supervisor", "a", "slow"]

        release.set()
        assert starting.get(timeout=CEILING_S) == tree.child("slow")


def test_a_child_that_ends_right_after_its_init_is_restarted_like_any_other():
    ready = threading.Event()

    def once(generation):
        if generation > 1:
            ready.set()

    class Hasty(Misbehaving):
        def init(self, **options):
            super().init(**options)
            if self.pid.generation == 1:
                self.address.cast(("raise", ValueError()))

    with Supervisor.start([Hasty.child_spec(on_init=once, id="a")]) as tree:
        assert ready.wait(CEILING_S)
        tree.child("a").wait_available(CEILING_S)
        assert tree.child("a").pid.generation == 2


def test_a_root_started_in_another_root_does_not_depend_on_it():
    with Misbehaving.start() as outer:
        inner = outer.call(("do", lambda *_: Supervisor.start([Misbehaving.child_spec(id="a")])))
        wait_exit_of = outer.pid
        outer.stop()
        wait_exit(wait_exit_of)

        assert inner.child("a").call("alive") == "alive"
        inner.stop()
