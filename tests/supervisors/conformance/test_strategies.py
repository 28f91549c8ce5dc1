"""OTP's behaviour, rows D01 to D12 and D22: who is restarted with a child, and in which order.

The rows about simple_one_for_one hold here for a DynamicSupervisor, which counts a spec for each child where
simple_one_for_one counts its single one.
"""

from __future__ import annotations

import pytest

from supervisors import SHUTDOWN, DynamicSupervisor, Info, Supervisor
from supervisors.testing import Journal, ManualClock, Misbehaving, fail_later, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import BOOM, child, children, counts, crash, watch

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


def tree_of(specs, strategy="one_for_one", *, intensity=2, period=3600):
    """Start a supervisor for which no time passes."""
    system = ManualClock().system()
    return Supervisor.start(specs, strategy=strategy, intensity=intensity, period=period, system=system)


def crash_with(tree, name, *concerned):
    """Crash a child; return when those that are restarted with it serve again."""
    old = {other: tree.child(other).pid for other in concerned}
    crash(tree.child(name))
    return {other: wait_restarted(tree.child(other), pid).generation for other, pid in old.items()}


def crash_for_good(tree, name):
    """Crash a child; return why its supervisor ends."""
    tree.child(name).cast(("raise", ValueError("boom")))
    return wait_exit(tree)


def test_d01_in_one_for_one_the_sibling_of_a_crashed_child_keeps_its_incarnation(journal):
    with tree_of(children(journal, "ab")) as tree:
        old, sibling = tree.child("a").pid, tree.child("b").pid

        assert crash(tree.child("a")) is not old
        assert tree.child("b").pid is sibling
        assert counts(tree) == [2, 2, 0, 2]


@pytest.mark.parametrize("third", ["a", "b"])
def test_d02_in_one_for_one_the_third_restart_is_one_too_many_whichever_child_needs_it(journal, third):
    tree = tree_of(children(journal, "ab"))
    for name in "ab":
        crash(tree.child(name))

    assert crash_for_good(tree, third) == SHUTDOWN


def test_d03_in_one_for_one_a_restart_that_keeps_failing_ends_the_supervisor_and_the_sibling(journal):
    tree = tree_of([child(journal, "a", on_init=fail_later), child(journal, "b")], intensity=4)
    downs = watch(b=tree.child("b"), tree=tree)
    journal.clear()

    assert crash_for_good(tree, "a") == SHUTDOWN
    assert journal.entries() == [
        ("terminate", "a", BOOM),
        *[("init", "a")] * 4,
        ("terminate", "b", SHUTDOWN),
    ]
    assert downs.entries() == [("b", SHUTDOWN), ("tree", SHUTDOWN)]


def test_d04_in_one_for_all_everybody_is_restarted_until_it_is_once_too_often(journal):
    tree = tree_of(children(journal, "ab"), "one_for_all")
    downs = watch(b=tree.child("b"))

    assert crash_with(tree, "a", "b") == {"b": 2}
    assert downs.entries() == [("b", SHUTDOWN)]
    assert counts(tree) == [2, 2, 0, 2]
    assert crash_with(tree, "a", "b") == {"b": 3}
    assert crash_for_good(tree, "a") == SHUTDOWN


def test_d05_in_one_for_all_the_sibling_of_a_restart_that_keeps_failing_ends_before_the_supervisor(journal):
    tree = tree_of([child(journal, "a"), child(journal, "b", on_init=fail_later)], "one_for_all", intensity=4)
    downs = watch(b=tree.child("b"), tree=tree)
    journal.clear()

    assert crash_for_good(tree, "a") == SHUTDOWN
    assert downs.entries() == [("b", SHUTDOWN), ("tree", SHUTDOWN)]
    try_of_both = [("init", "a"), ("init", "b"), ("terminate", "a", SHUTDOWN)]
    assert journal.entries() == [("terminate", "a", BOOM), ("terminate", "b", SHUTDOWN), *try_of_both * 4]


def test_d06_in_rest_for_one_those_after_the_child_are_restarted_until_it_is_once_too_often(journal):
    tree = tree_of(children(journal, "abc"), "rest_for_one")
    first = tree.child("a").pid
    downs = watch(c=tree.child("c"))

    assert crash_with(tree, "b", "c") == {"c": 2}
    assert downs.entries() == [("c", SHUTDOWN)]
    assert tree.child("a").pid is first
    assert counts(tree) == [3, 3, 0, 3]
    assert crash_with(tree, "b", "c") == {"c": 3}
    assert crash_for_good(tree, "b") == SHUTDOWN


def test_d07_in_rest_for_one_only_the_child_whose_restart_keeps_failing_is_tried_again(journal):
    specs = [child(journal, "a"), child(journal, "b", on_init=fail_later)]
    tree = tree_of(specs, "rest_for_one", intensity=4)
    downs = watch(b=tree.child("b"), tree=tree)
    journal.clear()

    assert crash_for_good(tree, "a") == SHUTDOWN
    assert downs.entries() == [("b", SHUTDOWN), ("tree", SHUTDOWN)]
    assert journal.entries() == [
        ("terminate", "a", BOOM),
        ("terminate", "b", SHUTDOWN),
        ("init", "a"),
        *[("init", "b")] * 4,
        ("terminate", "a", SHUTDOWN),
    ]


def test_d08_in_rest_for_one_those_after_the_child_stop_in_reverse_and_all_start_in_order(journal):
    with tree_of(children(journal, "abcd"), "rest_for_one") as tree:
        journal.clear()
        crash_with(tree, "b", "d")

        assert journal.entries() == [
            ("terminate", "b", BOOM),
            ("terminate", "d", SHUTDOWN),
            ("terminate", "c", SHUTDOWN),
            ("init", "b"),
            ("init", "c"),
            ("init", "d"),
        ]


def test_d09_in_one_for_all_everybody_stops_in_reverse_and_a_temporary_sibling_is_gone(journal):
    specs = [*children(journal, "ab"), child(journal, "t", restart="temporary"), child(journal, "d")]
    with tree_of(specs, "one_for_all") as tree:
        journal.clear()
        crash_with(tree, "b", "d")

        assert journal.entries() == [
            ("terminate", "b", BOOM),
            ("terminate", "d", SHUTDOWN),
            ("terminate", "t", SHUTDOWN),
            ("terminate", "a", SHUTDOWN),
            ("init", "a"),
            ("init", "b"),
            ("init", "d"),
        ]
        assert [known.id for known in tree.which_children()] == ["d", "b", "a"]


def test_d10_a_crashed_dynamic_child_is_restarted_alone_until_it_is_once_too_often(journal):
    pool = DynamicSupervisor.start(intensity=2, period=3600, system=ManualClock().system())
    a, b = (pool.start_child(spec) for spec in children(journal, "ab"))
    sibling = b.pid

    crash(a)
    assert b.pid is sibling
    assert counts(pool) == [2, 2, 0, 2]
    crash(a)
    b.cast(("raise", ValueError("boom")))
    assert wait_exit(pool) == SHUTDOWN


def test_d11_dynamic_children_whose_init_returns_information_are_restarted_like_others(journal):
    pool = DynamicSupervisor.start(intensity=2, period=3600, system=ManualClock().system())
    specs = children(journal, "ab", on_init=lambda generation: Info(f"life {generation}"))
    started = [pool.start_child_with_info(spec) for spec in specs]
    assert [one.info for one in started] == ["life 1", "life 1"]
    (a, _), (b, _) = started
    sibling = b.pid

    assert crash(a).generation == 2
    assert b.pid is sibling
    assert counts(pool) == [2, 2, 0, 2]
    assert crash(b).generation == 2
    a.cast(("raise", ValueError("boom")))
    assert wait_exit(pool) == SHUTDOWN


def test_d12_a_dynamic_child_that_cannot_be_restarted_ends_the_supervisor_and_the_sibling(journal):
    pool = DynamicSupervisor.start(intensity=4, period=3600, system=ManualClock().system())
    a = pool.start_child(child(journal, "a", on_init=fail_later))
    downs = watch(b=pool.start_child(child(journal, "b")))
    a.cast(("raise", ValueError("boom")))

    assert wait_exit(pool) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == 1 + 4
    assert downs.entries() == [("b", SHUTDOWN)]


def test_d22_a_restarted_dynamic_child_gets_the_same_extra_arguments_again():
    journal = Journal()
    with DynamicSupervisor.start(extra_arguments=(journal, "from the supervisor")) as pool:
        address = pool.start_child(Misbehaving.child_spec())
        assert crash(address).generation == 2

    assert journal.entries() == [
        ("init", "from the supervisor"),
        ("terminate", "from the supervisor", BOOM),
        ("init", "from the supervisor"),
        ("terminate", "from the supervisor", SHUTDOWN),
    ]
