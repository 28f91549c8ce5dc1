"""LangGraph's savers and diskcache, keeping the same states.

LangGraph's sqlite saver leaves SQLite's `synchronous` at FULL, so that is the row it belongs in; diskcache
sets NORMAL. Each is also measured with the other setting.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

from _state_shared import POSTGRES, SIZES, a_state, place, saves_and_loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from _state_shared import Cases


@contextmanager
def langgraph() -> Iterator[Cases]:
    """Put checkpoints with one channel, a new version of it each time; get the newest one of a thread."""
    from langgraph.checkpoint.memory import InMemorySaver  # noqa: PLC0415 -- each competitor loads its own library only
    from langgraph.checkpoint.postgres import PostgresSaver  # noqa: PLC0415 -- as above
    from langgraph.checkpoint.sqlite import SqliteSaver  # noqa: PLC0415 -- as above

    states = {name: a_state(size) for name, size in SIZES.items()}
    with ExitStack() as stack:
        savers: dict[str, Any] = {"memory": InMemorySaver()}
        for name, synchronous in (("sqlite", "NORMAL"), ("sqlite full", "FULL")):
            connection = stack.enter_context(
                closing(sqlite3.connect(place("saver.db"), check_same_thread=False))
            )
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            savers[name] = SqliteSaver(connection)
        if POSTGRES in os.environ:
            savers["postgres"] = stack.enter_context(PostgresSaver.from_conn_string(os.environ[POSTGRES]))
            savers["postgres"].setup()
        cases: Cases = {}
        for name, saver in savers.items():
            cases |= saves_and_loads(name, _putting(saver), _getting(saver), states)
        yield cases


def _thread(id: str) -> dict[str, Any]:  # noqa: A002 -- the word of the whole library
    return {"configurable": {"thread_id": id, "checkpoint_ns": ""}}


def _putting(saver: Any) -> Callable[[str, Any], object]:  # noqa: ANN401 -- each saver has its own type
    from langgraph.checkpoint.base import empty_checkpoint  # noqa: PLC0415 -- as above

    version: Any = None

    def save(id: str, state: object) -> None:  # noqa: A002 -- as above
        nonlocal version
        version = saver.get_next_version(version, None)
        versions = {"state": version}
        checkpoint = empty_checkpoint() | {"channel_values": {"state": state}, "channel_versions": versions}
        saver.put(_thread(id), checkpoint, {"source": "loop", "step": 1}, versions)

    return save


def _getting(saver: Any) -> Callable[[str], Any]:  # noqa: ANN401 -- as above
    return lambda id: saver.get_tuple(_thread(id)).checkpoint["channel_values"]["state"]  # noqa: A006 -- as above


@contextmanager
def diskcache() -> Iterator[Cases]:
    """Set a key for each version, and get that of the newest."""
    from diskcache import Cache  # noqa: PLC0415 -- as above

    states = {name: a_state(size) for name, size in SIZES.items()}
    cases: Cases = {}
    with ExitStack() as stack:
        for name, synchronous in (("sqlite", 1), ("sqlite full", 2)):
            folder = str(place("cache"))
            cache = stack.enter_context(Cache(folder, sqlite_synchronous=synchronous))
            cases |= saves_and_loads(name, *_setting(cache), states)
        yield cases


def _setting(cache: Any) -> tuple[Callable[[str, Any], object], Callable[[str], Any]]:  # noqa: ANN401 -- it has no types
    newest: dict[str, int] = {}

    def save(id: str, state: object) -> None:  # noqa: A002 -- as above
        newest[id] = newest.get(id, 0) + 1
        cache.set((id, newest[id]), state)

    return save, lambda id: cache.get((id, newest[id]))  # noqa: A006 -- as above
