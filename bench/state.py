"""What saving and loading a state costs: every backend, through the store's actor and by its library alone.

Beside LangGraph's checkpoint savers and diskcache, where they have such a place. A state is a conversation of
about 10 kB or 1 MB as JSON; every save adds a version. A load gives the newest one as an object. All data are
in one folder on disk, those of the servers too; they run on this machine and are reached by Unix sockets.

`--many` adds loads of the newest of 10 and of 100,000 versions, in turn, which takes some minutes. These were
written by the ledger of a store, without its actor, 250 at a time; those of `file_system` without waiting for
the disk.
"""

from __future__ import annotations

import os
import sys

from _measure import Case, Question
from _state_ours import ours
from _state_peers import diskcache, langgraph
from _state_raw import raw
from _state_shared import LARGE, SIZES, SMALL, servers
from _table import OURS

PLACES = ("memory", "sqlite", "sqlite full", "file_system", "redis", "postgres")
QUICK_PLACES = ("memory", "sqlite")  # whose saves do not wait for a disk
TARGETS = {f"sqlite: save {SMALL}": 0.15, f"sqlite: load {SMALL}": 0.05}
FILLED = ("memory", "sqlite", "file_system", "redis", "postgres")
MOST_TIMES = 1.5
MANY = "DSPEX_BENCH_MANY"


def _case(place: str, what: str, size: str) -> Case:
    name = f"{place}: {what} {size}"
    runs, quick = (8, (2, 3)) if size == LARGE else (100, (2, 40))
    if size == SMALL and what == "save" and place not in QUICK_PLACES:
        runs, quick = 40, (2, 10)
    return Case(name=name, target=TARGETS.get(name), turns=5, runs=runs, quick=quick)


def _of_many(place: str) -> Case:
    targets = {"100,000 : 10": MOST_TIMES}
    name = f"{place}: load of many versions"
    return Case(name=name, targets=targets, turns=5, runs=2, quick=(1, 2), patience_s=300)


if "--many" in sys.argv:
    sys.argv.remove("--many")
    os.environ[MANY] = "1"  # the competitors' processes inherit it

QUESTION = Question(
    name="state",
    script=__file__,
    competitors={
        OURS: ours,
        "LangGraph's saver": langgraph,
        "diskcache": diskcache,
        "floor: the library alone": raw,
    },
    cases=(
        *(_case(place, what, size) for place in PLACES for size in SIZES for what in ("save", "load")),
        *(_of_many(place) for place in FILLED if MANY in os.environ),
    ),
)

if __name__ == "__main__":
    if "--competitor" in sys.argv:
        QUESTION.main()
    else:
        with servers():
            QUESTION.main()
