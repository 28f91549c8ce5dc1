"""What keeping state from call to call costs, and what keeping it through kills adds.

Every case is one of a session whose calls count `x` up, so an answer from the wrong state is found out. Where
a peer has no session that goes back, its part is what its users would do: pydantic-monty keeps the bytes of
`dump` after a call and loads them into another process, eryx takes those of `snapshot_state`. The floor has
no sandbox and no actor: a child forks after each reply, and the older of the two waits as the copy.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from _eryx import VALUE, value_of, where_installed
from _measure import Case, Question
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Run = Callable[[], object]

COUNT = "x += 1\nx"
LOOP = "while True: pass"
LIMIT_S = 0.1
HEAP = "heap = [str(n) for n in range(1_200_000)]\nx = 0"  # about 100 MB of small objects
BRANCHES = 10


def counting(run: Callable[[str], object]) -> Callable[[], None]:
    """Return what runs a call and checks that it found the state of the one before."""
    seen = int(str(run("x = 0\nx")))

    def call() -> None:
        nonlocal seen
        seen += 1
        assert run(COUNT) == seen  # noqa: S101 -- a bench of wrong answers is none

    return call


def killing(loop: Run, following: Run) -> Callable[[], dict[str, float]]:
    """Return what runs an endless loop and then a call in the state from before it.

    Args:
        loop: comes back after `LIMIT_S` seconds and some.
        following: the call.
    """

    def run() -> dict[str, float]:
        begun = time.perf_counter()
        loop()
        told = time.perf_counter()
        following()
        done = time.perf_counter()
        late, after = told - begun - LIMIT_S, done - told
        return {"limit to error": late * 1e3, "error to result": after * 1e3, "both": (late + after) * 1e3}

    return run


@contextmanager
def ours() -> Iterator[dict[str, Run]]:
    """Use sessions of a runtime."""
    from dspex_actors import LimitExceeded, Limits, Runtime  # noqa: PLC0415 -- each competitor loads its own library only

    limits = Limits(time_s=LIMIT_S)
    with Runtime(limits=Limits(time_s=30)) as runtime:
        bare, kept = runtime.session(checkpoint="never"), runtime.session()
        looped, trunk, large = runtime.session(), runtime.session(), runtime.session()
        large.execute(HEAP)

        def loop() -> None:
            assert isinstance(looped.execute(LOOP, limits=limits), LimitExceeded)  # noqa: S101 -- as above

        def branches() -> list[float]:
            took = []
            for _ in range(BRANCHES):
                begun = time.perf_counter()
                with trunk.fork() as branch:
                    assert branch.execute(COUNT).value == 1  # noqa: S101 -- as above
                took.append((time.perf_counter() - begun) * 1e3)
            return took

        trunk.execute("x = 0")
        with bare, kept, looped, trunk, large:
            call = counting(lambda code: kept.execute(code).value)
            yield {
                "call": counting(lambda code: bare.execute(code).value),
                "call, copied": call,
                "call, copied, every 5 ms": call,
                "call, copied, 100 MB": counting(lambda code: large.execute(code).value),
                "kill": killing(loop, counting(lambda code: looped.execute(code).value)),
                "branch": branches,
            }


@contextmanager
def monty() -> Iterator[dict[str, Run]]:
    """pydantic-monty: its own state, and the bytes of `dump`."""
    from pydantic_monty import Monty, MontyError  # noqa: PLC0415 -- as above

    with Monty(min_processes=4, max_processes=16) as pool:
        limits = {"max_feed_duration_secs": LIMIT_S}
        saved = b""

        def branches() -> list[float]:
            took = []
            for _ in range(BRANCHES):
                begun = time.perf_counter()
                state = trunk.dump()
                with pool.checkout() as branch:
                    branch.load_session(state)
                    assert branch.feed_run(COUNT) == 1  # noqa: S101 -- as above
                took.append((time.perf_counter() - begun) * 1e3)
            return took

        def loop() -> None:
            with suppress(MontyError), pool.checkout(limits=limits) as session:
                session.load_session(saved)
                session.feed_run(LOOP)

        def following() -> None:
            with pool.checkout() as session:
                session.load_session(saved)
                assert session.feed_run(COUNT) == 1  # noqa: S101 -- as above

        with pool.checkout() as bare, pool.checkout() as kept, pool.checkout() as trunk:

            def run_and_dump(code: str) -> object:
                value = kept.feed_run(code)
                kept.dump()
                return value

            trunk.feed_run("x = 0")
            saved = trunk.dump()
            copied = counting(run_and_dump)
            yield {
                "call": counting(bare.feed_run),
                "call, copied": copied,
                "call, copied, every 5 ms": copied,
                "kill": killing(loop, following),
                "branch": branches,
            }


@contextmanager
def eryx() -> Iterator[dict[str, Run]]:
    """eryx: its own state, and the bytes of `snapshot_state`."""
    from eryx import Session  # noqa: PLC0415 -- as above

    bare, kept = Session(result_variable=VALUE), Session(result_variable=VALUE)

    def run_and_snapshot(code: str) -> object:
        value = value_of(kept, code)
        kept.snapshot_state()
        return value

    copied = counting(run_and_snapshot)
    call = counting(lambda code: value_of(bare, code))
    yield {"call": call, "call, copied": copied, "call, copied, every 5 ms": copied}


def _serve(asked: socket.socket, woken: int) -> None:
    """Be the child: answer; after each reply go on in a fork, which ends when its successor is there.

    Args:
        asked: socket to the host.
        woken: becomes readable when the copy is to go on.
    """
    space: dict[str, object] = {}
    while code := asked.recv(65536):
        *statements, last = code.decode().split("\n")
        exec("\n".join(statements), space)  # noqa: S102 -- what a session does
        value = eval(last, space)  # noqa: S307 -- as above
        asked.sendall(f"{os.getpid()} {value}".encode())
        older, child = os.getpid(), os.fork()
        if child:  # the copy: of the state after this reply
            select.select([woken], [], [])
            os.read(woken, 1)
        elif space.get("_older"):
            os.kill(int(str(space["_older"])), signal.SIGKILL)
        space["_older"] = 0 if child else older
    os._exit(0)


@contextmanager
def floor() -> Iterator[dict[str, Run]]:
    """Fork after each reply, without anything else."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    host, asked = socket.socketpair()
    woken, wake = os.pipe()
    if os.fork() == 0:
        host.close()
        os.close(wake)
        _serve(asked, woken)
    asked.close()
    os.close(woken)

    def run(code: str) -> int:
        host.sendall(code.encode())
        return int(host.recv(65536).split()[1])

    call = counting(run)
    yield {"call, copied": call, "call, copied, every 5 ms": call}
    host.close()
    os.close(wake)


QUESTION = Question(
    name="sessions",
    script=__file__,
    competitors={OURS: ours, "pydantic-monty": monty, **where_installed(eryx), "floor: fork": floor},
    cases=(
        Case(name="call", target=0.10, turns=8, runs=250, quick=(3, 100)),
        Case(name="call, copied", target=1.5, turns=8, runs=100, quick=(3, 50)),
        Case(name="call, copied, every 5 ms", turns=4, runs=50, pause_s=0.005, quick=(2, 10)),
        Case(name="call, copied, 100 MB", turns=4, runs=10, quick=(2, 5)),
        Case(name="kill", targets={"both": 4.0}, turns=4, runs=5, pause_s=0.05, quick=(2, 3)),
        Case(name="branch", turns=4, runs=3, quick=(2, 1)),
    ),
)

if __name__ == "__main__":
    QUESTION.main()
