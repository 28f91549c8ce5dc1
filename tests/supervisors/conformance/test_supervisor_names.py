"""OTP's behaviour, rows A21 and A22: supervisors and children under names.

OTP has local, global and via names; here every name is one in a registry. It is claimed at a start outside
any tree (`start`) or in each incarnation of a child (`named`).
"""

from __future__ import annotations

import pytest

from supervisors import (
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    ChildNotFoundError,
    DynamicSupervisor,
    NameTakenError,
    PartitionSupervisor,
    Supervisor,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import child, children, counts

pytestmark = pytest.mark.usefixtures("quiet")


def start_outside(names):
    return names.via("tree").start(Supervisor, children(Journal(), "a"))


def start_as_a_child(names):
    return Supervisor.start([names.via("tree").named(Supervisor.child_spec(children(Journal(), "a"), id=1))])


@pytest.fixture(params=[start_outside, start_as_a_child])
def name(request, names):
    """Give the name of a supervisor with one child, a."""
    with request.param(names):
        yield names.via("tree")


def test_a21_children_are_listed_counted_and_described_by_the_name_of_their_supervisor(name):
    assert [known.id for known in name.which_children()] == ["a"]
    assert counts(name) == [1, 1, 0, 1]
    assert name.get_childspec("a").id == "a"
    assert [node.id for node in name.snapshot().walk()] == ["tree", "a"]


def test_a21_children_are_started_stopped_and_deleted_by_the_name_of_their_supervisor(name):
    b = name.start_child(child(Journal(), "b"))
    c = name.start_child_async(child(Journal(), "c")).get(timeout=CEILING_S)
    d, _ = name.start_child_with_info(child(Journal(), "d"))
    assert [address.call("hello") for address in (b, c, d)] == ["hello"] * 3

    name.terminate_child("b")
    name.terminate_child_async("c").get(timeout=CEILING_S)
    assert name.restart_child("b") == b
    assert name.restart_child_with_info("c").address == c
    name.terminate_child("b")
    name.delete_child("b")
    assert [known.id for known in name.which_children()] == ["d", "c", "a"]


def test_a21_children_are_found_below_the_name_of_their_supervisor(name):
    name.start_child(Supervisor.child_spec(children(Journal(), "x"), id="sub"))

    assert name.child("a").call("hello") == "hello"
    assert name.supervisor("sub").child("x").call("hello") == "hello"
    for unknown in (lambda: name.child("y"), lambda: name.supervisor("a")):
        with pytest.raises(ChildNotFoundError):
            unknown()


def test_a21_a_second_supervisor_does_not_start_under_a_name_that_is_taken(name, names):
    with pytest.raises(NameTakenError) as caught:
        names.via("tree").start(Supervisor, [])

    assert caught.value.owner is name.pid


def test_a21_a_dynamic_supervisor_is_administered_by_its_name_too(names):
    with names.via("pool").start(DynamicSupervisor, max_children=2):
        pool = names.via("pool")
        address = pool.start_child(Misbehaving.child_spec())

        assert address.call("hello") == "hello"
        pool.terminate_child(address)
        assert counts(pool) == [0, 0, 0, 0]


def test_a21_a_supervisor_in_a_partition_is_administered_by_a_key():
    pools = PartitionSupervisor(DynamicSupervisor.child_spec(), name="pools", partitions=2)
    with pools.start():
        for key in (0, 1, 2):
            assert pools.via(key).start_child(Misbehaving.child_spec()).call(key) == key

        assert [counts(pools.via(key)) for key in (0, 1)] == [[2, 2, 0, 2], [1, 1, 0, 1]]


def test_a21_the_verbs_of_a_supervisor_refuse_the_name_of_a_worker_and_leave_it_alone(names):
    with names.via("worker").start(Misbehaving) as worker:
        for verb in (
            names.via("worker").which_children,
            lambda: names.via("worker").start_child(child(Journal(), "a")),
            lambda: names.via("worker").start_child_async(child(Journal(), "a")),
        ):
            with pytest.raises(TypeError, match="registry/worker is a Misbehaving, which is no supervisor"):
                verb()

        assert worker.call("alive") == "alive"


def test_a21_a_name_that_nobody_has_is_no_process(names):
    for verb in (
        names.via("nobody").count_children,
        lambda: names.via("nobody").start_child_async(child(Journal(), "a")).get(timeout=CEILING_S),
        lambda: names.via("nobody").child("a"),
    ):
        with pytest.raises(ActorExitedError) as caught:
            verb()
        assert caught.value.reason == NO_PROCESS


@pytest.fixture
def middle_and_worker(names):
    """Give the names of a supervisor below another one, and of its worker."""
    worker = names.via("worker").named(Misbehaving.child_spec(id="worker"))
    middle = names.via("middle").named(Supervisor.child_spec([worker], id="middle", intensity=10))
    with Supervisor.start([middle], strategy="one_for_all"):
        yield names.via("middle"), names.via("worker")


def kill(_middle, worker):
    worker.pid.kill()


def let_end(_middle, worker):
    worker.cast(("stop", NORMAL))


def terminate_and_restart(middle, worker):
    old = worker.pid
    middle.terminate_child("worker")
    assert old.exit_reason == SHUTDOWN
    assert not worker.alive
    middle.restart_child("worker")


@pytest.mark.parametrize("replace", [kill, let_end, terminate_and_restart])
def test_a22_a_name_leads_to_the_new_worker_after_every_kind_of_restart(middle_and_worker, replace):
    middle, worker = middle_and_worker
    old, old_middle = worker.pid, middle.pid

    replace(middle, worker)

    assert wait_restarted(worker, old).generation == 2
    assert worker.call("hello") == "hello"
    assert middle.pid is old_middle


def test_a22_the_names_of_a_killed_supervisor_and_of_its_worker_lead_to_new_ones(middle_and_worker):
    middle, worker = middle_and_worker
    old, old_worker = middle.pid, worker.pid

    old.kill()

    assert wait_restarted(middle, old).generation == 2
    wait_exit(old_worker)
    assert worker.wait_available(CEILING_S)
    assert worker.pid is not old_worker
    assert worker.call("hello") == "hello"
    assert [known.pid for known in middle.which_children()] == [worker.pid]
