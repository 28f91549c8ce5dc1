"""The price of one call that guest code makes to a function of the host.

A run is one program of many calls; the figure is its time by their number, so little of a sandbox's start is
in it. The floor has no sandbox: a child that asks by pickle over a pipe, answered by the thread that reads.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    Run = Callable[[], float]

CALLS = 1000
SMALL = f"for n in range({CALLS}):\n    tool(n)\n'done'"
TEXT = f"text = 'x' * 10_000\nfor n in range({CALLS}):\n    tool(text)\n'done'"


def same(value: object) -> object:
    """Be the tool."""
    return value


async def same_later(value: object) -> object:
    """Be the async tool."""
    return value


def per_call(program: Callable[[], object]) -> Run:
    """Return what runs a program and gives the microseconds of one of its calls."""

    def run() -> float:
        begun = time.perf_counter()
        assert program() == "done"  # noqa: S101 -- a bench of wrong answers is none
        return (time.perf_counter() - begun) / CALLS * 1e6

    return run


@contextmanager
def ours() -> Iterator[dict[str, Run]]:
    """Use a runtime: a fresh sandbox for each program."""
    from dspex_actors import Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    tools, later = {"tool": same}, {"tool": same_later}
    with Runtime(limits=Limits(time_s=30)) as runtime:
        yield {
            "call": per_call(lambda: runtime.execute(SMALL, tools=tools).value),
            "10 kB in and out": per_call(lambda: runtime.execute(TEXT, tools=tools).value),
            "async, aexecute": per_call(lambda: asyncio.run(runtime.aexecute(SMALL, tools=later)).value),
        }


@contextmanager
def monty() -> Iterator[dict[str, Run]]:
    """Use a session of pydantic-monty, and an asyncio one for the async tool."""
    from pydantic_monty import AsyncMonty, Monty  # noqa: PLC0415 -- as above

    tools, later = {"tool": same}, {"tool": same_later}
    limits = {"max_suspensions": 10**9}  # a session allows a thousand calls by default
    awaited = SMALL.replace("tool(n)", "await tool(n)")

    async def with_loop() -> object:
        async with AsyncMonty() as pool, pool.checkout(limits=limits) as session:
            return await session.feed_run(awaited, external_lookup=later)

    with Monty() as pool, pool.checkout(limits=limits) as session:
        yield {
            "call": per_call(lambda: session.feed_run(SMALL, external_lookup=tools)),
            "10 kB in and out": per_call(lambda: session.feed_run(TEXT, external_lookup=tools)),
            "async, aexecute": per_call(lambda: asyncio.run(with_loop())),
        }


def _ask(pipe: Connection) -> None:
    """Be the child: run programs that ask the parent."""

    def tool(value: object) -> object:
        pipe.send((value,))
        return pipe.recv()

    while source := pipe.recv():
        exec(source, {"tool": tool})  # noqa: S102 -- what a program is
        pipe.send("done")


@contextmanager
def pipe() -> Iterator[dict[str, Run]]:
    """Answer a child over a pipe, by pickle."""
    host, child = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_ask, args=(child,))
    process.start()

    def program(source: str) -> object:
        host.send(source)
        while isinstance(asked := host.recv(), tuple):
            host.send(same(*asked))
        return asked

    yield {"call": per_call(lambda: program(SMALL)), "10 kB in and out": per_call(lambda: program(TEXT))}
    host.send("")
    process.join()


QUESTION = Question(
    name="tools",
    script=__file__,
    competitors={OURS: ours, "pydantic-monty": monty, "floor: pickle over a pipe": pipe},
    cases=tuple(
        Case(name=name, unit="us", target=target, turns=5, runs=4, quick=(2, 2))
        for name, target in (("call", 100.0), ("10 kB in and out", None), ("async, aexecute", None))
    ),
)

if __name__ == "__main__":
    QUESTION.main()
