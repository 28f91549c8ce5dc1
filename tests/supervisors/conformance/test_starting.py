"""OTP's behaviour, rows A01 to A04 and A18 to A20: the start of a supervisor, and how it fails.

Where OTP's `start_link` returns `ignore` or `{error, Reason}`, `start` and `start_link` raise a `StartError`
with the reason.
"""

from __future__ import annotations

import pytest

from supervisors import (
    IGNORE,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    Crash,
    DynamicSupervisor,
    Exit,
    FailedToStart,
    Shutdown,
    StartError,
    Supervisor,
    SupervisorFlags,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit
from tests.supervisors.conformance._trees import Gate, child, children, crash

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


class Parent:
    """An actor that traps exits and starts supervisors as their parent."""

    def __init__(self, address, journal):
        self.address = address
        self.journal = journal

    def start_link(self, kind, *args, **options):
        return self.address.call(("do", lambda *_: kind.start_link(*args, **options)))

    def fail_to_start(self, kind, *args, **options):
        """Start a supervisor that does not start; return the error and why the parent was told it ended."""

        def attempt(*_):
            try:
                kind.start_link(*args, **options)
            except StartError as error:
                return error
            raise AssertionError("it has started")

        error = self.address.call(("do", attempt))
        self.address.call("what was sent before this has arrived")
        [told] = [entry[2].reason for entry in self.journal.entries() if entry[0] == "info"]
        return error, told


@pytest.fixture
def parent():
    journal = Journal()
    with Misbehaving.start(journal, "parent", trap_exit=True) as address:
        yield Parent(address, journal)


def supervisor_whose_init(outcome):
    """Return a class whose `init` returns this, or raises it."""

    class Tree(Supervisor):
        def init(self):
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

    return Tree


def test_a01_an_empty_supervisor_starts_and_ends_as_its_parent_asks(parent):
    tree = parent.start_link(Supervisor, [])
    pid = tree.pid
    assert tree.which_children() == ()

    parent.address.call(("do", lambda *_: tree.exit(SHUTDOWN)))

    parent.journal.wait_for(("info", "parent", Exit(pid, SHUTDOWN)))
    assert pid.exit_reason == SHUTDOWN


def test_a02_a_supervisor_whose_init_ignores_ends_normally_and_its_start_says_so(parent):
    error, told = parent.fail_to_start(supervisor_whose_init(IGNORE))

    assert error.reason == told == NORMAL


def test_a02_a_supervisor_that_ignores_is_listed_as_a_child_without_an_actor():
    with Supervisor.start([]) as tree:
        assert tree.start_child(supervisor_whose_init(IGNORE).child_spec(id="sub")) is None
        assert [(known.id, known.pid) for known in tree.which_children()] == [("sub", None)]


@pytest.mark.parametrize("outcome", [None, 42, [], (SupervisorFlags(), ())])
def test_a03_an_init_that_returns_something_else_fails_the_start_and_is_told_what_is_allowed(parent, outcome):
    error, told = parent.fail_to_start(supervisor_whose_init(outcome))

    allowed = f"Tree.init returned {outcome!r}; allowed are SupervisorInit(...) and IGNORE"
    assert error.reason == told == Crash("TypeError", allowed)


def test_a04_an_init_that_raises_fails_the_start_and_ends_the_supervisor_with_the_same_reason(parent):
    error, told = parent.fail_to_start(supervisor_whose_init(OSError("no disk")))

    assert error.reason == told == Crash("OSError", "no disk")


def failing(_):
    raise ValueError("bad")


def four_children(journal):
    """Return the specs of a, b, x and d, of which x does not start."""
    return [*children(journal, "ab"), child(journal, "x", on_init=failing), child(journal, "d")]


def test_a18_a_child_that_does_not_start_rolls_back_those_before_it_in_reverse_order(journal):
    with pytest.raises(StartError) as caught:
        Supervisor.start(four_children(journal))

    assert (caught.value.child_id, caught.value.reason) == ("x", Crash("ValueError", "bad"))
    assert journal.entries() == [
        ("init", "a"),
        ("init", "b"),
        ("init", "x"),
        ("terminate", "b", SHUTDOWN),
        ("terminate", "a", SHUTDOWN),
    ]


def test_a18_the_parent_is_told_which_child_did_not_start_and_why(parent, journal):
    error, told = parent.fail_to_start(Supervisor, four_children(journal))

    assert told == Shutdown(FailedToStart("x", Crash("ValueError", "bad")))
    assert (error.child_id, error.reason) == ("x", Crash("ValueError", "bad"))


def test_a18_a_nested_supervisor_that_does_not_start_names_its_own_child_in_the_reason(journal):
    sub = Supervisor.child_spec([child(journal, "x", on_init=failing)], id="sub")

    with pytest.raises(StartError) as caught:
        Supervisor.start([child(journal, "a"), sub])

    assert caught.value.child_id == "sub"
    assert caught.value.reason == Shutdown(FailedToStart("x", Crash("ValueError", "bad")))
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a18_a_request_that_waits_for_a_start_is_not_served_when_that_start_fails(journal):
    gate, trees = Gate(), Journal()

    class Slow(Misbehaving):
        def init(self):
            trees.add(self.parent)
            gate.wait()
            raise ValueError("bad")

    sub = Supervisor.child_spec([Slow.child_spec(id="x")], id="sub")
    with Supervisor.start([]) as tree:
        starting = tree.start_child_async(sub)
        gate.wait_entered()
        [starting_supervisor] = trees.entries()
        request = starting_supervisor.start_child_async(child(journal, "late"))
        assert starting_supervisor.count_children().specs == 1  # by now the request waits behind the start
        gate.open()

        with pytest.raises(StartError):
            starting.get(timeout=CEILING_S)
        with pytest.raises(ActorExitedError) as caught:
            request.get(timeout=CEILING_S)

    assert caught.value.reason == Shutdown(FailedToStart("x", Crash("ValueError", "bad")))
    assert journal.entries() == []


def test_a19_children_start_in_the_order_of_the_list_each_when_the_one_before_is_ready(journal):
    def ready(name):
        return lambda _: journal.add(f"{name} is ready")

    with Supervisor.start([child(journal, name, on_init=ready(name)) for name in "abc"]):
        assert journal.entries() == [step for name in "abc" for step in (("init", name), f"{name} is ready")]


def test_a20_three_restarts_in_five_seconds_are_allowed_by_default_and_the_fourth_ends_it(journal):
    """A strategy must be given in Elixir; here it is `one_for_one` by default."""
    clock = ManualClock()
    tree = Supervisor.start(children(journal, "ab"), system=clock.system())
    other = tree.child("b").pid
    for _ in range(2):
        clock.advance(6)  # over 5 s
        for _ in range(3):
            crash(tree.child("a"))
    assert (tree.child("a").pid.generation, tree.child("b").pid) == (7, other)
    clock.advance(5)  # not over it

    tree.child("a").cast(("raise", ValueError()))

    assert wait_exit(tree) == SHUTDOWN


def test_a20_a_dynamic_supervisor_whose_init_sets_no_limits_has_the_defaults():
    class Pool(DynamicSupervisor):
        def init(self):
            """Set none."""

    with Pool.start(system=ManualClock().system()) as pool:
        address = pool.start_child(Misbehaving.child_spec())
        for _ in range(3):
            crash(address)
        address.cast(("raise", ValueError()))

        assert wait_exit(pool) == SHUTDOWN
