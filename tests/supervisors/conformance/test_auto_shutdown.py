"""OTP's behaviour, rows F01 to F09: significant children, whose end is the end of their supervisor."""

from __future__ import annotations

import pytest

from supervisors import (
    NORMAL,
    SHUTDOWN,
    AutoShutdown,
    Backoff,
    ChildSpecError,
    DynamicSupervisor,
    Shutdown,
    StartError,
    Supervisor,
    SupervisorFlags,
)
from supervisors.testing import Events, Journal, ManualClock, Misbehaving, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import child, children, crash, end

pytestmark = pytest.mark.usefixtures("quiet")

MODES = [mode.value for mode in AutoShutdown]


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def start(journal):
    """Start a tree with a permanent child, beside, behind the given ones; stop it in the end."""
    trees = []

    def begin(auto_shutdown, **specs):
        children = [child(journal, name, **options) for name, options in specs.items()]
        tree = Supervisor.start(
            [*children, child(journal, "beside")], auto_shutdown=auto_shutdown, intensity=100
        )
        trees.append(tree)
        return tree

    yield begin
    for tree in trees:
        tree.stop()


def temporary(*, significant=True):
    return {"restart": "temporary", "significant": significant}


def transient(*, significant=True):
    return {"restart": "transient", "significant": significant}


def kill(tree, address):
    """Kill a child; return when its supervisor has begun to deal with that."""
    events = Events(tree.system, "supervisor.child_exited")
    address.pid.kill()
    events.names.wait_for("supervisor.child_exited")
    events.detach()


def fail(tree, address):
    """Crash a child; return when its supervisor has begun to deal with that."""
    events = Events(tree.system, "supervisor.child_exited")
    address.cast(("raise", ValueError("boom")))
    events.names.wait_for("supervisor.child_exited")
    events.detach()


ENDS = {
    "terminated": lambda tree, address: tree.terminate_child(address.id),
    "killed": kill,
    "crashed": fail,
    "finished": lambda tree, address: end(tree, address, NORMAL),
}
BY_ITSELF = [how for how in ENDS if how != "terminated"]


def stays(tree):
    """Say that the supervisor goes on: while it stops it would start nothing."""
    name = f"later {len(tree.which_children())}"
    return tree.start_child(Misbehaving.child_spec(id=name)).call("hello") == "hello"


def has_shut_down(tree, journal):
    """Say that the supervisor has ended in order, and has stopped the child beside."""
    return wait_exit(tree) == SHUTDOWN and ("terminate", "beside", SHUTDOWN) in journal.entries()


# -- children that are not significant


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("mode", MODES)
def test_f01_a_temporary_child_that_is_not_significant_shuts_nothing_down(start, mode, how):
    tree = start(mode, a=temporary(significant=False))

    ENDS[how](tree, tree.child("a"))

    assert stays(tree)
    assert "a" not in [known.id for known in tree.which_children()]


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("mode", MODES)
def test_f02_a_transient_child_that_is_not_significant_shuts_nothing_down(start, mode, how):
    tree = start(mode, a=transient(significant=False))
    address, old = tree.child("a"), tree.child("a").pid

    ENDS[how](tree, address)

    assert stays(tree)
    if how in ("killed", "crashed"):
        assert wait_restarted(address, old).generation == 2
    else:
        assert [known.pid for known in tree.which_children() if known.id == "a"] == [None]


# -- temporary significant children


def test_f03_a_significant_temporary_child_that_is_terminated_shuts_nothing_down(start):
    tree = start("any_significant", a=temporary())

    tree.terminate_child("a")

    assert stays(tree)


@pytest.mark.parametrize("how", BY_ITSELF)
def test_f04_the_first_significant_temporary_child_that_ends_by_itself_shuts_down(start, journal, how):
    tree = start("any_significant", a=temporary(), b=temporary())

    ENDS[how](tree, tree.child("a"))

    assert has_shut_down(tree, journal)
    assert ("terminate", "b", SHUTDOWN) in journal.entries()


@pytest.mark.parametrize("how", BY_ITSELF)
def test_f05_the_last_significant_temporary_child_that_ends_by_itself_shuts_down(start, journal, how):
    tree = start("all_significant", a=temporary(), b=temporary())

    ENDS[how](tree, tree.child("a"))
    assert stays(tree)
    ENDS[how](tree, tree.child("b"))

    assert has_shut_down(tree, journal)


def test_f05_a_significant_child_that_was_terminated_no_longer_holds_the_others_up(start, journal):
    """Asked of OTP 25: the termination shuts nothing down, and the end of the other one then does."""
    tree = start("all_significant", a=temporary(), b=temporary())

    tree.terminate_child("a")
    assert stays(tree)
    ENDS["finished"](tree, tree.child("b"))

    assert has_shut_down(tree, journal)


def test_f05_the_termination_of_the_last_significant_child_shuts_nothing_down(start):
    """As OTP 25 answers too."""
    tree = start("all_significant", a=temporary(), b=temporary())

    ENDS["finished"](tree, tree.child("a"))
    tree.terminate_child("b")

    assert stays(tree)


# -- transient significant children


@pytest.mark.parametrize("how", ENDS)
def test_f06_a_significant_transient_child_shuts_down_when_it_has_finished(start, journal, how):
    tree = start("any_significant", a=transient(), b=transient())
    address, old = tree.child("a"), tree.child("a").pid

    ENDS[how](tree, address)

    if how == "finished":
        assert has_shut_down(tree, journal)
    else:
        assert stays(tree)
    if how in ("killed", "crashed"):
        assert wait_restarted(address, old).generation == 2


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("done")], ids=repr)
def test_f06_every_end_in_order_is_an_end_by_itself(start, journal, reason):
    tree = start("any_significant", a=transient())

    end(tree, tree.child("a"), reason)

    assert has_shut_down(tree, journal)


def test_f07_the_last_significant_transient_child_that_has_finished_shuts_down(start, journal):
    tree = start("all_significant", a=transient(), b=transient())
    crash(tree.child("b"))

    ENDS["finished"](tree, tree.child("a"))
    assert stays(tree)
    crash(tree.child("b"))
    assert stays(tree)
    ENDS["finished"](tree, tree.child("b"))

    assert has_shut_down(tree, journal)


def test_f07_a_significant_child_that_is_being_restarted_holds_the_others_up(journal):
    """A back-off holds it where OTP's is only between a start that failed and the next."""
    clock, wait = ManualClock(), Backoff(minimum_s=60, maximum_s=60, jitter=0)
    specs = children(journal, "ab", **transient())
    tree = Supervisor.start(specs, auto_shutdown="all_significant", backoff=wait, system=clock.system())
    old = tree.child("b").pid
    ENDS["crashed"](tree, tree.child("b"))

    ENDS["finished"](tree, tree.child("a"))

    assert stays(tree)
    clock.advance(60)
    wait_restarted(tree.child("b"), old)
    ENDS["finished"](tree, tree.child("b"))
    assert wait_exit(tree) == SHUTDOWN


def test_a_significant_child_that_is_stopped_for_a_sibling_shuts_nothing_down(journal):
    """Only ends by themselves count; a temporary one is gone for good all the same."""
    specs = [child(journal, "a"), child(journal, "b", **temporary())]
    with Supervisor.start(specs, strategy="one_for_all", auto_shutdown="any_significant") as tree:
        crash(tree.child("a"))

        assert stays(tree)
        assert ("terminate", "b", SHUTDOWN) in journal.entries()
        assert "b" not in [known.id for known in tree.which_children()]


def test_a_supervisor_that_has_shut_down_is_restarted_if_it_is_permanent_only(journal):
    """`SHUTDOWN` is no abnormal end, so that a transient or temporary one is through."""
    inner = [child(journal, "a", **temporary())]
    subs = [
        Supervisor.child_spec(inner, id=restart, restart=restart, auto_shutdown="any_significant")
        for restart in ("permanent", "transient")
    ]
    with Supervisor.start(subs) as tree:
        again, over = (tree.supervisor(restart) for restart in ("permanent", "transient"))
        old = again.pid, over.pid
        for address in (again, over):
            address.child("a").cast(("stop", NORMAL))

        assert wait_restarted(again, old[0]).generation == 2
        assert wait_exit(old[1]) == SHUTDOWN
        tree.delete_child("transient")


def test_the_end_by_significance_is_told_with_the_child_that_decided(start):
    tree = start("any_significant", a=transient())
    events = Events(tree.system)

    ENDS["finished"](tree, tree.child("a"))
    wait_exit(tree)

    (facts,) = events.of("supervisor.auto_shutdown")
    assert (facts["child_id"], facts["reason"]) == ("a", NORMAL)


# -- dynamic children


@pytest.mark.parametrize(("mode", "last"), [("any_significant", "a"), ("all_significant", "b")])
def test_f08_children_that_were_started_on_demand_shut_down_too(start, journal, mode, last):
    """The row is about simple_one_for_one; ours are those that `start_child` has added."""
    tree = start(mode)
    for name in "ab":
        tree.start_child(child(journal, name, **temporary()))

    for name in "ab"[: "ab".index(last)]:
        ENDS["crashed"](tree, tree.child(name))
        assert stays(tree)
    ENDS["crashed"](tree, tree.child(last))

    assert wait_exit(tree) == SHUTDOWN


@pytest.mark.parametrize("mode", MODES[1:])
def test_f08_a_dynamic_supervisor_has_no_automatic_shutdown(mode):
    """As Elixir's, which this is; only Erlang's simple_one_for_one has it."""
    with pytest.raises(StartError, match=f"auto_shutdown is '{mode}'; a DynamicSupervisor has only 'never'"):
        DynamicSupervisor.start(auto_shutdown=mode)


def test_f08_a_dynamic_supervisor_takes_no_significant_child(journal):
    with DynamicSupervisor.start(auto_shutdown="never") as pool:
        with pytest.raises(
            ChildSpecError, match="significant=True; here there is only auto_shutdown='never'"
        ):
            pool.start_child(child(journal, "a", **temporary()))

        assert pool.count_children().specs == 0


# -- a change in a running supervisor


def change(tree, mode):
    tree.change_specs([], flags=SupervisorFlags(auto_shutdown=mode, intensity=100))


@pytest.mark.parametrize(("first", "then"), [("never", "any_significant"), ("never", "all_significant")])
def test_f09_significant_children_may_come_after_a_change_from_never(start, journal, first, then):
    tree = start(first, a=temporary(significant=False))
    pid = tree.child("a").pid

    change(tree, then)

    assert tree.child("a").pid is pid
    tree.start_child(child(journal, "b", **temporary()))
    ENDS["finished"](tree, tree.child("a"))
    assert stays(tree)
    ENDS["finished"](tree, tree.child("b"))
    assert wait_exit(tree) == SHUTDOWN


@pytest.mark.parametrize("first", ["any_significant", "all_significant"])
def test_f09_after_a_change_to_never_a_significant_child_is_like_any_other(start, journal, first):
    tree = start(first, a=transient())

    change(tree, "never")

    ENDS["finished"](tree, tree.child("a"))
    assert stays(tree)
    assert tree.restart_child("a").call("hello") == "hello"
    ENDS["finished"](tree, tree.child("a"))
    assert stays(tree)
    with pytest.raises(ChildSpecError, match=r"significant=True under auto_shutdown='never'"):
        tree.start_child(child(journal, "b", **transient()))


def test_f09_after_a_change_from_any_to_all_the_first_end_is_not_enough(start):
    tree = start("any_significant", a=transient(), b=transient())
    pids = [tree.child(name).pid for name in "ab"]

    change(tree, "all_significant")

    assert [tree.child(name).pid for name in "ab"] == pids
    ENDS["finished"](tree, tree.child("a"))
    assert stays(tree)
    ENDS["finished"](tree, tree.child("b"))
    assert wait_exit(tree) == SHUTDOWN


def test_f09_after_a_change_from_all_to_any_the_next_end_is_enough(start, journal):
    tree = start("all_significant", a=transient(), b=transient(), c=transient())
    ENDS["finished"](tree, tree.child("a"))

    change(tree, "any_significant")

    assert stays(tree)
    ENDS["finished"](tree, tree.child("b"))
    assert wait_exit(tree) == SHUTDOWN
    assert ("terminate", "c", SHUTDOWN) in journal.entries()
