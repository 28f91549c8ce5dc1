"""OTP's behaviour, rows J05 to J12 and J14: tasks. Their outcome is a value or an exception, no message."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    CallTimeoutError,
    ChildNotFoundError,
    Crash,
    DynamicSupervisor,
    MaxChildrenError,
    MonitorRef,
    Stop,
    Supervisor,
    TaskExited,
    TaskFinished,
    TaskSupervisor,
    ancestors,
    callers,
)
from supervisors.testing import Journal, ManualClock, Misbehaving, wait_exit, wait_restarted
from tests.supervisors.conformance._trees import Gate, watch

pytestmark = pytest.mark.usefixtures("quiet")

CRASH = Crash("ValueError", "no")


def fail():
    raise ValueError("no")


@pytest.fixture
def tasks():
    handle = TaskSupervisor()
    with handle.start():
        yield handle


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open()


def test_j05_a_linked_task_is_a_child_of_the_supervisor_and_gives_its_value(tasks, actor, inside, gate):
    task = inside(actor, tasks.async_, lambda: (gate.wait(), 42)[1])

    assert tasks.children() == (task.pid,)
    gate.open()
    assert task.await_() == 42
    wait_exit(task.pid)
    assert actor.call("still here") == "still here"


@pytest.mark.parametrize("start", ["async_", "async_nolink"])
def test_j05_the_value_of_a_task_comes_before_its_normal_end(tasks, gate, start):
    journal = Journal()
    task = getattr(tasks, start)(gate.wait)
    task.future.add_done_callback(lambda _: journal.add("value"))
    task.pid.monitor(MonitorRef(task.pid), lambda down: journal.add(("down", down.reason)))
    gate.open()
    journal.wait_for(("down", NORMAL))

    assert journal.entries() == ["value", ("down", NORMAL)]


def test_j05_a_linked_task_that_fails_ends_its_caller_with_the_same_reason(tasks, actor, inside):
    pid = actor.pid
    inside(actor, tasks.async_, fail)

    assert wait_exit(pid) == CRASH


def test_j05_the_failure_of_the_caller_ends_a_linked_task_after_its_function(tasks, actor, inside, gate):
    task = inside(actor, tasks.async_, gate.wait)
    actor.cast(("raise", ValueError("no")))
    wait_exit(actor)
    gate.open()

    assert wait_exit(task.pid) == CRASH


def test_j06_a_task_without_a_link_is_a_child_of_the_supervisor_too(tasks, actor, inside, gate):
    task = inside(actor, tasks.async_nolink, lambda: (gate.wait(), 42)[1])

    assert tasks.children() == (task.pid,)
    gate.open()
    assert task.await_() == 42


def test_j06_a_task_without_a_link_fails_alone(tasks, actor, inside):
    task = inside(actor, tasks.async_nolink, fail)

    assert wait_exit(task.pid) == CRASH
    assert actor.call("still here") == "still here"
    assert task.yield_() == TaskExited(CRASH)


def test_j06_a_task_without_a_link_outlives_its_caller(tasks, actor, inside, gate):
    task = inside(actor, tasks.async_nolink, gate.wait)
    actor.cast(("raise", ValueError("no")))
    wait_exit(actor)
    gate.open()

    assert wait_exit(task.pid) == NORMAL


@pytest.mark.parametrize("start", ["async_", "async_nolink", "start_child"])
def test_j07_a_task_without_time_to_stop_is_killed_when_its_supervisor_stops(tasks, gate, start):
    getattr(tasks, start)(gate.wait, shutdown_s=0)
    (pid,) = tasks.children()
    pid.monitor(MonitorRef(pid), lambda _: gate.open())  # its thread may end then

    assert tasks.address.stop().clean
    assert pid.exit_reason == KILLED


@pytest.mark.parametrize("start", ["async_", "async_nolink", "start_child", "async_stream"])
def test_j08_one_task_too_many_raises_in_the_caller(actor, inside, gate, start):
    tasks = TaskSupervisor(max_children=1)

    def begin():
        if start == "async_stream":
            return list(tasks.async_stream(str, [1]))
        return getattr(tasks, start)(gate.wait)

    with tasks.start():
        tasks.start_child(gate.wait)
        refused = inside(actor, begin)

        assert isinstance(refused, MaxChildrenError)
        assert refused.max_children == 1
        assert len(tasks.children()) == 1
        gate.open()


def test_j09_a_task_nobody_waits_for_is_temporary_and_not_linked(tasks, actor, inside):
    journal, gate = Journal(), Gate()

    def note_and_fail():
        journal.add("ran")
        gate.wait()
        fail()

    address = inside(actor, tasks.start_child, note_and_fail)
    downs = watch(task=address)
    gate.open()
    downs.wait_for(("task", CRASH))

    assert journal.entries() == ["ran"]
    assert actor.call("still here") == "still here"
    with pytest.raises(ActorExitedError):
        address.call("anything")
    assert tasks.count_children().specs == 0


def test_j09_a_permanent_task_is_run_again_after_a_shutdown(tasks):
    journal, gates = Journal(), [Gate(), Gate()]

    def once_per_gate():
        number = len(journal.entries())
        journal.add(number)
        gates[number].wait()

    address = tasks.start_child(once_per_gate, restart="permanent")
    first = address.pid
    first.request_stop(SHUTDOWN)
    gates[0].open()

    assert wait_exit(first) == SHUTDOWN
    second = wait_restarted(address, first)
    journal.wait_for(1)
    assert (second.generation, tasks.children()) == (2, (second,))
    gates[1].open()


@pytest.mark.parametrize("start", ["async_nolink", "start_child"])
def test_j10_a_task_is_terminated_once_and_not_found_after_that(gate, start):
    clock, tasks = ManualClock(), TaskSupervisor()
    system = clock.system()
    with tasks.start(system=system):
        task = getattr(tasks, start)(gate.wait)
        pid = task.pid
        terminating = threading.Thread(target=tasks.terminate_child, args=(task,))
        terminating.start()
        clock.wait_armed()  # it has been asked to end, and has its time for that
        gate.open()
        terminating.join()

        assert pid.exit_reason == SHUTDOWN
        with pytest.raises(ChildNotFoundError):
            tasks.terminate_child(task)
    system.close()


@pytest.mark.parametrize(
    ("function", "error", "reason"),
    [
        (fail, ValueError, CRASH),
        (lambda: exec("raise SystemExit(7)"), ActorExitedError, Crash("SystemExit", "7")),  # noqa: S102 -- a raise in an expression
        (lambda: Stop(SHUTDOWN), ActorExitedError, SHUTDOWN),
        (lambda: Stop(NORMAL), ActorExitedError, NORMAL),
    ],
)
def test_j11_a_caller_that_awaits_a_failing_task_ends_where_it_awaits(tasks, actor, function, error, reason):
    """The awaiting caller gets an exception; an actor that does not catch it ends by that."""
    pid, found = actor.pid, []

    def wait(_server, _sender):
        task = tasks.async_nolink(function)
        found.append(task)
        return task.await_()

    with pytest.raises(error) as raised:
        actor.call(("do", wait))

    assert found[0].yield_() == TaskExited(reason)
    if error is ActorExitedError:
        assert (raised.value.target, raised.value.reason) == (found[0].pid.name, reason)
    else:
        assert found[0].pid.name in raised.value.__notes__[0]
    ended = wait_exit(pid)
    assert ended.error_type.endswith(error.__name__)
    assert "await_" in [name for _, _, name in ended.frames]


def test_j12_a_task_knows_who_asked_for_it_over_all_generations(actor, inside):
    tasks, found = TaskSupervisor(), []

    def outer():
        return tasks.async_(lambda: (callers(), ancestors())).await_()

    def start():
        found.append(tasks.async_(outer))

    with Supervisor.start([tasks.child_spec(id="tasks")]) as tree:
        inside(actor, start)
        seen, above = found[0].await_()

        assert seen == (found[0].pid, actor.pid)
        assert above == (tree.supervisor("tasks").pid, tree.pid)


def test_j12_only_tasks_have_callers_and_only_actors_have_ancestors(tasks, actor, inside):
    assert (callers(), ancestors()) == ((), ())
    assert inside(actor, callers) == ()
    assert tasks.async_nolink(callers).await_() == ()  # a plain thread has started it
    with DynamicSupervisor.start() as pool:
        child = pool.start_child(Misbehaving.child_spec())
        assert inside(child, ancestors) == (pool.pid,)
        assert (
            tasks.async_nolink(inside, child, callers).await_() == ()
        )  # the context of a task travels along


def test_j14_a_look_at_a_task_that_is_not_done_leaves_it_running(tasks, gate):
    task = tasks.async_nolink(lambda: (gate.wait(), 42)[1])

    assert task.yield_(timeout=0) is None
    assert task.pid.alive
    gate.open()
    assert task.yield_() == TaskFinished(42)
    assert task.yield_(timeout=0) == TaskFinished(42)


def test_j14_a_task_that_is_shut_down_at_once_has_been_killed(tasks, gate):
    task = tasks.async_nolink(gate.wait)

    assert task.shutdown(timeout=0) == TaskExited(KILLED)
    assert task.pid.exit_reason == KILLED


def test_j14_a_value_that_has_arrived_before_the_shutdown_is_handed_out(tasks):
    task = tasks.async_nolink(lambda: 42)
    task.await_()

    assert task.shutdown(timeout=0) == TaskFinished(42)


def test_j14_a_value_that_arrives_during_the_shutdown_is_handed_out_and_the_task_ends(tasks, gate):
    task = tasks.async_nolink(lambda: (gate.wait(), 42)[1])
    task.pid.request_stop(SHUTDOWN)  # what `shutdown` does first
    gate.open()

    assert task.shutdown() == TaskFinished(42)
    assert task.pid.exit_reason == SHUTDOWN


def test_j14_a_task_that_does_not_end_in_its_time_is_killed(tasks, gate):
    task = tasks.async_nolink(gate.wait)

    assert task.shutdown(timeout=0.01) == TaskExited(KILLED)


def test_j14_giving_up_to_wait_drops_the_value_but_not_the_task(tasks, gate):
    """In OTP the caller exits here and a linked task with it; we raise, and the task goes on."""
    task = tasks.async_(gate.wait)

    with pytest.raises(CallTimeoutError):
        task.await_(timeout=0)
    assert task.pid.alive
    gate.open()
    assert wait_exit(task.pid) == NORMAL
