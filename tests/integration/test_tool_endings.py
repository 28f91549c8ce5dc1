"""An execution that ends while a tool is running: its caller hears at once, and nothing is held up."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest

from dspex_actors import Execute, LimitExceeded, Limits, PythonExecutor, WorkerDied
from dspex_actors._config import ExecutorConfig
from supervisors import Supervisor
from tests.integration._tools import CEILING_S, Events, pid_in, runtime_of

LONG = Limits(time_s=60)


@pytest.fixture
def stuck():
    """Give a tool that runs until the test ends, whatever happens to its execution."""

    class Stuck:
        def __init__(self):
            self.entered, self.release = threading.Semaphore(0), threading.Event()

        def __call__(self):
            self.entered.release()
            self.release.wait(3 * CEILING_S)

        def wait_entered(self):
            assert self.entered.acquire(timeout=CEILING_S)

    tool = Stuck()
    yield tool
    tool.release.set()


class Endless:
    """An async tool that waits for ever; knows how it ended."""

    def __init__(self):
        self.entered, self.cancelled = threading.Event(), threading.Event()
        self.loop = None

    async def __call__(self):
        self.loop = asyncio.get_running_loop()
        self.entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def abandoned(system):
    return [record.id.partition(" of ")[0] for record in system.abandoned.records()]


def wait_forgotten(system):
    """Wait until no thread is abandoned any more; it is no event that one could wait for."""
    for _ in range(4000):
        if not system.abandoned.records():
            return
        threading.Event().wait(0.005)
    raise AssertionError(system.abandoned.records())


def test_a_tool_that_blocks_past_the_deadline_costs_its_caller_the_deadline_only(stuck):
    with runtime_of(spares=1, max_workers=1) as runtime:
        result = runtime.execute("stuck()", tools={"stuck": stuck}, limits=Limits(time_s=0.3))
        system = runtime.executor.system
        left = system.abandoned.records()
        after = runtime.execute("1 + 1")
        still = abandoned(system)
        stuck.release.set()
        wait_forgotten(system)

    assert isinstance(result, LimitExceeded), result
    assert (result.limit, result.usage.tool_calls) == ("time", 1)
    assert after.value == 2
    assert after.worker.pid != result.worker.pid
    assert still == ["tool stuck"]
    (record,) = left
    assert record.where.startswith(f"{__file__}:")
    assert runtime.stop().clean


def test_a_stop_does_not_wait_for_a_tool_and_reports_its_thread(stuck):
    runtime = runtime_of(spares=0)
    future = runtime.submit("stuck()", tools={"stuck": stuck}, limits=LONG)
    stuck.wait_entered()
    report = runtime.stop(0.1)

    assert (report.drained, report.killed, report.processes_left, report.clean) == (False, 1, (), False)
    (record,) = report.abandoned
    assert record.id.startswith("tool stuck of execution ")
    assert record.where.startswith(f"{__file__}:")
    assert isinstance(future.result(CEILING_S), WorkerDied)


def test_a_stop_reports_a_tool_that_was_left_behind_long_before(stuck):
    runtime = runtime_of(spares=0)
    runtime.execute("stuck()", tools={"stuck": stuck}, limits=Limits(time_s=0.2))
    report = runtime.stop()

    assert (report.drained, report.killed) == (True, 0)
    assert [record.id.partition(" of ")[0] for record in report.abandoned] == ["tool stuck"]


def test_the_stop_of_a_tree_of_ones_own_reports_a_running_tool(stuck):
    spec = PythonExecutor.child_spec(ExecutorConfig(spares=0, limits=LONG), id="py")
    tree = Supervisor.start([spec], strategy="one_for_one")
    call = tree.child("py").call_async(Execute("stuck()", tools={"stuck": stuck}))
    stuck.wait_entered()
    result = tree.stop()

    assert [record.id.partition(" of ")[0] for record in result.abandoned] == ["tool stuck"]
    assert isinstance(call.get(timeout=CEILING_S), WorkerDied)


def test_a_stop_lets_a_tool_finish_within_its_time(stuck):
    runtime = runtime_of(spares=0)
    future = runtime.submit("stuck()\n'finished'", tools={"stuck": stuck}, limits=LONG)
    stuck.wait_entered()
    reports = []
    stopper = threading.Thread(target=lambda: reports.append(runtime.stop(CEILING_S)))
    stopper.start()
    stuck.release.set()
    stopper.join(CEILING_S)

    assert future.result(0).value == "finished"
    assert reports[0].clean


def test_a_cancelled_future_is_answered_at_once_while_its_tool_goes_on(stuck):
    with runtime_of(spares=1, max_workers=1) as runtime:
        events = Events(runtime.telemetry)
        future = runtime.submit("stuck()", tools={"stuck": stuck}, limits=LONG)
        stuck.wait_entered()
        assert future.cancel()
        assert future.cancelled()
        ((_, facts),) = events.wait("execution.finished")
        assert facts["outcome"] == "worker_died"
        assert abandoned(runtime.executor.system) == ["tool stuck"]
        assert runtime.execute("1 + 1").value == 2
        stuck.release.set()
        ((_, call),) = events.wait("tool.called")
        wait_forgotten(runtime.executor.system)

    assert (call["tool"], call["outcome"]) == ("stuck", "late")


def test_a_cancelled_task_cancels_the_async_tool_in_its_loop():
    async def main(runtime):
        tool = Endless()
        task = asyncio.create_task(runtime.aexecute("wait()", tools={"wait": tool}, limits=LONG))
        assert await asyncio.to_thread(tool.entered.wait, CEILING_S)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(tool.cancelled.wait, CEILING_S)
        assert tool.loop is asyncio.get_running_loop()

    with runtime_of(spares=1) as runtime:
        asyncio.run(main(runtime))
        assert runtime.execute("1 + 1").value == 2
        assert runtime.executor.system.abandoned.records() == ()


def test_a_cancelled_future_cancels_the_async_tool():
    tool = Endless()
    with runtime_of(spares=1) as runtime:
        future = runtime.submit("wait()", tools={"wait": tool}, limits=LONG)
        assert tool.entered.wait(CEILING_S)
        future.cancel()
        assert tool.cancelled.wait(CEILING_S)


def test_the_deadline_cancels_an_async_tool():
    tool = Endless()
    with runtime_of(spares=1) as runtime:
        result = runtime.execute("wait()", tools={"wait": tool}, limits=Limits(time_s=0.3))
        assert tool.cancelled.wait(CEILING_S)

    assert (result.limit, runtime.stop().clean) == ("time", True)


def test_the_death_of_a_worker_while_its_tool_is_running_is_told_at_once(stuck):
    folders = []
    with runtime_of(spares=1) as runtime:
        future = runtime.submit(
            "import os\nprint(os.getcwd())\nstuck()",
            tools={"stuck": stuck},
            limits=LONG,
            on_output=lambda _, text: folders.append(text.strip()),
        )
        stuck.wait_entered()
        os.kill(pid_in(runtime, folders[0]), signal.SIGKILL)
        result = future.result(CEILING_S)
        left = abandoned(runtime.executor.system)
        stuck.release.set()
        wait_forgotten(runtime.executor.system)

    assert isinstance(result, WorkerDied), result
    assert (result.signal, left) == (signal.SIGKILL, ["tool stuck"])


def test_a_tool_may_execute_code_in_the_same_runtime():
    with runtime_of(spares=2) as runtime:

        def inner(code):
            return runtime.execute(code).unwrap()

        assert runtime.execute("inner('20 + 1') * 2", tools={"inner": inner}).value == 42


def test_a_loop_that_an_async_tool_blocks_is_reported_by_the_stop():
    entered, release = threading.Event(), threading.Event()

    async def block():
        entered.set()
        release.wait(3 * CEILING_S)

    runtime = runtime_of(spares=0)
    result = runtime.execute("block()", tools={"block": block}, limits=Limits(time_s=0.3))
    report = runtime.stop()
    release.set()

    assert entered.is_set()
    assert result.limit == "time"
    assert [record.id for record in report.abandoned] == ["async tools of runtime"]


def test_tools_left_behind_by_many_executions_do_not_grow_without_bound(stuck, monkeypatch):
    monkeypatch.setattr("dspex_actors.executors._tools.MOST_ABANDONED", 3)
    limits = Limits(time_s=0.3)
    with runtime_of(spares=2) as runtime:
        results = [runtime.execute("stuck()", tools={"stuck": stuck}, limits=limits) for _ in range(5)]
        left = abandoned(runtime.executor.system)
        stuck.release.set()
        wait_forgotten(runtime.executor.system)

    assert [result.limit for result in results[:3]] == ["time"] * 3
    assert [result.error.type for result in results[3:]] == ["ToolError"] * 2
    assert left == ["tool stuck"] * 3
