"""The weight of an idle sandbox.

Proportional set size (PSS): private pages, and of each shared page the part that falls on one process. Eight
workers of each, all used once where the library keeps them.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

WORKERS = 8
SETTLE_S = 0.5  # seconds until the workers are idle; arbitrary


def pss_mib(pid: int | str = "self") -> float:
    """Return the proportional set size of a process."""
    with open(f"/proc/{pid}/smaps_rollup") as rollup:  # noqa: PTH123 -- one line of a pseudo file
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024


def _mean(pids: Iterable[int]) -> float:
    weights = [pss_mib(pid) for pid in pids]
    return sum(weights) / len(weights)


def _identify(pause_s: float) -> int:
    time.sleep(pause_s)
    return os.getpid()


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], object]]]:
    """Weigh a runtime with eight spares, and the part of the host that each one costs."""
    from dspex_actors import ExecutorConfig, Runtime, RuntimeConfig  # noqa: PLC0415 -- each competitor loads its own library only
    from dspex_actors.executors import GetProcesses  # noqa: PLC0415 -- as above

    def weigh(spares: int) -> tuple[float, float, float]:
        config = RuntimeConfig(executor=ExecutorConfig(spares=spares, max_workers=max(8, spares)))
        with Runtime(config) as runtime:
            runtime.execute("1 + 1").unwrap()
            time.sleep(SETTLE_S)
            found = runtime.executor.call(GetProcesses())
            for descriptor in found:
                os.close(descriptor)
            zygote, *workers = found.values()
            return pss_mib(), pss_mib(zygote), _mean(workers)

    def run() -> dict[str, float]:
        few, _, _ = weigh(1)
        host, zygote, worker = weigh(WORKERS)
        return {"worker": worker, "zygote": zygote, "host for each spare": (host - few) / (WORKERS - 1)}

    yield {"idle": run}


@contextmanager
def monty() -> Iterator[dict[str, Callable[[], object]]]:
    """pydantic-monty's worker processes, with a session each."""
    from contextlib import ExitStack  # noqa: PLC0415 -- as above

    from pydantic_monty import Monty  # noqa: PLC0415 -- as above

    def run() -> dict[str, float]:
        with Monty(min_processes=WORKERS, max_processes=WORKERS) as pool, ExitStack() as stack:
            sessions = [stack.enter_context(pool.checkout()) for _ in range(WORKERS)]
            for session in sessions:
                session.feed_run("1 + 1")
            time.sleep(SETTLE_S)
            return {"worker": _mean(session.worker_pid for session in sessions)}

    yield {"idle": run}


@contextmanager
def process_pool() -> Iterator[dict[str, Callable[[], object]]]:
    """Weigh the workers of the standard library's pool."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 -- as above

    def run() -> dict[str, float]:
        with ProcessPoolExecutor(WORKERS) as pool:
            pids = set(pool.map(_identify, [0.05] * WORKERS))
            time.sleep(SETTLE_S)
            return {"worker": _mean(pids)}

    yield {"idle": run}


@contextmanager
def pebble() -> Iterator[dict[str, Callable[[], object]]]:
    """Weigh the workers of a pebble pool."""
    from pebble import ProcessPool  # noqa: PLC0415 -- as above

    def run() -> dict[str, float]:
        with ProcessPool(max_workers=WORKERS) as pool:
            pids = {future.result() for future in [pool.schedule(_identify, [0.05]) for _ in range(WORKERS)]}
            time.sleep(SETTLE_S)
            weight = _mean(pids)
            pool.stop()
        return {"worker": weight}

    yield {"idle": run}


QUESTION = Question(
    name="memory",
    script=__file__,
    competitors={OURS: ours, "pydantic-monty": monty, "ProcessPoolExecutor": process_pool, "pebble": pebble},
    cases=(Case(name="idle", unit="MiB", targets={"worker": 6.0}, turns=1, runs=2, quick=(1, 1)),),
)

if __name__ == "__main__":
    QUESTION.main()
