"""OTP's behaviour, rows B01 to B12, B18, B25 and B26: children are stopped, restarted and deleted by request.

Where OTP returns `{error, Reason}` the verb raises an error that says the reason. The rows about
simple_one_for_one hold here for a DynamicSupervisor, which is as Elixir's: a child that was terminated is
unknown, and a spec is counted for each child.
"""

from __future__ import annotations

import pytest

from supervisors import (
    NO_PROCESS,
    SHUTDOWN,
    ActorExitedError,
    ChildNotFoundError,
    ChildStateError,
    DuplicateChildError,
    DynamicSupervisor,
    Supervisor,
    SupervisorAddress,
)
from supervisors.testing import Journal, Misbehaving, wait_exit
from tests.supervisors.conformance._trees import child, counts, watch

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def tree(journal):
    """Give a supervisor with one running child, a."""
    with Supervisor.start([child(journal, "a")]) as address:
        yield address


@pytest.fixture
def pool():
    with DynamicSupervisor.start() as address:
        yield address


def listed(supervisor):
    return [(known.id, known.pid) for known in supervisor.which_children()]


def test_b01_the_id_of_a_running_child_is_taken_and_the_child_stays(tree, journal):
    """OTP hands out the pid of the child; here the error names it."""
    running = tree.child("a").pid

    with pytest.raises(DuplicateChildError) as caught:
        tree.start_child(child(journal, "a"))

    assert (caught.value.child_id, caught.value.state) == ("a", "running")
    assert tree.child(caught.value.child_id).pid is running
    assert journal.entries() == [("init", "a")]


def test_b02_a_terminated_child_ends_in_order_and_stays_listed_without_an_actor(tree):
    downs = watch(a=tree.child("a"))

    tree.terminate_child("a")

    assert downs.entries() == [("a", SHUTDOWN)]
    assert listed(tree) == [("a", None)]
    assert counts(tree) == [1, 0, 0, 1]


def test_b03_terminating_a_stopped_child_is_quiet(tree, journal):
    tree.terminate_child("a")
    tree.terminate_child("a")

    assert journal.entries() == [("init", "a"), ("terminate", "a", SHUTDOWN)]
    assert counts(tree) == [1, 0, 0, 1]


def test_b04_the_id_of_a_stopped_child_is_taken_too(tree, journal):
    tree.terminate_child("a")

    with pytest.raises(DuplicateChildError) as caught:
        tree.start_child(child(journal, "a"))

    assert (caught.value.child_id, caught.value.state) == ("a", "stopped")
    assert counts(tree) == [1, 0, 0, 1]


def test_b05_a_stopped_child_is_restarted_as_a_new_incarnation(tree):
    old = tree.child("a").pid
    tree.terminate_child("a")

    address = tree.restart_child("a")

    assert address.pid is not old
    assert address.call("hello") == "hello"
    assert listed(tree) == [("a", address.pid)]


def test_b05_a_running_child_is_not_restarted_by_request(tree):
    running = tree.child("a").pid

    with pytest.raises(ChildStateError) as caught:
        tree.restart_child("a")

    assert caught.value.state == "running"
    assert tree.child("a").pid is running


def test_b05_an_unknown_child_is_not_restarted_by_request(tree):
    with pytest.raises(ChildNotFoundError) as caught:
        tree.restart_child("x")

    assert (caught.value.child_id, caught.value.known) == ("x", ("a",))


def test_b06_a_running_child_is_not_deleted(tree):
    running = tree.child("a").pid

    with pytest.raises(ChildStateError) as caught:
        tree.delete_child("a")

    assert caught.value.state == "running"
    assert listed(tree) == [("a", running)]


def test_b06_an_unknown_child_is_not_deleted(tree):
    with pytest.raises(ChildNotFoundError) as caught:
        tree.delete_child("x")

    assert (caught.value.child_id, caught.value.known) == ("x", ("a",))


def test_b06_a_stopped_child_that_is_deleted_leaves_nothing(tree):
    tree.terminate_child("a")

    tree.delete_child("a")

    assert listed(tree) == []
    assert counts(tree) == [0, 0, 0, 0]


VERBS = {
    "start_child": lambda address: address.start_child(Misbehaving.child_spec()),
    "start_child_with_info": lambda address: address.start_child_with_info(Misbehaving.child_spec()),
    "start_child_async": lambda address: address.start_child_async(Misbehaving.child_spec()).get(),
    "terminate_child": lambda address: address.terminate_child("a"),
    "terminate_child_async": lambda address: address.terminate_child_async("a").get(),
    "restart_child": lambda address: address.restart_child("a"),
    "restart_child_with_info": lambda address: address.restart_child_with_info("a"),
    "delete_child": lambda address: address.delete_child("a"),
    "get_childspec": lambda address: address.get_childspec("a"),
    "which_children": SupervisorAddress.which_children,
    "count_children": SupervisorAddress.count_children,
    "snapshot": SupervisorAddress.snapshot,
}


@pytest.mark.parametrize("verb", VERBS)
def test_b07_every_request_to_a_supervisor_that_has_ended_fails_with_its_reason(tree, verb):
    """OTP says `noproc`; here the address knows why there is none."""
    tree.stop()

    with pytest.raises(ActorExitedError) as caught:
        VERBS[verb](tree)
    assert caught.value.reason == SHUTDOWN


@pytest.mark.parametrize("verb", VERBS)
def test_b07_every_request_to_a_supervisor_that_never_was_fails_as_no_process(names, verb):
    with pytest.raises(ActorExitedError) as caught:
        VERBS[verb](names.via("nobody"))
    assert caught.value.reason == NO_PROCESS


def test_b08_an_address_or_a_pid_names_no_child_of_an_ordinary_supervisor(tree):
    address = tree.child("a")

    for target in (address, address.pid):
        with pytest.raises(ChildNotFoundError):
            tree.terminate_child(target)

    assert listed(tree) == [("a", address.pid)]
    assert address.call("alive") == "alive"


def test_b09_dynamic_children_are_listed_without_ids_and_counted(pool, journal):
    """simple_one_for_one counts its one spec, also before anything is started: [1,0,0,0] to [1,2,0,2]."""
    assert (listed(pool), counts(pool)) == ([], [0, 0, 0, 0])

    first = pool.start_child(child(journal, "a"))
    assert (listed(pool), counts(pool)) == ([(None, first.pid)], [1, 1, 0, 1])

    second = pool.start_child(child(journal, "a"))
    assert listed(pool) == [(None, second.pid), (None, first.pid)]
    assert counts(pool) == [2, 2, 0, 2]


def test_b10_a_dynamic_child_is_not_terminated_by_its_id(pool, journal):
    address = pool.start_child(child(journal, "a"))

    with pytest.raises(ChildNotFoundError):
        pool.terminate_child("a")

    assert address.call("alive") == "alive"


@pytest.mark.parametrize("by", ["address", "pid"])
def test_b10_a_dynamic_child_is_terminated_by_its_address_or_pid_and_then_unknown(pool, journal, by):
    """simple_one_for_one takes a dead pid again; a DynamicSupervisor, Elixir's too, knows it no more."""
    address = pool.start_child(child(journal, "a"))
    pid = address.pid
    target = address if by == "address" else pid

    pool.terminate_child(target)

    assert pid.exit_reason == SHUTDOWN
    with pytest.raises(ChildNotFoundError):
        pool.terminate_child(target)
    assert counts(pool) == [0, 0, 0, 0]


def test_b11_an_actor_that_is_no_child_is_not_terminated_and_lives_on(pool):
    with Misbehaving.start() as stranger:
        for target in (stranger, stranger.pid, pool, "name", ["list"]):
            with pytest.raises(ChildNotFoundError):
                pool.terminate_child(target)

        assert stranger.call("alive") == "alive"


@pytest.mark.parametrize("verb", ["restart_child", "restart_child_with_info", "delete_child"])
def test_b12_a_dynamic_supervisor_neither_restarts_nor_deletes_by_request(pool, journal, verb):
    address = pool.start_child(child(journal, "a"))

    for target in ("a", address):
        with pytest.raises(TypeError, match="a DynamicSupervisor does not understand"):
            getattr(pool, verb)(target)

    assert address.call("alive") == "alive"


def test_b18_a_child_lives_a_whole_life_by_requests_alone(journal):
    with Supervisor.start([]) as tree:
        tree.start_child(child(journal, "a"))
        with pytest.raises(ChildStateError, match="running"):
            tree.delete_child("a")
        tree.terminate_child("a")
        assert tree.restart_child("a").pid.generation == 2
        tree.terminate_child("a")
        tree.delete_child("a")

        assert listed(tree) == []
    once = [("init", "a"), ("terminate", "a", SHUTDOWN)]
    assert journal.entries() == once * 2


def test_b25_restarts_by_request_are_not_counted_towards_the_intensity(journal):
    with Supervisor.start([child(journal, "a")], intensity=0) as tree:
        for _ in range(3):
            tree.terminate_child("a")
            tree.restart_child("a")

        assert counts(tree) == [1, 1, 0, 1]
        tree.child("a").cast(("raise", ValueError()))  # this one is counted
        assert wait_exit(tree) == SHUTDOWN


def test_b26_the_class_whose_init_set_a_supervisor_up_can_be_read(names):
    class Pool(DynamicSupervisor):
        pass

    with Pool.start() as pool, names.via("pool").start(Pool):
        assert pool.pid.actor_class is Pool
        assert issubclass(names.via("pool").pid.actor_class, Pool)
        for address in (pool, names.via("pool")):
            assert address.snapshot().actor_class == f"{Pool.__module__}.{Pool.__qualname__}"
