"""Calls from asyncio: the loop goes on, and giving up reaches the actor."""

from __future__ import annotations

import asyncio
import threading

import pytest

from supervisors import NO_REPLY, SHUTDOWN, ActorExitedError, CallFuture, CallTimeoutError
from supervisors._future import _wake
from supervisors.testing import CEILING_S, Journal, Misbehaving

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def server():
    with Misbehaving.start() as address:
        yield address


async def one_tick():
    """Let the loop run everything that is ready once."""
    loop = asyncio.get_running_loop()
    ticked = loop.create_future()
    loop.call_soon(ticked.set_result, None)
    await ticked


def test_an_awaited_call_returns_the_reply(server):
    assert asyncio.run(server.acall("hello")) == "hello"
    assert asyncio.run(server.acall("hello", timeout=None)) == "hello"


def test_an_awaited_call_raises_what_the_handler_raises(server):
    with pytest.raises(ValueError, match="x"):
        asyncio.run(server.acall(("raise", ValueError("x"))))


def test_the_loop_ticks_on_while_a_call_is_awaited(server):
    """The handler is only released by the fiftieth tick, so a blocked loop would never finish."""
    entered, release = threading.Event(), threading.Event()

    async def tick():
        for _ in range(50):
            await one_tick()
        release.set()

    async def both():
        return await asyncio.gather(server.acall(("block", entered, release)), tick())

    assert asyncio.run(both()) == ["released", None]


def test_a_hundred_calls_can_be_awaited_at_once(server):
    async def many():
        return await asyncio.gather(*(server.acall(number) for number in range(100)))

    assert asyncio.run(many()) == list(range(100))


def test_an_awaited_call_times_out_and_is_abandoned(server):
    abandoned = Journal()

    def hold(_, sender):
        sender.on_abandoned(lambda: abandoned.add("abandoned"))
        return NO_REPLY

    with pytest.raises(CallTimeoutError):
        asyncio.run(server.acall(("do", hold), timeout=0.01))

    abandoned.wait_for("abandoned")


def test_cancelling_the_task_abandons_the_call_in_the_loops_thread(server):
    abandoned = Journal()

    def hold(_, sender):
        sender.on_abandoned(lambda: abandoned.add(threading.current_thread()))
        return NO_REPLY

    async def cancel():
        task = asyncio.create_task(server.acall(("do", hold)))
        await one_tick()  # the task has sent its call
        await server.acall("handled after the hold")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())

    assert abandoned.entries() == [threading.current_thread()]


def test_the_timeout_of_asyncio_abandons_the_call_too(server):
    async def limited():
        async with asyncio.timeout(0.01):
            await server.acall(("hold",), timeout=None)

    with pytest.raises(TimeoutError):
        asyncio.run(limited())
    server.call("the hold was handled")

    assert server.pid.held == {}


def test_the_end_of_the_actor_reaches_an_awaiting_task(server):
    async def outlive():
        task = asyncio.create_task(server.acall(("hold",)))
        await one_tick()
        await server.acall("handled")
        server.pid.request_stop(SHUTDOWN)
        with pytest.raises(ActorExitedError):
            await task

    asyncio.run(outlive())


def test_a_call_to_a_dead_actor_fails_at_once(server):
    server.stop()

    with pytest.raises(ActorExitedError):
        asyncio.run(server.acall("x"))


def test_a_future_can_be_awaited_by_several_tasks():
    future = CallFuture()

    async def wait():
        return await future

    async def several():
        tasks = [asyncio.create_task(wait()) for _ in range(3)]
        await one_tick()
        threading.Thread(target=future.reply, args=(7,)).start()
        return await asyncio.gather(*tasks)

    assert asyncio.run(several()) == [7, 7, 7]


def test_a_reply_after_the_loop_has_closed_is_dropped_quietly():
    future = CallFuture()

    async def start_waiting():
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        future.add_done_callback(lambda _: _wake(loop, waiter))

    asyncio.run(start_waiting())

    assert future.reply(1)


def test_a_hooked_future_refuses_to_block_the_loop():
    future = CallFuture()
    future.set_get_hook(lambda _: 1)

    async def wait():
        await future

    with pytest.raises(TypeError, match="get hook"):
        asyncio.run(wait())


def test_an_awaited_future_that_is_done_returns_without_waiting():
    future = CallFuture()
    future.reply(1)

    async def wait():
        return await asyncio.wait_for(future, CEILING_S)

    assert asyncio.run(wait()) == 1
