"""The time of a call in a sandbox that is up and was used before.

Ours twice: the worker alone, called by the thread that measures, and through an actor that owns it. Both find
code that they have compiled before, so code that nobody has seen is a case of its own. The floor is a byte
sent to another process and back.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from _eryx import VALUE, value_of, where_installed
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODE = "1 + 1"


def _evaluate(code: str) -> object:
    return eval(code)  # noqa: S307 -- what a pool's user would send


def _cases(run: Callable[[str], object]) -> dict[str, Callable[[], None]]:
    """Return the cases of one who runs code and gives its value."""
    numbers = count()

    def call() -> None:
        assert run(CODE) == 2  # noqa: S101 -- a bench of wrong answers is none

    def call_new_code() -> None:
        number = next(numbers)
        assert run(f"1 + {number}") == number + 1  # noqa: S101 -- as above

    return {"call": call, "call, new code": call_new_code, "call every 5 ms": call}


@contextmanager
def through_actor() -> Iterator[dict[str, Callable[[], None]]]:
    """Our worker behind an actor: what a session costs."""
    from _ours import Keeper, bare_zygote  # noqa: PLC0415 -- each competitor loads its own library only

    with bare_zygote() as zygote, Keeper.start(zygote) as keeper:
        yield _cases(lambda code: keeper.call(code).value)


@contextmanager
def worker_alone() -> Iterator[dict[str, Callable[[], None]]]:
    """Our worker, called directly."""
    from _ours import LIMITS, START_S, bare_zygote, new_system  # noqa: PLC0415 -- as above

    timers = new_system().timers
    with bare_zygote() as zygote:
        worker = zygote.spawn()
        worker.wait_ready(START_S, timers)
        yield _cases(lambda code: worker.execute(code, None, LIMITS, timers, keep=True).value)
        worker.close()


@contextmanager
def monty() -> Iterator[dict[str, Callable[[], None]]]:
    """Use a session of pydantic-monty."""
    from pydantic_monty import Monty  # noqa: PLC0415 -- as above

    with Monty() as pool, pool.checkout() as session:
        yield _cases(session.feed_run)


@contextmanager
def process_pool() -> Iterator[dict[str, Callable[[], None]]]:
    """Use the standard library's pool."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 -- as above

    with ProcessPoolExecutor(1) as pool:
        yield _cases(lambda code: pool.submit(_evaluate, code).result())


@contextmanager
def pebble() -> Iterator[dict[str, Callable[[], None]]]:
    """Use a pebble pool, with a timeout as its users would set it."""
    from pebble import ProcessPool  # noqa: PLC0415 -- as above

    with ProcessPool(max_workers=1) as pool:
        yield _cases(lambda code: pool.schedule(_evaluate, args=[code], timeout=5).result())
        pool.stop()


@contextmanager
def eryx() -> Iterator[dict[str, Callable[[], None]]]:
    """Use a session of eryx."""
    from eryx import Session  # noqa: PLC0415 -- as above

    session = Session(result_variable=VALUE)
    yield _cases(lambda code: value_of(session, code))


@contextmanager
def floor() -> Iterator[dict[str, Callable[[], None]]]:
    """One byte to a forked child and back."""
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        while data := theirs.recv(1):
            theirs.sendall(data)
        os._exit(0)
    theirs.close()

    def call() -> None:
        ours.sendall(b"x")
        ours.recv(1)

    yield {"call": call, "call every 5 ms": call}
    ours.close()


QUESTION = Question(
    name="warm_call",
    script=__file__,
    competitors={
        OURS: through_actor,
        "worker without actor": worker_alone,
        "pydantic-monty": monty,
        **where_installed(eryx),
        "ProcessPoolExecutor": process_pool,
        "pebble": pebble,
        "floor: echo": floor,
    },
    cases=(
        Case(name="call", target=0.10, turns=8, runs=250, quick=(3, 100)),
        Case(name="call, new code", turns=8, runs=250, quick=(3, 100)),
        Case(name="call every 5 ms", turns=3, runs=30, pause_s=0.005, quick=(2, 10)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
