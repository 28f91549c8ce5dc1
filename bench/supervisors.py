"""Actors and their supervision: calls, casts, starts, replacing one that crashed, weight, import.

Beside ours: pykka as it is; actors made of an asyncio task and a queue; OTP's gen_server and supervisor,
where `escript` is there. Only OTP and ours have a supervisor; for the others the replacement is made by hand,
in the shortest way there is. With `--many` 10,000 actors are weighed, too.

    python bench/supervisors.py [--quick] [--many]
"""

from __future__ import annotations

import json
import logging
import os
import sys
from time import perf_counter_ns, sleep

from _actors_asyncio import asyncio_actors
from _actors_erlang import erlang
from _actors_ours import our_classes, ours
from _actors_pykka import pykka_class, stock_pykka
from _actors_shared import ASYNCIO, ERLANG, MANY, PYKKA, SETTLE_S, pss_kib, us
from _measure import Case, Question
from _table import OURS


def _herd_of(kind: str, number: int) -> dict[str, float]:
    """Start and stop so many actors; return what they cost."""
    if kind == OURS:
        echo_class, _, dynamic = our_classes()
        pool = dynamic.start()
        spec = echo_class.child_spec(restart="temporary")
        start, stop = lambda: pool.start_child(spec), pool.stop
    else:
        import pykka  # noqa: PLC0415 -- as above

        echo_class = pykka_class()
        start, stop = echo_class.start, pykka.ActorRegistry.stop_all
    start()
    before, begun = pss_kib(), perf_counter_ns()
    for _ in range(number):
        start()
    took = us(begun) / 1e3
    sleep(SETTLE_S)
    weight, begun = (pss_kib() - before) / number, perf_counter_ns()
    stop()
    return {"KiB each": weight, "start, ms": took, "stop, ms": us(begun) / 1e3}


def _herd_cases() -> tuple[Case, ...]:
    once = {"turns": 3, "runs": 1, "quick": (1, 1), "warm": False}
    return tuple(
        Case(name=f"{number} actors: {figure}", unit=unit, **once)  # type: ignore[arg-type] -- a table of options
        for number in (1000, 10_000)
        for figure, unit in (("KiB each", "KiB"), ("start, ms", "ms"), ("stop, ms", "ms"))
        if number == 1000 or MANY in os.environ
    )


if "--many" in sys.argv:
    sys.argv.remove("--many")
    os.environ[MANY] = "1"  # the competitors' processes inherit it

QUESTION = Question(
    name="supervisors",
    script=__file__,
    competitors={OURS: ours, PYKKA: stock_pykka, ASYNCIO: asyncio_actors, ERLANG: erlang},
    cases=(
        Case(name="call", unit="us", target=25, turns=6, runs=4, quick=(2, 1)),
        Case(name="casts a second", unit="/s", more=True, turns=6, runs=4, quick=(2, 1)),
        Case(name="start", unit="us", turns=5, runs=3, quick=(2, 1)),
        Case(name="crash to replacement", unit="us", target=200, turns=6, runs=4, quick=(2, 2)),
        Case(name="import", unit="ms", turns=4, runs=3, quick=(2, 1)),
        *_herd_cases(),
    ),
)

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)  # a crash is logged with its traceback by some and not by others
    if sys.argv[1:2] == ["--herd"]:
        print(json.dumps(_herd_of(sys.argv[2], int(sys.argv[3]))))
        sys.stdout.flush()
        os._exit(0)
    QUESTION.main()
