"""The event loop for async tools: started when needed, closed in time, reported when it stays."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dspex_actors import RuntimeClosedError
from dspex_actors.executors import ToolLoop
from supervisors import System

CEILING_S = 5.0


@pytest.fixture
def system():
    system = System(kill_grace_s=0.05)
    yield system
    system.close()


def run(loop, coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, loop.get())


def test_a_loop_that_nobody_asked_for_has_no_thread_and_closes_at_once():
    before = threading.active_count()
    loop = ToolLoop()

    assert threading.active_count() == before
    assert loop.close(0)
    with pytest.raises(RuntimeClosedError):
        loop.get()


def test_threads_that_ask_at_the_same_time_get_the_same_running_loop():
    loop, found = ToolLoop(), []
    threads = [threading.Thread(target=lambda: found.append(loop.get())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CEILING_S)

    assert len({id(each) for each in found}) == 1
    assert found[0].is_running()
    assert loop.close(CEILING_S)
    assert found[0].is_closed()


def test_a_close_cancels_what_runs_and_a_second_one_is_quiet():
    loop = ToolLoop()
    future = run(loop, asyncio.Event().wait())

    assert loop.close(CEILING_S)
    assert loop.close(0)
    assert future.cancelled()


def test_a_loop_may_be_closed_by_what_runs_in_it():
    loop = ToolLoop()

    async def close():
        return loop.close(CEILING_S)

    assert run(loop, close()).result(CEILING_S) is False
    assert loop.close(CEILING_S)


def test_a_loop_that_a_tool_blocks_is_abandoned_until_it_ends(system):
    loop = ToolLoop()
    entered, release = threading.Event(), threading.Event()

    async def block():
        entered.set()
        release.wait(CEILING_S)

    run(loop, block())
    assert entered.wait(CEILING_S)
    loop.close_in(system, "py")
    (record,) = system.abandoned.records()
    release.set()
    loop._thread.join(CEILING_S)

    assert (record.id, record.thread) == ("async tools of py", "dspex-tool-loop")
    assert record.where.startswith(f"{__file__}:")
    assert system.abandoned.records() == ()


def test_a_loop_that_ends_in_time_is_not_abandoned(system):
    system.kill_grace_s = CEILING_S
    loop = ToolLoop()
    run(loop, asyncio.Event().wait())
    loop.close_in(system, "py")

    assert system.abandoned.records() == ()
