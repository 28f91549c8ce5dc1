"""Our store on each backend, through its actor."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from _state_shared import POSTGRES, REDIS, SIZES, a_state, place, saves_and_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _state_shared import Cases

    from dspex_actors.state import Backend, States

MANY: Final = 100_000
FEW: Final = 10
_TOGETHER: Final = 250  # versions that are written at once
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
            backend = make()
            store = stack.enter_context(States.open(backend))
            cases |= saves_and_loads(name, store.save, _loads(store), states)
            cases[f"{name}: load of many versions"] = _of_many(store, backend)
        yield cases


def _loads(store: States) -> Callable[[str], Any]:
    return lambda id: store.load(id).state  # noqa: A006 -- the word of the whole library


def fill(backend: Backend, id: str, count: int) -> None:  # noqa: A002 -- as above
    """Save a small state `count` times by what a store writes with, its ledger, many at a time."""
    from dspex_actors.serialization import Serializer  # noqa: PLC0415 -- as above
    from dspex_actors.state import FileSystem, StoreConfig  # noqa: PLC0415 -- as above
    from dspex_actors.state._codec import Codec  # noqa: PLC0415 -- as above
    from dspex_actors.state._ledger import Draft, Ledger  # noqa: PLC0415 -- as above
    from dspex_actors.state._line import Line  # noqa: PLC0415 -- as above

    if isinstance(backend, FileSystem):
        backend = replace(backend, flush=False)  # 100,000 waits for the disk are not what is asked
    codec = Codec(Serializer())
    ledger = Ledger(Line(backend), codec, StoreConfig().strategy)
    draft = Draft(id=id, packed=codec.pack(_SMALL))
    for start in range(0, count, _TOGETHER):
        for result in ledger.write([draft] * min(_TOGETHER, count - start)):
            if isinstance(result, Exception):
                raise result
    ledger.line.drop()


def _of_many(store: States, backend: Backend) -> Callable[[], dict[str, float]]:
    """Return what loads the newest of 10 and of 100,000 versions in turn, milliseconds of each."""

    def run() -> dict[str, float]:
        if not store.list_versions("many", limit=1):
            fill(backend, "few", FEW)
            fill(backend, "many", MANY)
        took: dict[str, list[float]] = {"few": [], "many": []}
        for _ in range(_ROUNDS):
            for each, figures in took.items():
                begun = time.perf_counter()
                found = store.load(each)
                figures.append((time.perf_counter() - begun) * 1e3)
                assert found.revision == (FEW if each == "few" else MANY)  # noqa: S101 -- a bench of wrong answers is none
        few, many = (statistics.median(figures) for figures in took.values())
        return {"10": few, "100,000": many, "100,000 : 10": many / few}

    return run
