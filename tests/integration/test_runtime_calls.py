"""Ending calls from outside, one-liners, and two runtimes side by side."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os

import pytest

from dspex_actors import (
    Completed,
    Limits,
    Policy,
    WorkerDied,
    run,
)
from tests.integration._tools import (
    CEILING_S,
    Events,
    Gated,
    pid_in,
    runtime_of,
    wait_end,
    wait_stats,
)


def test_a_cancelled_future_kills_its_guest():
    with runtime_of() as runtime:
        gated = Gated(runtime)
        pidfd = gated.pidfd()
        assert gated.future.cancel()
        ended = wait_end(pidfd)
        os.close(pidfd)

        assert ended
        assert gated.future.cancelled()
        assert runtime.execute("1").value == 1


def test_a_cancelled_future_counts_as_done_for_whoever_waits():
    with runtime_of() as runtime:
        gated = Gated(runtime)
        gated.future.cancel()
        done, pending = concurrent.futures.wait([gated.future], CEILING_S)

        assert (done, pending) == ({gated.future}, set())


def test_a_cancelled_task_kills_its_guest():
    async def main(runtime):
        running = asyncio.Event()
        loop = asyncio.get_running_loop()
        folders = []

        def on_output(_, text):
            folders.append(text.strip())
            loop.call_soon_threadsafe(running.set)

        code = "import os, threading\nprint(os.getcwd())\nthreading.Event().wait()"
        task = asyncio.create_task(runtime.aexecute(code, on_output=on_output, limits=Limits(time_s=60)))
        await asyncio.wait_for(running.wait(), CEILING_S)
        pidfd = os.pidfd_open(pid_in(runtime, folders[0]))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ended = wait_end(pidfd)
        os.close(pidfd)
        return ended

    with runtime_of() as runtime:
        assert asyncio.run(main(runtime))


def test_a_request_cancelled_in_the_queue_never_runs():
    with runtime_of(spares=0, max_workers=1) as runtime:
        events = Events(runtime.telemetry, "execution.finished")
        gated = Gated(runtime, tag="first")
        queued = [runtime.submit("1", tag=f"queued {n}") for n in range(3)]
        wait_stats(runtime, lambda stats: stats.queued == 3)
        queued[1].cancel()
        wait_stats(runtime, lambda stats: stats.queued == 2)
        Gated.open()
        events.wait("execution.finished", 3)

        assert gated.future.result(CEILING_S).value == "passed"
        assert [future.result(CEILING_S).value for future in (queued[0], queued[2])] == [1, 1]
    assert [facts["tag"] for _, facts in events.named("execution.finished")] == [
        "first",
        "queued 0",
        "queued 2",
    ]


def test_cancelling_after_the_end_changes_nothing():
    with runtime_of() as runtime:
        future = runtime.submit("5")
        future.result(CEILING_S)

        assert not future.cancel()
        assert future.result().value == 5


def test_the_one_liner_starts_runs_and_cleans_up():
    assert run("1 + 1").unwrap() == 2
    assert isinstance(run("import os; os._exit(4)"), WorkerDied)
    assert run("open('/etc/passwd').read(1)", policy=Policy(profile="trusted")).value == "r"


def test_two_runtimes_do_not_meet():
    with runtime_of(spares=1) as one:
        events = Events(one.telemetry)
        with runtime_of(spares=1) as other:
            assert other.execute("1").value == 1
        before = events.named("execution.finished")

        assert before == []
        assert isinstance(one.execute("1"), Completed)
        assert len(events.named("execution.finished")) == 1
