"""Tasks: awaiting from threads, actors and asyncio, and what their functions may do."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from supervisors import (
    KILLED,
    SHUTDOWN,
    CallAbandonedError,
    CallCycleError,
    CallTimeoutError,
    Crash,
    MonitorRef,
    Refuse,
    Stop,
    Task,
    TaskExited,
    TaskFinished,
    TaskSupervisor,
)
from supervisors.testing import CEILING_S, Misbehaving, wait_exit

COLOUR = contextvars.ContextVar("colour", default="none")


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


@pytest.fixture
def tasks():
    handle = TaskSupervisor()
    with handle.start():
        yield handle


@pytest.fixture
def gate():
    gate = threading.Event()
    yield gate
    gate.set()


def fail():
    raise ValueError("no")


def in_actor(address, function, *args):
    return address.call(("do", lambda _server, _sender: function(*args)))


def test_several_threads_can_await_one_task_several_times(tasks, gate):
    task = tasks.async_nolink(lambda: (gate.wait(CEILING_S), 42)[1])
    values = []
    threads = [threading.Thread(target=lambda: values.append(task.await_())) for _ in range(3)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()

    assert [*values, task.await_(), Task.await_(task)] == [42] * 5


def test_a_task_says_whether_its_outcome_is_known(tasks, gate):
    task = tasks.async_nolink(gate.wait, CEILING_S)
    before, text = task.done, repr(task)
    gate.set()
    task.await_()

    assert (before, task.done) == (False, True)
    assert (text, repr(task)) == (f"<Task {task.pid.name}>", f"<Task {task.pid.name} done>")


def test_a_value_that_was_given_up_is_gone_for_every_later_wait(tasks, gate):
    task = tasks.async_nolink(gate.wait, CEILING_S)
    with pytest.raises(CallTimeoutError):
        task.await_(timeout=0)

    with pytest.raises(CallAbandonedError):
        task.await_()
    with pytest.raises(CallAbandonedError):
        task.yield_()
    assert task.shutdown(timeout=0) == TaskExited(KILLED)


def test_an_error_that_looks_like_a_timeout_of_the_wait_is_the_tasks_own(tasks):
    error = CallTimeoutError("somebody else", 1.0)

    def time_out():
        raise error

    outcome = tasks.async_nolink(time_out).yield_()

    assert outcome == TaskExited(Crash.from_exception(error))


def test_a_function_that_raises_refuse_fails_like_any_other(tasks):
    def refuse():
        raise Refuse(ValueError("no"))

    task = tasks.async_nolink(refuse)

    with pytest.raises(Refuse):
        task.await_()
    assert wait_exit(task.pid).error_type.endswith("Refuse")


def test_a_function_may_end_its_task_with_a_reason_and_a_value(tasks):
    task = tasks.async_nolink(lambda: Stop(SHUTDOWN, reply=42))

    assert (task.await_(), wait_exit(task.pid)) == (42, SHUTDOWN)


def test_a_task_runs_in_a_copy_of_the_context_of_whoever_started_it(tasks):
    def change():
        seen = COLOUR.get()
        COLOUR.set("blue")
        return seen

    def start():
        COLOUR.set("red")
        return tasks.async_nolink(change).await_(), COLOUR.get()

    assert contextvars.copy_context().run(start) == ("red", "red")


def test_a_task_that_waits_for_its_waiting_starter_is_refused(tasks):
    with Misbehaving.start() as actor:
        task = in_actor(actor, lambda: tasks.async_nolink(actor.call, "anything"))
        task.yield_()

        def wait_for_one_that_calls_back():
            ready = threading.Event()

            def call_back():
                ready.wait(CEILING_S)
                return actor.call("anything")

            task = tasks.async_nolink(call_back)
            ready.set()
            return task.yield_()

        outcome = in_actor(actor, wait_for_one_that_calls_back)
        assert outcome.reason.error_type.endswith("CallCycleError")


def test_a_task_cannot_wait_for_its_own_end(tasks):
    found, ready = [], threading.Event()

    def end_yourself():
        ready.wait(CEILING_S)
        return found[0].shutdown(timeout=None)

    found.append(tasks.async_nolink(end_yourself))
    ready.set()

    with pytest.raises(CallCycleError):
        found[0].await_()
    assert wait_exit(found[0].pid).error_type.endswith("CallCycleError")


def test_a_shutdown_spares_the_starter_the_exit_of_a_linked_task(tasks, gate):
    with Misbehaving.start() as actor:
        task = in_actor(actor, tasks.async_, gate.wait, CEILING_S)

        assert in_actor(actor, task.shutdown, 0) == TaskExited(KILLED)
        assert actor.call("still here") == "still here"
        assert actor.pid.ties()[0] == 0


def test_a_shutdown_without_a_limit_waits_for_the_end_of_the_function(tasks, gate):
    task = tasks.async_nolink(lambda: (gate.wait(CEILING_S), 42)[1])
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(task.shutdown(timeout=None)))
    thread.start()
    gate.set()
    thread.join()

    assert outcomes == [TaskFinished(42)]
    assert not task.pid.alive


def test_a_task_of_a_starter_that_has_died_meanwhile_does_not_begin(tasks):
    started = []

    def begin():
        actor.pid.kill()
        return tasks.async_(started.append, 1)

    with Misbehaving.start() as actor:
        pid = actor.pid
        actor.cast(("do", lambda _server, _sender: begin()))
        wait_exit(pid)
        pid.thread.join()

    assert started == []
    assert tasks.count_children().specs == 0


def test_awaiting_in_asyncio_gives_the_value_and_does_not_hold_up_the_loop(tasks, gate):
    async def main():
        task = tasks.async_nolink(lambda: (gate.wait(CEILING_S), 42)[1])

        async def open_gate():
            gate.set()

        value, _ = await asyncio.gather(task_value(task), open_gate())
        return value, await task

    async def task_value(task):
        return await task

    assert asyncio.run(main()) == (42, 42)


def test_awaiting_in_asyncio_raises_what_the_function_raised(tasks):
    async def main():
        await tasks.async_nolink(fail)

    with pytest.raises(ValueError, match="no"):
        asyncio.run(main())


@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_giving_up_in_asyncio_drops_the_value_but_not_the_task(tasks, gate, how):
    task = tasks.async_nolink(gate.wait, CEILING_S)

    async def main():
        if how == "timeout":
            async with asyncio.timeout(0):
                await task
        waiting = asyncio.ensure_future(task_value())
        asyncio.get_running_loop().call_soon(waiting.cancel)
        await waiting

    async def task_value():
        return await task

    with pytest.raises((TimeoutError, asyncio.CancelledError)):
        asyncio.run(main())
    assert task.pid.alive
    ended = threading.Event()
    task.pid.monitor(MonitorRef(task.pid), lambda _: ended.set())
    gate.set()
    assert ended.wait(CEILING_S)
    with pytest.raises(CallAbandonedError):
        task.yield_()
