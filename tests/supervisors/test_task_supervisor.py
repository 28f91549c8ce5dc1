"""TaskSupervisor: its options, its place in a tree, and what many tasks leave behind."""

from __future__ import annotations

import math
import threading

import pytest

from supervisors import (
    NO_PROCESS,
    ActorExitedError,
    ChildCounts,
    ChildSpecError,
    StartError,
    Supervisor,
    System,
    TaskFinished,
    TaskSupervisor,
)
from supervisors.testing import CEILING_S, Events, Misbehaving, wait_exit, wait_restarted

ITEMS = 1000


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


@pytest.fixture
def tasks():
    handle = TaskSupervisor()
    with handle.start():
        yield handle


@pytest.mark.parametrize(
    "options",
    [
        {"max_children": -1},
        {"max_children": 1.5},
        {"max_children": True},
        {"intensity": -1},
        {"period": 0},
    ],
)
def test_wrong_options_of_the_supervisor_are_refused_at_once(options):
    with pytest.raises(ChildSpecError, match=next(iter(options))):
        TaskSupervisor(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrency": 0},
        {"max_concurrency": 1.5},
        {"timeout": -1},
        {"timeout": math.nan},
        {"on_timeout": "ignore"},
    ],
)
def test_wrong_options_of_a_stream_are_refused_before_it_is_iterated(tasks, options):
    with pytest.raises(ChildSpecError, match=next(iter(options))):
        tasks.async_stream(str, [1], **options)


@pytest.mark.parametrize("options", [{"restart": "sometimes"}, {"shutdown_s": -1}])
def test_wrong_options_of_a_task_start_nothing(tasks, options):
    with pytest.raises(ChildSpecError, match=next(iter(options))):
        tasks.start_child(str, **options)
    assert tasks.count_children().specs == 0


@pytest.mark.parametrize("operation", ["async_", "async_nolink", "start_child", "async_stream", "children"])
def test_a_supervisor_that_is_not_running_refuses_everything(operation):
    tasks = TaskSupervisor(name="jobs")
    arguments = {"children": (), "async_stream": (str, [1])}.get(operation, (str,))

    with pytest.raises(ActorExitedError) as refused:
        getattr(tasks, operation)(*arguments)
    assert (refused.value.target, refused.value.reason) == ("jobs", NO_PROCESS)


def test_the_handle_serves_again_after_its_supervisor_was_restarted():
    tasks = TaskSupervisor()
    with Supervisor.start([tasks.child_spec()]) as tree:
        address = tree.child("tasks")
        old = address.pid
        gate = threading.Event()
        orphan = tasks.async_nolink(gate.wait, CEILING_S)
        old.kill()
        gate.set()
        wait_restarted(address, old)

        assert wait_exit(orphan.pid) is not None
        assert tasks.async_nolink(str, 7).await_() == "7"


def test_one_handle_is_served_by_one_supervisor_at_a_time(tasks):
    with pytest.raises(StartError, match="NameTakenError"):
        tasks.start()


def test_tasks_that_stop_with_their_supervisor_leave_a_clean_stop():
    tasks, gate = TaskSupervisor(), threading.Event()
    address = tasks.start()
    pids = [tasks.async_nolink(gate.wait, CEILING_S).pid for _ in range(5)]
    gate.set()

    assert address.stop().clean
    assert [pid.alive for pid in pids] == [False] * 5


def test_a_stream_over_endless_items_takes_no_more_than_it_needs(tasks):
    taken = []

    def count_up():
        while True:
            taken.append(len(taken))
            yield taken[-1]

    stream = tasks.async_stream(str, count_up(), max_concurrency=3, timeout=None)
    first = [next(stream).value for _ in range(10)]
    stream.close()

    assert first == [str(number) for number in range(10)]
    assert len(taken) <= 10 + 3 * 10


def test_a_stream_of_no_items_is_empty(tasks):
    assert list(tasks.async_stream(str, [], timeout=math.inf)) == []


@pytest.mark.parametrize("trap_exit", [True, False])
def test_a_thousand_items_leave_no_thread_link_monitor_or_message_behind(trap_exit):
    before = set(threading.enumerate())
    system, tasks = System(), TaskSupervisor()
    started, exited = Events(system, "actor.started"), Events(system, "supervisor.child_exited")
    with (
        tasks.start(system=system) as keeper,
        Misbehaving.start(system=system, trap_exit=trap_exit) as consumer,
    ):
        ties = keeper.pid.ties(), consumer.pid.ties()

        def consume(_server, _sender):
            return list(tasks.async_stream(lambda number: 2 * number, range(ITEMS), max_concurrency=8))

        outcomes = consumer.call(("do", consume), timeout=60)
        exited.names.wait_for("supervisor.child_exited", times=ITEMS)

        assert outcomes == [TaskFinished(2 * number) for number in range(ITEMS)]
        assert tasks.count_children() == ChildCounts(0, 0, 0, 0, 0)
        assert consumer.call("sync") == "sync"
        assert (keeper.pid.ties(), consumer.pid.ties()) == ties
        assert (len(consumer.pid.mailbox), len(consumer.pid.mailbox.system)) == (0, 0)
        pids = [facts["pid"] for facts in started.of("actor.started")]
        assert len(pids) == ITEMS + 2
        assert {pid.ties() for pid in pids if not pid.alive} == {(0, 0)}
    system.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(CEILING_S)
        assert not thread.is_alive()
