"""What saving and loading a state costs: every backend, through the store's actor and by its library alone.

Beside LangGraph's checkpoint savers and diskcache, where they have such a place. A state is a conversation of
about 10 kB or 1 MB as JSON; every save adds a version. A load gives the newest one as an object. All data are
in one folder on disk, those of the servers too; they run on this machine and are reached by Unix sockets.

The last cases load the newest of 10 and of 100,000 versions in turn. They are filled by `SaveState` messages
that nobody waits for.
"""

from __future__ import annotations

import sys

from _measure import Case, Question
from _state_ours import ours
from _state_peers import diskcache, langgraph
from _state_raw import raw
from _state_shared import LARGE, SMALL, servers
from _table import OURS

PLACES = ("memory", "sqlite", "sqlite full", "file_system", "redis", "postgres")
TARGETS = {f"sqlite: save {SMALL}": 0.15, f"sqlite: load {SMALL}": 0.05}
FILLED = ("memory", "sqlite", "file_system", "redis", "postgres")
MOST_TIMES = 1.5


def _cases() -> tuple[Case, ...]:
    cases = []
    for place in PLACES:
        for size, runs, quick in ((SMALL, 100, (2, 40)), (LARGE, 8, (2, 3))):
            for what in ("save", "load"):
                name = f"{place}: {what} {size}"
                cases.append(Case(name=name, target=TARGETS.get(name), turns=5, runs=runs, quick=quick))
    cases += [
        Case(
            name=f"{place}: load of many versions",
            targets={"100,000 : 10": MOST_TIMES},
            turns=5,
            runs=2,
            quick=(0, 0),
            patience_s=120,
        )
        for place in FILLED
    ]
    return tuple(cases)


QUESTION = Question(
    name="state",
    script=__file__,
    competitors={
        OURS: ours,
        "LangGraph's saver": langgraph,
        "diskcache": diskcache,
        "floor: the library alone": raw,
    },
    cases=_cases(),
)

if __name__ == "__main__":
    if "--competitor" in sys.argv:
        QUESTION.main()
    else:
        with servers():
            QUESTION.main()
