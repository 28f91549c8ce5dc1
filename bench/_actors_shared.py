"""What the competitors of supervisors.py have in common: how often, how long, and how heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from _measure import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Cases = Mapping[str, Callable[[], Any]]

HERE = Path(__file__).resolve().parent
PYKKA, ASYNCIO, ERLANG = "pykka", "asyncio task + queue", "Erlang/OTP"
CALLS, CASTS, STARTS, CRASHES = 500, 10_000, 50, 20
MANY = "BENCH_MANY"  # set in the environment by --many
PLENTY = 10**9  # restarts that are never reached
SETTLE_S = 0.3  # seconds until new threads are idle; arbitrary


def us(begun: int) -> float:
    return (perf_counter_ns() - begun) / 1e3


def each(times: int, action: Callable[[], object]) -> list[float]:
    """Return the microseconds of each of so many runs."""
    figures = []
    for _ in range(times):
        begun = perf_counter_ns()
        action()
        figures.append(us(begun))
    return figures


def rate(begun: int) -> float:
    return CASTS / (perf_counter_ns() - begun) * 1e9


def import_ms(statement: str) -> float:
    """Run an import in a new interpreter; what is not asked for is not loaded by some."""
    program = f"import time; t = time.perf_counter(); {statement}; print((time.perf_counter() - t) * 1e3)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=HERE.parent, env=environment()
    )
    return float(done.stdout)


def herds(kind: str) -> Cases:
    """Start many actors in a process of their own, and say what they cost."""

    def herd(number: int, figure: str) -> float:
        command = [sys.executable, str(HERE / "supervisors.py"), "--herd", kind, str(number)]
        done = subprocess.run(command, capture_output=True, check=True, env=environment())
        return float(json.loads(done.stdout)[figure])

    return {
        f"{number} actors: {figure}": lambda number=number, figure=figure: herd(number, figure)
        for number in (1000, 10_000)
        for figure in ("KiB each", "start, ms", "stop, ms")
        if number == 1000 or MANY in os.environ
    }


def starts_of(supervised: list[float] | None, free: list[float]) -> list[dict[str, float]]:
    rows = [{"alone": figure} for figure in free]
    return rows + [{"under a supervisor": figure} for figure in supervised or ()]


def pss_kib() -> float:
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return next(float(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
