"""Administration: start, terminate, restart, delete, and what is answered about children."""

from __future__ import annotations

import pytest

from supervisors import (
    IGNORE,
    CallCycleError,
    ChildCounts,
    ChildNotFoundError,
    ChildState,
    Crash,
    StartError,
    Supervisor,
)
from supervisors.testing import Events, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def tree():
    with Supervisor.start([Misbehaving.child_spec(id="a")]) as address:
        yield address


def spec(**options):
    return Misbehaving.child_spec(**{"id": "b", **options})


def test_a_started_child_is_listed_first_and_can_be_called(tree):
    child = tree.start_child(spec())

    assert child.call("hello") == "hello"
    assert [known.id for known in tree.which_children()] == ["b", "a"]


def test_a_terminated_temporary_child_is_forgotten(tree):
    tree.start_child(spec(restart="temporary"))

    tree.terminate_child("b")

    assert tree.count_children().specs == 1


@pytest.mark.parametrize("verb", ["terminate_child", "restart_child", "delete_child", "get_childspec"])
@pytest.mark.parametrize("unknown", ["x", ["not even hashable"]])
def test_an_unknown_child_is_an_error_that_lists_the_known_ones(tree, verb, unknown):
    with pytest.raises(ChildNotFoundError, match=r"children are \['a'\]"):
        getattr(tree, verb)(unknown)


def test_a_restart_by_hand_that_fails_keeps_the_spec():
    def fail_second(generation):
        if generation == 2:
            raise ValueError("no")

    with Supervisor.start([spec(on_init=fail_second)]) as tree:
        tree.terminate_child("b")
        with pytest.raises(StartError):
            tree.restart_child("b")

        assert [child.state for child in tree.which_children()] == [ChildState.STOPPED]
        assert tree.restart_child("b").call("hello") == "hello"


def test_a_restart_by_hand_may_be_ignored():
    with Supervisor.start([spec(on_init=lambda generation: IGNORE if generation == 2 else None)]) as tree:
        tree.terminate_child("b")

        assert tree.restart_child("b") is None


def test_a_restart_by_hand_starts_no_siblings():
    journal = Journal()
    specs = [Misbehaving.child_spec(journal, name, id=name) for name in "ab"]
    with Supervisor.start(specs, strategy="one_for_all") as tree:
        tree.terminate_child("a")
        journal.clear()
        tree.restart_child("a")

        assert journal.entries() == [("init", "a")]


def test_supervisors_and_workers_are_counted_apart(tree):
    tree.start_child(Supervisor.child_spec([], id="sub"))

    assert tree.count_children() == ChildCounts(specs=2, active=2, supervisors=1, workers=1, abandoned=0)


def test_a_child_whose_init_asks_its_supervisor_for_a_change_is_refused_instead_of_hanging(tree):
    class Impatient(Misbehaving):
        def init(self):
            self.parent.start_child(spec(id="c"))

    with pytest.raises(StartError) as caught:
        tree.start_child(Impatient.child_spec(id="b"))
    assert caught.value.reason.error_type.endswith(CallCycleError.__name__)


def test_a_child_that_asks_for_its_own_end_and_waits_is_refused(tree):
    with pytest.raises(CallCycleError):
        tree.child("a").call(("do", lambda actor, _: actor.parent.terminate_child("a")))


def test_a_child_may_start_a_sibling_once_it_runs(tree):
    tree.child("a").call(("do", lambda actor, _: actor.parent.start_child(spec())))

    assert tree.child("b").call("hello") == "hello"


def test_a_snapshot_shows_the_tree_as_plain_data():
    specs = [spec(id="w"), Supervisor.child_spec([spec(id="leaf", restart="transient")], id="sub")]
    with Supervisor.start(specs, name="root") as tree:
        tree.terminate_child("w")

        root = tree.snapshot()

    assert [(node.id, node.state, node.generation) for node in root.walk()] == [
        ("root", ChildState.RUNNING, 1),
        ("w", ChildState.STOPPED, 1),
        ("sub", ChildState.RUNNING, 1),
        ("leaf", ChildState.RUNNING, 1),
    ]
    leaf = root.children[1].children[0]
    assert leaf.actor_class == "supervisors.testing.Misbehaving"
    assert (leaf.restart.value, leaf.type.value, leaf.thread) == ("transient", "worker", "root/sub/leaf#1")


def test_telemetry_tells_of_starts_exits_restarts_and_stops():
    journal = Journal()
    with Supervisor.start([]) as tree:
        events = Events(tree.system)
        child = tree.start_child(Misbehaving.child_spec(journal, id="a"))
        child.cast(("raise", ValueError()))
        events.names.wait_for("supervisor.child_restarted")
        tree.terminate_child("a")
        names = [name for name in events.names.entries() if name.startswith("supervisor.")]

    assert names == [
        "supervisor.child_started",
        "supervisor.child_exited",
        "supervisor.child_started",
        "supervisor.child_restarted",
        "supervisor.child_stopped",
    ]


def test_giving_up_is_told_with_the_error_that_says_why():
    tree = Supervisor.start([spec()], intensity=0, name="root")
    events = Events(tree.system)

    tree.child("b").cast(("raise", ValueError("x")))
    wait_exit(tree)

    (facts,) = events.of("supervisor.restarts_exceeded")
    assert str(facts["error"]) == "root needed more than 0 restarts in 5 s and gave up"
    assert facts["reason"] == Crash("ValueError", "x")
