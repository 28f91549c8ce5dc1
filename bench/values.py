"""The price of large values, handed in and got back.

Ours in a fresh sandbox each, with a spare ready; the peers in a warm worker.
"""

from __future__ import annotations

import os
import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from _eryx import VALUE, value_of, where_installed
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[], None]

FLOATS = 125_000
BYTES = 10 * 2**20


def _floats() -> list[float]:
    generator = random.Random(7)  # noqa: S311 -- test data
    return [generator.random() for _ in range(FLOATS)]


def _array() -> Any:  # noqa: ANN401 -- numpy is loaded only where it is measured
    import numpy as np  # noqa: PLC0415 -- as above

    return np.arange(BYTES // 8, dtype=np.float64)


def _checked(give: Callable[[str, Any], Any]) -> dict[str, Run]:
    """Return the cases; `give(code, x)` evaluates code with `x` bound."""
    floats, block = _floats(), os.urandom(BYTES)

    def in_and_out() -> None:
        assert len(give("x", floats)) == FLOATS  # noqa: S101 -- a bench of wrong answers is none

    def bytes_in() -> None:
        assert give("len(x)", block) == BYTES  # noqa: S101 -- as above

    def bytes_in_and_out() -> None:
        assert give("x", block) == block  # noqa: S101 -- as above

    names = "125k floats in and out", "10 MiB bytes in", "10 MiB bytes in and out"
    return dict(zip(names, (in_and_out, bytes_in, bytes_in_and_out), strict=True))


def _with_array(cases: dict[str, Run], give: Callable[[str, Any], Any]) -> dict[str, Run]:
    array = _array()

    def array_in_and_out() -> None:
        assert give("x", array).nbytes == array.nbytes  # noqa: S101 -- as above

    return cases | {"10 MiB ndarray in and out": array_in_and_out}


@contextmanager
def ours() -> Iterator[dict[str, Run]]:
    """Use a runtime; the policy loads numpy before it forks, as one would who sends arrays."""
    from dspex_actors import Limits, Policy, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(result_bytes=None)
    with Runtime(policy=Policy(preload=("numpy",)), limits=limits) as runtime:

        def give(code: str, value: object) -> object:
            return runtime.execute(code, variables={"x": value}).unwrap()

        yield _with_array(_checked(give), give)


@contextmanager
def monty() -> Iterator[dict[str, Run]]:
    """Use a session of pydantic-monty, which has no arrays."""
    from pydantic_monty import Monty  # noqa: PLC0415 -- as above

    with Monty() as pool, pool.checkout() as session:
        yield _checked(lambda code, value: session.feed_run(code, inputs={"x": value}))


@contextmanager
def eryx() -> Iterator[dict[str, Run]]:
    """Use a session of eryx; a value goes in as text of the program, which a list of floats is good for."""
    from eryx import Session  # noqa: PLC0415 -- as above

    session, floats = Session(result_variable=VALUE), _floats()

    def in_and_out() -> None:
        assert len(value_of(session, f"x = {floats!r}\nx")) == FLOATS  # noqa: S101 -- as above

    yield {"125k floats in and out": in_and_out}


def _evaluate(code: str, value: object) -> object:
    return eval(code, {"x": value})  # noqa: S307 -- what a pool's user would send


@contextmanager
def process_pool() -> Iterator[dict[str, Run]]:
    """Use the standard library's pool, by pickle."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 -- as above

    with ProcessPoolExecutor(1) as pool:

        def give(code: str, value: object) -> object:
            return pool.submit(_evaluate, code, value).result()

        yield _with_array(_checked(give), give)


QUESTION = Question(
    name="values",
    script=__file__,
    competitors={
        OURS: ours,
        "pydantic-monty": monty,
        **where_installed(eryx),
        "ProcessPoolExecutor": process_pool,
    },
    cases=tuple(
        Case(name=name, target=target, turns=3, runs=5, pause_s=0.05, quick=(1, 3))
        for name, target in (
            ("125k floats in and out", 12.0),
            ("10 MiB bytes in", 5.0),
            ("10 MiB bytes in and out", None),
            ("10 MiB ndarray in and out", 15.0),
        )
    ),
)

if __name__ == "__main__":
    QUESTION.main()
