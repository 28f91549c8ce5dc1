"""A change of specs in a running supervisor, beyond OTP's rows: order, children that wait, what is kept."""

from __future__ import annotations

import gc
import weakref

import pytest

from supervisors import (
    Backoff,
    ChildState,
    NameTakenError,
    Registry,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
    TaskSupervisor,
    change_code,
    resume,
    suspend,
)
from supervisors._changing import start_order
from supervisors.testing import Events, Journal, ManualClock, Misbehaving, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        ("", "", ""),
        ("ab", "", "ab"),
        ("", "ab", "ab"),
        ("ba", "ab", "ba"),
        ("exb", "abde", "exbad"),  # as OTP 25 answers
        ("x", "abc", "xabc"),
    ],
)
def test_the_new_order_is_that_of_the_new_specs_then_that_of_the_kept_ones(new, known, expected):
    assert start_order(children(Journal(), new), known) == tuple(expected)


@pytest.fixture
def waiting(journal):
    """Give a tree whose child a waits for its back-off, and the clock it waits on."""
    clock = ManualClock()
    flags = {"backoff": Backoff(minimum_s=10, maximum_s=10, jitter=0), "system": clock.system()}
    with Supervisor.start(children(journal, "ab"), **flags) as tree:
        events = Events(tree.system)
        old = tree.child("a").pid
        tree.child("a").cast(("raise", ValueError("boom")))
        events.names.wait_for("supervisor.restart_delayed")
        yield tree, clock, old


def test_a_child_that_waits_goes_on_waiting_and_starts_by_its_new_spec(waiting, journal):
    tree, clock, old = waiting

    tree.change_specs([Misbehaving.child_spec(journal, "renamed", id="a")], flags=SupervisorFlags())

    assert tree.which_children()[-1].state is ChildState.RESTARTING
    clock.advance(9)
    assert ("init", "renamed") not in journal.entries()
    clock.advance(1)
    wait_restarted(tree.child("a"), old)
    assert journal.entries()[-1] == ("init", "renamed")


def test_a_child_that_waits_and_becomes_temporary_is_started_this_once(waiting, journal):
    """As in OTP, where the type is looked at when a child exits and not when it is tried again."""
    tree, clock, old = waiting

    tree.change_specs(children(journal, "a", restart="temporary"))
    clock.advance(10)
    wait_restarted(tree.child("a"), old)
    tree.child("a").cast(("raise", ValueError("boom")))
    journal.wait_for(("init", "a"), times=2)
    wait_exit(tree.child("a"))
    tree.start_child(Misbehaving.child_spec(id="later"))

    assert [known.id for known in tree.which_children()] == ["later", "b"]


def test_a_plain_supervisor_keeps_no_arguments_of_its_temporary_children():
    class Large:
        pass

    large = Large()
    gone = weakref.ref(large)
    spec = Misbehaving.child_spec(None, "a", on_init=None, on_terminate=lambda _, kept=large: kept, id="a")
    with Supervisor.start([Misbehaving.child_spec(None, "a", id="a", restart="temporary")]) as tree:
        tree.change_specs([spec])  # permanent: it may be needed for a restart
        del large, spec
        gc.collect()
        assert gone() is not None

        tree.change_specs(children(Journal(), "a", restart="temporary"))
        gc.collect()
        assert gone() is None


def test_a_plain_supervisor_has_nothing_to_change_when_its_class_does(journal):
    with Supervisor.start(children(journal, "a")) as tree:
        suspend(tree)
        change_code(tree, type("Newer", (Supervisor,), {}))
        resume(tree)

        assert tree.child("a").call("hello") == "hello"
        assert [known.id for known in tree.which_children()] == ["a"]


def test_another_class_whose_init_fails_leaves_the_old_one_serving(journal):
    class Tree(Supervisor):
        def init(self, names):
            return SupervisorInit(SupervisorFlags(), tuple(children(journal, names)))

    class Broken(Tree):
        def init(self, names):
            raise LookupError(names)

    with Tree.start("ab") as tree:
        suspend(tree)
        with pytest.raises(LookupError, match="ab"):
            change_code(tree, Broken)
        resume(tree)

        assert tree.pid.actor_class is Tree
        tree.reinit("cb")
        assert [known.id for known in reversed(tree.which_children())] == ["c", "b", "a"]


@pytest.mark.parametrize("handle", [Registry(), TaskSupervisor()], ids=repr)
def test_a_supervisor_that_serves_a_handle_cannot_be_initialised_again(handle):
    """Its `init` binds the handle, which one actor does once; nothing changes."""
    with handle.start() as address:
        before = address.which_children()
        with pytest.raises(NameTakenError):
            address.reinit()

        assert (handle.alive, address.which_children()) == (True, before)


def test_a_supervisor_that_was_changed_starts_as_its_own_spec_says_when_it_is_restarted(journal):
    with Supervisor.start([Supervisor.child_spec(children(journal, "a"), id="sub")]) as tree:
        sub = tree.supervisor("sub")
        sub.reinit(children(journal, "ab"))
        old = sub.pid
        old.kill()
        wait_restarted(sub, old)

        assert [known.id for known in sub.which_children()] == ["a"]
