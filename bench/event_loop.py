"""The lateness of an event loop while a hundred programs run.

How late a ticker of 10 ms fires: in an idle loop, under 100 `aexecute`, and under 100 calls that
`run_in_executor` hands to a ProcessPoolExecutor.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

TICK_S = 0.010
PROGRAMS = 100
CODE = "sum(range(100_000))"
IDLE_S = 1.0


async def _lateness(work: Awaitable[object]) -> list[float]:
    """Return by how many milliseconds each tick was late while some work was under way."""
    task = asyncio.ensure_future(work)
    late = []
    while not task.done():
        begun = time.perf_counter()
        await asyncio.sleep(TICK_S)
        late.append((time.perf_counter() - begun - TICK_S) * 1e3)
    await task
    return late


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], list[float]]]]:
    """Run a runtime inside the loop."""
    from dspex_actors import Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    with Runtime() as runtime:

        async def work() -> None:
            results = await asyncio.gather(*(runtime.aexecute(CODE) for _ in range(PROGRAMS)))
            assert all(result.value == 4999950000 for result in results)  # noqa: S101 -- a bench of wrong answers is none

        yield {"late ticks": lambda: asyncio.run(_lateness(work()))}


@contextmanager
def process_pool() -> Iterator[dict[str, Callable[[], list[float]]]]:
    """Use the standard library's pool: warm workers, no sandbox."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 -- as above

    with ProcessPoolExecutor(2) as pool:

        async def work() -> None:
            loop = asyncio.get_running_loop()
            await asyncio.gather(*(loop.run_in_executor(pool, eval, CODE) for _ in range(PROGRAMS)))

        yield {"late ticks": lambda: asyncio.run(_lateness(work()))}


@contextmanager
def idle() -> Iterator[dict[str, Callable[[], list[float]]]]:
    """Run a loop with nothing else to do."""
    yield {"late ticks": lambda: asyncio.run(_lateness(asyncio.sleep(IDLE_S)))}


QUESTION = Question(
    name="event_loop",
    script=__file__,
    competitors={OURS: ours, "run_in_executor(ProcessPool)": process_pool, "floor: idle loop": idle},
    cases=(Case(name="late ticks", turns=3, runs=2, quick=(2, 1)),),
)

if __name__ == "__main__":
    QUESTION.main()
