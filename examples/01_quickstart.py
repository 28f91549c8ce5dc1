"""Run guest code and tell its four endings apart: none raises here, and the next request is served."""

from __future__ import annotations

import dspex_actors as dspex
from dspex_actors import Completed, Failed, LimitExceeded, Limits, WorkerDied

# expect: still serving: 42

SNIPPETS = [
    "sum(numbers)",
    "numbers[9]",
    "while True: pass",
    "import os; os._exit(7)",
]


def describe(result: dspex.ExecutionResult) -> str:
    """Say in a line how an execution ended."""
    match result:
        case Completed(value=value):
            return f"completed: {value}"
        case Failed(error=error):
            return f"failed: {error.type}: {error.message}"
        case LimitExceeded(limit=limit, allowed=allowed):
            return f"stopped: {limit} limit of {allowed} s"
        case WorkerDied(exit_code=exit_code, signal=signal):
            return f"ended its own process: exit code {exit_code}, signal {signal}"


with dspex.Runtime() as rt:
    for code in SNIPPETS:
        result = rt.execute(code, variables={"numbers": [1, 2, 3]}, limits=Limits(time_s=0.5))
        print(f"{code:25} {describe(result)}")
    print("still serving:", rt.execute("6 * 7").unwrap())
