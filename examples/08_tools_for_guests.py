"""Guests that call functions of this program: sync and async ones, one that fails, and a budget of calls."""

from __future__ import annotations

import asyncio

import dspex_actors as dspex
from dspex_actors import LimitExceeded, Limits

# expect: stopped: the guest exceeded its tool_calls limit of 20 calls

STOCK = {"apple": 3, "pear": 0}

# What a language model might write, told of the two functions.
PROGRAM = """
report = {}
for name in ("apple", "pear", "plum"):
    try:
        count = stock(name)
        report[name] = order(name, count=10) if count < 2 else f"{count} left"
    except ToolError as error:
        report[name] = f"{error.tool} failed: {error.error_type}"
report
"""
GREEDY = "while True: stock('apple')"


def stock(name: str) -> int:
    """Look a number up; raises KeyError, which the guest sees as a ToolError."""
    return STOCK[name]


async def order(name: str, *, count: int) -> str:
    """Wait for another service, in the event loop of whoever awaits the execution."""
    await asyncio.sleep(0.01)
    if not 0 < count <= 100:  # the arguments are a guest's: check them
        raise ValueError("count must be within 1 and 100")
    STOCK[name] += count
    return f"{count} ordered"


async def main() -> None:
    """Run two programs with the same tools."""
    async with dspex.Runtime() as rt:
        tools = {"stock": stock, "order": order}
        result = await rt.aexecute(PROGRAM, tools=tools)
        for name, line in result.unwrap().items():
            print(f"{name:6} {line}")
        print(f"{result.usage.tool_calls} calls; in this process there are now {STOCK['pear']} pears")

        greedy = await rt.aexecute(GREEDY, tools=tools, limits=Limits(tool_calls=20))
        if isinstance(greedy, LimitExceeded):
            print("stopped:", greedy)


asyncio.run(main())
