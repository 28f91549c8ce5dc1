"""Actors made of an asyncio task and a queue, as a competitor of supervisors.py."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from _actors_shared import (
    CALLS,
    CASTS,
    CRASHES,
    MANY,
    STARTS,
    import_ms,
    pss_kib,
    rate,
    starts_of,
    us,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _actors_shared import Cases


async def _serve(queue: asyncio.Queue[Any]) -> None:
    while True:
        message, reply = await queue.get()
        if message is not None:
            message()
        if reply is not None:
            reply.set_result(message)


def _start() -> tuple[asyncio.Queue[Any], asyncio.Task[None]]:
    queue: asyncio.Queue[Any] = asyncio.Queue()
    return queue, asyncio.get_running_loop().create_task(_serve(queue))


async def _call(queue: asyncio.Queue[Any], message: Callable[[], object] | None = None) -> None:
    reply = asyncio.get_running_loop().create_future()
    queue.put_nowait((message, reply))
    await reply


async def _calls() -> list[float]:
    queue, task = _start()
    figures = []
    for _ in range(CALLS):
        begun = perf_counter_ns()
        await _call(queue)
        figures.append(us(begun))
    task.cancel()
    return figures


async def _casts() -> float:
    queue, task = _start()
    begun = perf_counter_ns()
    for _ in range(CASTS):
        queue.put_nowait((None, None))
    await _call(queue)
    task.cancel()
    return rate(begun)


async def _starts() -> list[dict[str, float]]:
    figures = []
    for _ in range(STARTS):
        begun = perf_counter_ns()
        queue, task = _start()
        await _call(queue)
        figures.append(us(begun))
        task.cancel()
    return starts_of(None, figures)


def _fail() -> None:
    raise RuntimeError


async def _crashes() -> list[float]:
    figures = []
    queue, task = _start()
    for _ in range(CRASHES):
        begun = perf_counter_ns()
        queue.put_nowait((_fail, None))
        await asyncio.wait([task])
        task.exception()
        queue, task = _start()
        await _call(queue)
        figures.append(us(begun))
    task.cancel()
    return figures


async def _herd(number: int, figure: str) -> float:
    before, begun = pss_kib(), perf_counter_ns()
    actors = [_start() for _ in range(number)]
    await _call(actors[-1][0])
    took, weight = us(begun) / 1e3, (pss_kib() - before) / number
    begun = perf_counter_ns()
    for _, task in actors:
        task.cancel()
    await asyncio.wait([task for _, task in actors])
    return {"KiB each": weight, "start, ms": took, "stop, ms": us(begun) / 1e3}[figure]


@contextmanager
def asyncio_actors() -> Iterator[Cases]:
    """Run tasks that each serve a queue, in one loop."""
    yield {
        "call": lambda: asyncio.run(_calls()),
        "casts a second": lambda: asyncio.run(_casts()),
        "start": lambda: asyncio.run(_starts()),
        "crash to replacement": lambda: asyncio.run(_crashes()),
        "import": lambda: import_ms("import asyncio"),
        **{
            f"{number} actors: {figure}": lambda number=number, figure=figure: asyncio.run(
                _herd(number, figure)
            )
            for number in (1000, 10_000)
            for figure in ("KiB each", "start, ms", "stop, ms")
            if number == 1000 or MANY in os.environ
        },
    }
