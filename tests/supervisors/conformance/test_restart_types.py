"""OTP's behaviour, rows C01 to C12: which exits of a child are followed by a restart.

The rows about simple_one_for_one hold here for a DynamicSupervisor, which counts a spec for each child where
simple_one_for_one counts its single one.
"""

from __future__ import annotations

import pytest

from supervisors import (
    IGNORE,
    KILLED,
    NORMAL,
    SHUTDOWN,
    ChildNotFoundError,
    ChildState,
    DynamicSupervisor,
    Shutdown,
    Supervisor,
)
from supervisors.testing import Journal, ManualClock, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import BOOM, child, counts, crash, end

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


def tree_of(journal, restart):
    return Supervisor.start([child(journal, "a", restart=restart)])


def end_and_come_back(address, reason):
    """End a child; return its next incarnation."""
    old = address.pid
    address.cast(("stop", reason))
    return wait_restarted(address, old)


def listed(supervisor):
    return [(known.id, known.pid, known.state) for known in supervisor.which_children()]


def test_c01_a_permanent_child_that_ends_normally_is_restarted(journal):
    with tree_of(journal, "permanent") as tree:
        assert end_and_come_back(tree.child("a"), NORMAL).generation == 2
        assert counts(tree) == [1, 1, 0, 1]


def test_c02_a_permanent_child_that_ends_by_a_shutdown_is_restarted_each_time(journal):
    with tree_of(journal, "permanent") as tree:
        assert end_and_come_back(tree.child("a"), SHUTDOWN).generation == 2
        assert end_and_come_back(tree.child("a"), Shutdown("why")).generation == 3
        assert counts(tree) == [1, 1, 0, 1]


def test_c03_a_permanent_child_that_crashes_is_restarted(journal):
    with tree_of(journal, "permanent") as tree:
        assert crash(tree.child("a")).generation == 2
        assert counts(tree) == [1, 1, 0, 1]


def test_c04_of_a_transient_child_that_ends_normally_the_spec_is_kept(journal):
    with tree_of(journal, "transient") as tree:
        end(tree, tree.child("a"), NORMAL)

        assert listed(tree) == [("a", None, ChildState.STOPPED)]
        assert counts(tree) == [1, 0, 0, 1]


def test_c05_of_a_transient_child_that_ends_by_a_shutdown_the_spec_is_kept_each_time(journal):
    with tree_of(journal, "transient") as tree:
        end(tree, tree.child("a"), SHUTDOWN)
        assert listed(tree) == [("a", None, ChildState.STOPPED)]

        assert tree.restart_child("a").pid.generation == 2
        end(tree, tree.child("a"), Shutdown("why"))
        assert listed(tree) == [("a", None, ChildState.STOPPED)]
        assert counts(tree) == [1, 0, 0, 1]


def test_c06_a_transient_child_that_crashes_or_is_killed_is_restarted(journal):
    with tree_of(journal, "transient") as tree:
        old = crash(tree.child("a"))
        assert old.generation == 2

        old.kill()
        assert wait_restarted(tree.child("a"), old).generation == 3
        assert counts(tree) == [1, 1, 0, 1]


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("why"), BOOM, KILLED], ids=repr)
def test_c07_of_a_temporary_child_that_ends_in_any_way_nothing_is_kept(journal, reason):
    with tree_of(journal, "temporary") as tree:
        end(tree, tree.child("a"), reason)

        assert (listed(tree), counts(tree)) == ([], [0, 0, 0, 0])


@pytest.mark.parametrize("reason", [SHUTDOWN, BOOM], ids=repr)
def test_c08_of_a_temporary_dynamic_child_that_ends_in_any_way_nothing_is_kept(journal, reason):
    with DynamicSupervisor.start() as pool:
        end(pool, pool.start_child(child(journal, "a", restart="temporary")), reason)

        assert counts(pool) == [0, 0, 0, 0]


def test_c09_a_transient_dynamic_child_is_restarted_only_after_a_crash(journal):
    with DynamicSupervisor.start() as pool:
        for reason in (SHUTDOWN, Shutdown("why")):
            end(pool, pool.start_child(child(journal, "a", restart="transient")), reason)
            assert counts(pool) == [0, 0, 0, 0]

        assert crash(pool.start_child(child(journal, "a", restart="transient"))).generation == 2
        assert counts(pool) == [1, 1, 0, 1]


def test_c10_a_permanent_dynamic_child_is_restarted_after_each_exit(journal):
    with DynamicSupervisor.start(intensity=100_000) as pool:
        address = pool.start_child(child(journal, "a"))
        generations = [
            end_and_come_back(address, reason).generation for reason in (SHUTDOWN, Shutdown("why"))
        ]

        assert [*generations, crash(address).generation] == [2, 3, 4]
        assert counts(pool) == [1, 1, 0, 1]


def test_c11_normal_exits_of_a_permanent_child_count_towards_the_intensity(journal):
    tree = Supervisor.start([child(journal, "a")], intensity=1, system=ManualClock().system())
    end_and_come_back(tree.child("a"), NORMAL)
    assert tree.alive

    tree.child("a").cast(("stop", NORMAL))
    assert wait_exit(tree) == SHUTDOWN


def test_c12_a_child_that_ignores_its_restart_keeps_its_spec_and_can_be_started_by_hand(journal):
    def ignore_second(generation):
        return IGNORE if generation == 2 else None

    with Supervisor.start([child(journal, "a", on_init=ignore_second)]) as tree:
        end(tree, tree.child("a"), BOOM)
        with pytest.raises(ChildNotFoundError):
            tree.delete_child("unknown")  # answered when the restart is over

        assert listed(tree) == [("a", None, ChildState.STOPPED)]
        assert counts(tree) == [1, 0, 0, 1]
        assert tree.restart_child("a").pid.generation == 3
