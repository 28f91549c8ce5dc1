"""An event loop goes on while a hundred executions are under way."""

from __future__ import annotations

import asyncio
import itertools

from dspex_actors import Limits
from tests.integration._tools import runtime_of

EXECUTIONS = 100
TICK_S = 0.01


async def journal_of(runtime) -> list[str]:
    """Run a hundred executions beside a ticker; return what happened, in order."""
    journal = []

    async def execute(number):
        journal.append("submitted")
        result = await runtime.aexecute(f"sum(range(20000)) * 0 + {number}")
        journal.append("completed")
        return result.value

    async def tick():
        clock = asyncio.Event()
        while True:
            try:
                await asyncio.wait_for(clock.wait(), TICK_S)
            except TimeoutError:
                journal.append("tick")

    ticker = asyncio.create_task(tick())
    values = await asyncio.gather(*(execute(number) for number in range(EXECUTIONS)))
    ticker.cancel()
    await asyncio.gather(ticker, return_exceptions=True)
    assert values == list(range(EXECUTIONS))
    return journal


def test_the_loop_ticks_between_submissions_and_completions():
    with runtime_of() as runtime:
        journal = asyncio.run(journal_of(runtime))

    assert journal[:EXECUTIONS] == ["submitted"] * EXECUTIONS  # none waited for another
    last = len(journal) - 1 - journal[::-1].index("completed")
    ticks = [at for at, entry in enumerate(journal) if entry == "tick" and at < last]
    assert len(ticks) >= 5
    longest = max(len(list(run)) for entry, run in itertools.groupby(journal) if entry == "completed")
    assert longest < EXECUTIONS


def test_a_blocked_guest_does_not_block_the_loop():
    async def main(runtime):
        journal = []

        async def stuck():
            result = await runtime.aexecute("while True: pass")
            journal.append(result.limit)

        task = asyncio.create_task(stuck())
        for number in range(5):
            journal += [(await runtime.aexecute(str(number))).value]
        await task
        return journal

    with runtime_of(limits=Limits(time_s=2)) as runtime:
        assert asyncio.run(main(runtime)) == [0, 1, 2, 3, 4, "time"]
