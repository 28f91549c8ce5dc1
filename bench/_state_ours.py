"""Our store on each backend, through its actor."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from _state_shared import POSTGRES, REDIS, SIZES, a_state, place, saves_and_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _state_shared import Cases

    from dspex_actors.state import Backend, States

MANY: Final = 100_000
FEW: Final = 10
_PORTION: Final = 4096  # saves that may wait in the store's mailbox
_ROUNDS: Final = 25
_SMALL: Final = {"step": 7, "notes": ["one", "two"]}


def backends() -> dict[str, Callable[[], Backend]]:
    """Return what makes a backend, by the name of the place."""
    from dspex_actors.state import FileSystem, Memory, Postgres, Redis, Sqlite  # noqa: PLC0415 -- each competitor loads its own library only

    found: dict[str, Callable[[], Backend]] = {
        "memory": Memory,
        "sqlite": lambda: Sqlite(path=place("states.db")),
        "sqlite full": lambda: Sqlite(path=place("states.db"), durability="full"),
        "file_system": lambda: FileSystem(path=place("states")),
    }
    if REDIS in os.environ:
        found["redis"] = lambda: Redis(url=os.environ[REDIS], prefix=f"bench-{os.getpid()}")
    if POSTGRES in os.environ:
        found["postgres"] = lambda: Postgres(dsn=os.environ[POSTGRES], schema=f"bench_{os.getpid()}")
    return found


@contextmanager
def ours() -> Iterator[Cases]:
    """Use a store on each backend."""
    from dspex_actors.state import States  # noqa: PLC0415 -- as above

    states = {name: a_state(size) for name, size in SIZES.items()}
    cases: Cases = {}
    with ExitStack() as stack:
        for name, make in backends().items():
            store = stack.enter_context(States.open(make()))
            cases |= saves_and_loads(name, store.save, _loads(store), states)
            cases[f"{name}: load of many versions"] = _of_many(store)
        yield cases


def _loads(store: States) -> Callable[[str], Any]:
    return lambda id: store.load(id).state  # noqa: A006 -- the word of the whole library


def fill(store: States, id: str, count: int) -> None:  # noqa: A002 -- as above
    """Save a small state `count` times, by messages that nobody waits for; the store writes many together."""
    from dspex_actors.state import SaveState  # noqa: PLC0415 -- as above

    for number in range(1, count + 1):
        store.address.cast(SaveState(id=id, state=_SMALL))
        if number % _PORTION == 0 or number == count:
            newest = store.list_versions(id, limit=1)[0].revision
            assert newest == number, f"{newest} versions of {number}"  # noqa: S101 -- a bench of wrong answers is none


def _of_many(store: States) -> Callable[[], dict[str, float]]:
    """Return what loads the newest of 10 and of 100,000 versions in turn, milliseconds of each."""

    def run() -> dict[str, float]:
        if not store.list_versions("many", limit=1):
            fill(store, "few", FEW)
            fill(store, "many", MANY)
        took: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(_ROUNDS):
            for each, figures in took.items():
                begun = time.perf_counter()
                store.load(each)
                figures.append((time.perf_counter() - begun) * 1e3)
        few, many = (statistics.median(figures) for figures in took.values())
        return {"10": few, "100,000": many, "100,000 : 10": many / few}

    return run
