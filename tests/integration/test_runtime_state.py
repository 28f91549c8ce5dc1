"""A runtime's state stores: where they keep states, what a crash of one costs, and that they end with it."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime

import pytest

import dspex_actors as dspex
from dspex_actors import ConfigError, RuntimeClosedError
from dspex_actors.runtime import _root
from dspex_actors.runtime._stores import Stores
from dspex_actors.state import (
    Memory,
    Sqlite,
    StorageError,
    StoreConfig,
    StoreSpec,
    VersionConflictError,
)
from supervisors.testing import wait_restarted
from tests.integration._tools import QUICK, runtime_of


@pytest.fixture
def stores():
    """Give a function that starts the upper part of a runtime's tree alone: no sandbox is needed for it."""
    roots = []

    def start(*args, **kwargs):
        made = Stores(*args, **kwargs)
        roots.append(_root.start_root(made.child_specs()))
        made.attach(roots[-1].supervisor(_root.STORES))
        made.root = roots[-1]
        return made

    yield start
    for root in roots:
        root.stop()


def test_a_runtime_keeps_states_and_runs_guests_and_ends_both(tmp_path):
    cache = Memory()
    spec = StoreSpec(Sqlite(path=tmp_path / "states.db"), StoreConfig(versioning="incremental"))
    with dspex.Runtime(limits=QUICK, state=spec, stores={"cache": cache}) as rt:
        first = rt.state.save("agent-7", rt.execute("[1, 2]").value)
        before = datetime.now(UTC)
        second = rt.state.save("agent-7", {"step": 2}, expected=first)
        with pytest.raises(VersionConflictError):
            rt.state.save("agent-7", {"step": 9}, expected=first)
        assert (second.label, rt.state.load("agent-7", at=before).state) == ("2", [1, 2])
        assert rt.store("state") is rt.state

        rt.store("cache").save("agent-7", "elsewhere")
        old = rt.state.address.pid
        old.kill()
        wait_restarted(rt.state.address, old)
        assert rt.state.load("agent-7").state == {"step": 2}
        assert rt.execute("1 + 1").value == 2
        assert asyncio.run(rt.state.aio.load("agent-7")).revision == 2
        names = {node.id for node in rt.tree().walk()}
        assert {"stores", "state", "cache", "sandboxes"} <= names
        kept = rt.state
    with pytest.raises(RuntimeClosedError):
        _ = rt.state
    with pytest.raises(StorageError) as caught:
        kept.load("agent-7")
    assert caught.value.written is False


def test_a_runtime_that_keeps_no_states_starts_no_store_and_says_so_in_its_tree():
    with runtime_of() as rt:
        (stores, _) = rt.tree().children
        assert (stores.id, stores.children) == ("stores", ())
        rt.state.save("a", 1)
        assert [child.id for child in rt.tree().children[0].children] == ["state"]


def test_states_are_in_memory_where_nothing_else_is_said_and_outlive_their_store(stores):
    made = stores()
    states = made.states("state")
    assert states.save("a", 1).revision == 1
    old = states.address.pid
    old.kill()
    wait_restarted(states.address, old)
    assert made.states("state") is states
    assert states.load("a").state == 1


@pytest.mark.parametrize("given", [{}, {"state": Memory()}], ids=["by itself", "given"])
def test_states_in_memory_outlive_the_supervisor_of_the_stores_too(stores, given):
    made = stores(**given)
    made.states("state").save("a", 1)
    supervisor = made.root.supervisor(_root.STORES)
    old = supervisor.pid
    old.kill()
    wait_restarted(supervisor, old)
    states = made.states("state")
    assert states.address.wait_available(5)
    assert states.load("a").state == 1


def test_several_stores_do_not_know_of_each_other(stores, tmp_path):
    made = stores(Sqlite(path=tmp_path / "a.db"), {"b": Sqlite(path=tmp_path / "b.db"), "c": Memory()})
    for name in ("state", "b", "c"):
        assert made.states(name).save("id", name).revision == 1
    assert [made.states(name).load("id").state for name in ("state", "b", "c")] == ["state", "b", "c"]
    with pytest.raises(ConfigError, match="store must be one of 'b', 'c', 'state', got 'd'"):
        made.states("d")


def test_a_database_that_cannot_be_used_is_said_when_the_runtime_starts(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StorageError, match=r"the store 'state' could not start: .*another program"):
        dspex.Runtime(state=Sqlite(path=path))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"state": "states.db"}, "state"),
        ({"state": Sqlite}, "state"),
        ({"stores": {"cache": 3}}, r"stores\['cache'\]"),
        ({"stores": [Memory()]}, "stores"),
        ({"stores": {"": Memory()}}, "stores"),
        ({"stores": {1: Memory()}}, "stores"),
        ({"state": Memory(), "stores": {"state": Memory()}}, "stores"),
    ],
)
def test_what_is_no_store_is_refused_before_anything_is_started(options, field):
    with pytest.raises(ConfigError, match=f"^{field} must be"):
        dspex.Runtime(**options)
    with pytest.raises(ConfigError):
        StoreSpec(Memory(), "incremental")
