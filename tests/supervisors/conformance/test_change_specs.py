"""OTP's behaviour, rows G01 and G02: other flags and specs for a supervisor that runs.

What OTP does by `code_change` is asked for in three ways: by `change_specs`, which gets the new result of
`init`, by `reinit`, which calls `init` again, and by `change_code`, which does that with another class.
"""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from supervisors import (
    IGNORE,
    SHUTDOWN,
    Backoff,
    ChildSpecError,
    ChildState,
    ChildStateError,
    Restart,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
    change_code,
    get_state,
    resume,
    suspend,
)
from supervisors._requests import ChangeSpecsRequest
from supervisors.testing import Journal, Misbehaving, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import Gate, child, children, crash

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


class Plan:
    """What the `init` of a `Planned` returns, or raises, the next time."""

    def __init__(self, outcome):
        self.outcome = outcome

    def __call__(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome() if callable(self.outcome) else self.outcome


class Planned(Supervisor):
    """A supervisor whose `init` reads something that changes."""

    def init(self, plan):
        return plan()


@pytest.fixture
def plan(journal):
    return Plan(SupervisorInit(SupervisorFlags(), tuple(children(journal, "ab"))))


@pytest.fixture
def tree(plan):
    with Planned.start(plan) as address:
        yield address


def listed(supervisor):
    """Return id, actor and spec of the children in start order, and the flags."""
    found = [(known.id, known.pid, known.restart) for known in reversed(supervisor.which_children())]
    return found, get_state(supervisor)["flags"]


# -- flags


FLAGS = SupervisorFlags(
    strategy="rest_for_one",
    intensity=1,
    period=60,
    auto_shutdown="any_significant",
    backoff=Backoff(minimum_s=1, maximum_s=2),
    max_abandoned=7,
)


def by_reinit(tree, plan, new):
    plan.outcome = new
    tree.reinit()


def by_change_specs(tree, plan, new):  # noqa: ARG001 -- as the others
    tree.change_specs(new.children, flags=new.flags)


def by_change_code(tree, plan, new):
    plan.outcome = new
    suspend(tree)
    change_code(tree, type("Newer", (Planned,), {}))
    resume(tree)


WAYS = [by_reinit, by_change_specs, by_change_code]


@pytest.mark.parametrize("way", WAYS)
def test_g01_the_flags_are_replaced_and_nothing_is_restarted(tree, plan, journal, way):
    before, _ = listed(tree)

    way(tree, plan, SupervisorInit(FLAGS, tuple(children(journal, "ab"))))

    assert listed(tree) == (before, FLAGS)
    assert journal.entries() == [("init", "a"), ("init", "b")]


def test_g01_the_new_strategy_is_that_of_the_next_crash(tree, plan, journal):
    plan.outcome = SupervisorInit(SupervisorFlags(strategy="one_for_all"), tuple(children(journal, "ab")))
    sibling = tree.child("b").pid
    tree.reinit()

    crash(tree.child("a"))

    assert wait_restarted(tree.child("b"), sibling).generation == 2


def test_g01_the_restarts_so_far_count_towards_the_new_intensity(tree, journal):
    crash(tree.child("a"))
    tree.change_specs(children(journal, "ab"), flags=SupervisorFlags(intensity=1, period=3600))

    tree.child("b").cast(("raise", ValueError()))

    assert wait_exit(tree) == SHUTDOWN


def test_g01_flags_that_are_not_given_stay_as_they_are(journal):
    with Supervisor.start(children(journal, "a"), strategy="rest_for_one", intensity=9) as tree:
        tree.change_specs(children(journal, "a"))

        assert listed(tree)[1] == SupervisorFlags(strategy="rest_for_one", intensity=9)


# -- specs


def test_g01_known_children_run_on_new_ones_are_not_started_missing_ones_are_kept(tree, plan, journal):
    pids = [tree.child(name).pid for name in "ab"]

    plan.outcome = SupervisorInit(SupervisorFlags(), tuple(children(journal, "xb")))
    tree.reinit()

    permanent = Restart.PERMANENT
    assert listed(tree)[0] == [("x", None, permanent), ("b", pids[1], permanent), ("a", pids[0], permanent)]
    assert journal.entries() == [("init", "a"), ("init", "b")]
    assert tree.restart_child("x").call("hello") == "hello"


def test_g01_the_order_after_a_change_is_that_of_erlang(journal):
    """Asked of OTP 25: a, b, d, e changed to e, x, b gives e, x, b, a, d, in start order."""
    with Supervisor.start(children(journal, "abde")) as tree:
        tree.change_specs(children(journal, "exb"))

        assert [known.id for known in reversed(tree.which_children())] == ["e", "x", "b", "a", "d"]
        assert [node.id for node in tree.snapshot().children] == ["e", "x", "b", "a", "d"]
        journal.clear()
    assert [name for _, name, _ in journal.entries()] == ["d", "a", "b", "e"]


def test_g01_a_running_child_is_stopped_and_started_as_its_new_spec_says(tree, journal):
    old = tree.child("a").pid
    tree.change_specs([child(journal, "a", restart="transient", shutdown_s=0, trap_exit=True)])
    assert tree.child("a").pid is old

    new = crash(tree.child("a"))
    assert tree.child("a").call(("do", lambda actor, _: actor.trap_exit)) is True
    journal.clear()
    tree.terminate_child("a")

    assert journal.entries() == []  # killed at once, so that no terminate ran
    assert new.generation == 2
    assert tree.get_childspec("a").restart is Restart.TRANSIENT


def test_g01_a_child_that_has_become_temporary_goes_with_its_end(tree, journal):
    tree.change_specs([child(journal, "a", restart="temporary")])
    assert tree.get_childspec("a").start.args == ()  # nobody will need them

    tree.terminate_child("a")

    assert [known.id for known in tree.which_children()] == ["b"]


def test_g01_a_stopped_child_stays_stopped_and_starts_by_its_new_spec(tree, journal):
    tree.terminate_child("a")
    tree.change_specs([Misbehaving.child_spec(journal, "renamed", id="a")])

    assert [known.state for known in tree.which_children() if known.id == "a"] == [ChildState.STOPPED]
    tree.restart_child("a")
    assert journal.entries()[-1] == ("init", "renamed")


def test_g01_a_kept_child_is_restarted_stopped_and_deleted_as_ever(tree):
    tree.change_specs([])

    assert crash(tree.child("a")).generation == 2
    with pytest.raises(ChildStateError):
        tree.delete_child("a")
    tree.terminate_child("a")
    tree.delete_child("a")
    assert [known.id for known in tree.which_children()] == ["b"]


def test_g01_a_change_waits_for_what_the_supervisor_is_doing(tree, journal):
    """OTP's supervisor is suspended for a change; ours takes it in turn with other requests."""
    gate = Gate()
    started = tree.start_child_async(child(journal, "c", on_init=lambda _: gate.wait()))
    gate.wait_entered()
    changed = tree.call_async(ChangeSpecsRequest(tuple(children(journal, "cab")), None))
    assert [known.id for known in reversed(tree.which_children())] == ["a", "b", "c"]
    gate.open()

    assert started.get(timeout=5) == tree.child("c")
    assert changed.get(timeout=5) is None
    assert [known.id for known in reversed(tree.which_children())] == ["c", "a", "b"]
    assert journal.entries().count(("init", "c")) == 1


# -- arguments


def test_g01_init_is_called_with_its_old_arguments_or_with_new_ones(journal):
    class Counted(Supervisor):
        def init(self, names, *, prefix=""):
            journal.add((names, prefix))
            return SupervisorInit(SupervisorFlags(), tuple(child(Journal(), prefix + name) for name in names))

    with Counted.start("a", prefix="x") as tree:
        tree.reinit()
        tree.reinit("b", prefix="y")
        tree.reinit()

    assert journal.entries() == [("a", "x"), ("a", "x"), ("b", "y"), ("b", "y")]


def test_g01_a_plain_supervisor_is_changed_by_the_arguments_of_its_start(journal):
    with Supervisor.start(children(journal, "a")) as tree:
        pid = tree.child("a").pid
        tree.reinit(children(journal, "ba"), strategy="rest_for_one")

        assert [known.id for known in reversed(tree.which_children())] == ["b", "a"]
        assert (tree.child("a").pid, listed(tree)[1].strategy.value) == (pid, "rest_for_one")
        with pytest.raises(TypeError, match=r"reinit\(\) of a Supervisor needs arguments"):
            tree.reinit()


# -- what is wrong changes nothing


def wrong_spec():
    return SupervisorInit(SupervisorFlags(), (Misbehaving.child_spec(restart="sometimes"),))


def wrong_flags():
    return SupervisorInit(SupervisorFlags(intensity="bad"), ())


def two_of_a_name():
    return SupervisorInit(SupervisorFlags(), (Misbehaving.child_spec(id="z"), Misbehaving.child_spec(id="z")))


WRONG = [
    (wrong_spec, ChildSpecError, "restart is 'sometimes'"),
    (wrong_flags, ChildSpecError, "intensity is 'bad'"),
    (two_of_a_name, ChildSpecError, "two children have the id 'z'"),
    ("faulty", TypeError, "init returned 'faulty'; allowed are SupervisorInit"),
    (None, TypeError, "init returned None"),
    (KeyError("missing"), KeyError, "missing"),
]


@pytest.mark.parametrize("way", [by_reinit, by_change_code])
@pytest.mark.parametrize(("outcome", "error", "message"), WRONG)
def test_g02_an_init_that_goes_wrong_changes_nothing_and_whoever_asked_is_told(
    tree, plan, way, outcome, error, message
):
    before, first = listed(tree), plan.outcome

    with pytest.raises(error, match=message):
        way(tree, plan, outcome)

    resume(tree)  # in change_code the error comes before
    assert listed(tree) == before
    assert tree.pid.actor_class is Planned
    by_reinit(tree, plan, first)
    assert crash(tree.child("a")).generation == 2


@pytest.mark.parametrize("way", [by_reinit, by_change_code])
def test_g02_an_init_that_ignores_changes_nothing_and_is_no_error(tree, plan, way):
    before = listed(tree)

    way(tree, plan, IGNORE)

    assert listed(tree) == before


@pytest.mark.parametrize(
    ("specs", "flags", "message"),
    [
        (["spec"], None, "expected ChildSpec"),
        ([Misbehaving.child_spec(id="z")] * 2, None, "two children have the id 'z'"),
        ([], "flags", "flags are 'flags'"),
        ([Misbehaving.child_spec(restart="transient", significant=True)], None, "auto_shutdown='never'"),
    ],
)
def test_g02_specs_that_do_not_go_together_change_nothing(tree, specs, flags, message):
    before = listed(tree)

    with pytest.raises(ChildSpecError, match=message):
        tree.change_specs(specs, flags=flags)

    assert listed(tree) == before


@pytest.mark.parametrize(("outcome", "error"), [("faulty", TypeError), (IGNORE, None)])
def test_g02_arguments_that_changed_nothing_are_not_used_again(tree, plan, journal, outcome, error):
    with pytest.raises(error) if error else nullcontext():
        tree.reinit(Plan(outcome))

    plan.outcome = SupervisorInit(SupervisorFlags(), tuple(children(journal, "xba")))
    tree.reinit()  # by the plan of the start

    assert [known.id for known in reversed(tree.which_children())] == ["x", "b", "a"]
