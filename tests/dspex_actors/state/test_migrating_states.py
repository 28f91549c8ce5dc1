"""Migrating what is stored: all of it or nothing, with its origin in the metadata."""

from __future__ import annotations

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    LoadState,
    MigrateState,
    MigrationFailedError,
    MigrationGraph,
    MigrationPathError,
    Step,
    VersionConflictError,
    VersionNotFoundError,
)
from tests.dspex_actors.state._backends import opened

GRAPH = MigrationGraph(
    (
        Step("1", "2", up=lambda state: state | {"tags": []}, down=lambda state: {"x": state["x"]}),
        Step("2", "3", up=lambda state: state | {"score": state["x"] * 2}, name="score"),
        Step("2", "broken", up=lambda state: state["no such key"]),
    )
)


@pytest.fixture
def states():
    """Open a store with a state of schema 1."""
    with opened(migrations=GRAPH) as store:
        store.save("a", {"x": 1}, schema_version="1", metadata={"by": "me"})
        yield store


def test_a_migrated_state_is_a_new_version_that_says_where_it_came_from(states):
    migrated = states.migrate("a", "3")

    assert migrated.state == states.load("a").state == {"x": 1, "tags": [], "score": 2}
    assert states.load("a").version == migrated.version
    assert migrated.version.schema_version == "3"
    assert migrated.version.metadata["by"] == "me"
    origin = migrated.version.metadata["dspex"]
    assert (origin["migrated_from"], origin["migrated_to"], origin["revision"]) == ("1", "3", 1)
    assert [step["name"] for step in origin["steps"]] == ["1->2", "score"]
    assert states.load("a", 1).state == {"x": 1}


def test_the_way_back_is_a_migration_too(states):
    states.migrate("a", "2")
    assert states.migrate("a", "1").state == {"x": 1}
    assert states.load("a").revision == 3


def test_a_dry_run_and_a_goal_that_is_reached_save_nothing(states):
    dry = states.migrate("a", "3", dry_run=True)
    assert (dry.state["score"], dry.version) == (2, None)
    assert states.migrate("a", "1").version is None
    assert len(states.list_versions("a")) == 1


@pytest.mark.parametrize(("goal", "error"), [("9", MigrationPathError), ("broken", MigrationFailedError)])
def test_a_migration_that_fails_saves_nothing(states, goal, error):
    with pytest.raises(error):
        states.migrate("a", goal)
    assert len(states.list_versions("a")) == 1


def test_the_schema_to_start_from_has_to_be_known_and_right(states):
    states.save("b", {"x": 1})
    with pytest.raises(ConfigError, match="start"):
        states.migrate("b", "2")
    assert states.migrate("b", "2", start="1").version.schema_version == "2"
    with pytest.raises(ConfigError, match="start"):
        states.migrate("a", "3", start="2")
    with pytest.raises(VersionNotFoundError):
        states.migrate("nobody", "2")


def test_a_save_during_the_migration_is_a_conflict_and_not_lost():
    def slow(state):
        stores[0].save("a", {"x": 5}, schema_version="1")
        return state

    with opened(migrations=MigrationGraph((Step("1", "2", up=slow),))) as states:
        stores = [states]
        states.save("a", {"x": 1}, schema_version="1")
        with pytest.raises(VersionConflictError):
            states.migrate("a", "2")
        assert states.load("a").state == {"x": 5}


def test_the_message_of_the_same_name_has_the_store_do_it(states):
    migrated = states.address.call(MigrateState(id="a", goal="3"))
    assert migrated.state["score"] == 2
    assert states.address.call(LoadState(id="a")).version == migrated.version
    with pytest.raises(MigrationPathError):
        states.address.call(MigrateState(id="a", goal="9"))
