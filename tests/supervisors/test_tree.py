"""Snapshots: the whole tree as plain data, without asking anybody."""

from __future__ import annotations

import pickle
import threading

import pytest

from supervisors import ChildState, DynamicSupervisor, Restart, Supervisor, suspend
from supervisors.testing import CEILING_S, ManualClock, Misbehaving, fail_later, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def clock():
    return ManualClock(start=100)


@pytest.fixture
def tree(clock):
    below = Supervisor.child_spec([Misbehaving.child_spec(id="leaf", restart="transient")], id="sub")
    specs = [Misbehaving.child_spec(id="worker"), below]
    with Supervisor.start(specs, name="root", system=clock.system()) as address:
        yield address


def crash(address):
    old = address.pid
    address.cast(("raise", ValueError()))
    return wait_restarted(address, old)


def node(tree, *path):
    """Return the node at a path of the whole tree."""
    (found,) = [known for known in tree.snapshot().walk() if known.path == path]
    return found


def test_each_node_has_the_path_and_the_id_of_its_address(tree):
    nodes = list(tree.snapshot().walk())

    assert [(known.id, known.path) for known in nodes] == [
        ("root", ()),
        ("worker", ("worker",)),
        ("sub", ("sub",)),
        ("leaf", ("sub", "leaf")),
    ]
    assert tree.supervisor("sub").child("leaf").path == nodes[-1].path


def test_a_snapshot_of_a_part_of_the_tree_keeps_the_paths_from_the_root_and_what_its_parent_knows(tree):
    part = tree.supervisor("sub").snapshot()

    assert part == tree.snapshot().children[1]
    assert (part.path, part.restart, part.children[0].path) == (("sub",), Restart.PERMANENT, ("sub", "leaf"))


def test_a_node_says_since_when_its_incarnation_runs_and_how_often_it_was_restarted(tree, clock):
    assert (node(tree, "worker").since, node(tree, "worker").restarts) == (100.0, 0)

    clock.advance(8)
    crash(tree.child("worker"))
    clock.advance(8)
    crash(tree.child("worker"))

    found = node(tree, "worker")
    assert (found.generation, found.restarts, found.since) == (3, 2, 116.0)
    assert (node(tree).since, node(tree).restarts) == (100.0, 0)


def test_a_start_by_hand_is_another_generation_but_no_restart(tree):
    tree.terminate_child("worker")
    tree.restart_child("worker")

    found = node(tree, "worker")
    assert (found.generation, found.restarts) == (2, 0)


def test_siblings_that_are_restarted_with_a_child_count_as_restarted_too():
    specs = [Misbehaving.child_spec(id=name) for name in "abc"]
    with Supervisor.start(specs, strategy="rest_for_one") as address:
        old = address.child("c").pid
        crash(address.child("b"))
        wait_restarted(address.child("c"), old)

        assert [child.restarts for child in address.snapshot().children] == [0, 1, 1]


def test_tries_that_fail_count_as_restarts_until_the_supervisor_gives_up(clock):
    specs = [Misbehaving.child_spec(id="a", on_init=fail_later)]
    address = Supervisor.start(specs, intensity=4, system=clock.system())
    pid = address.pid

    address.child("a").cast(("raise", ValueError()))
    wait_exit(pid)

    assert pid.directory["a"].restarts == 4


def test_a_node_says_how_many_messages_wait_and_that_it_is_suspended(tree):
    worker = tree.child("worker")
    entered, release = threading.Event(), threading.Event()
    worker.cast(("block", entered, release))
    entered.wait(CEILING_S)
    for number in range(3):
        worker.cast(number)

    assert (node(tree, "worker").queued, node(tree, "worker").suspended) == (3, False)

    release.set()
    worker.call("all were handled")
    suspend(worker)
    assert node(tree, "worker").suspended


def test_a_stopped_child_keeps_what_is_known_of_its_last_incarnation(tree, clock):
    suspend(tree.child("worker"))
    clock.advance(1)
    tree.terminate_child("worker")

    found = node(tree, "worker")
    assert (found.state, found.generation, found.since, found.suspended) == (
        ChildState.STOPPED,
        1,
        100.0,
        False,
    )


def test_a_dynamic_child_is_found_by_the_path_of_its_address():
    with DynamicSupervisor.start() as pool:
        address = pool.start_child(Misbehaving.child_spec(restart="temporary"))

        (child,) = pool.snapshot().children
        assert child.path == address.path


def test_a_snapshot_can_be_sent_to_another_process(tree):
    snapshot = tree.snapshot()

    assert pickle.loads(pickle.dumps(snapshot)) == snapshot  # noqa: S301 -- made here
