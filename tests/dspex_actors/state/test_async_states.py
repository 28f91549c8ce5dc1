"""A store from an event loop: the same results, while the loop goes on."""

from __future__ import annotations

import asyncio

import pytest

from dspex_actors.state import (
    MigrationGraph,
    Retention,
    StateChanged,
    Step,
    StorageUnavailableError,
    VersionConflictError,
    merge_disjoint,
)
from tests.dspex_actors.state._backends import CEILING_S, Gate, Hooked, opened


def test_every_operation_has_an_awaited_form_with_the_same_result(tmp_path):
    graph = MigrationGraph((Step("1", "2", up=lambda state: state | {"y": 2}),))

    async def use(states):
        aio = states.aio
        first = await aio.save("a", {"x": 1}, schema_version="1")
        assert (await aio.load("a")).state == {"x": 1}
        with pytest.raises(VersionConflictError):
            await aio.save("a", {"x": 2}, expected=9)
        assert (await aio.migrate("a", "2")).state == {"x": 1, "y": 2}
        assert await aio.list_versions("a", limit=1, before=2) == [first]
        made = await aio.create_snapshot("s")
        assert await aio.list_snapshots() == [await aio.get_snapshot("s")] == [made]
        await aio.save("a", {"x": 3}, expected=2, schema_version="2", conflict_resolver=merge_disjoint)
        assert (await aio.restore_snapshot("s")).versions[0].revision == 4
        await aio.drop_snapshot("s")
        assert (await aio.recover(ids=["a"], revision=3)).versions[0].revision == 5
        assert (await aio.verify()).sound
        exported = await aio.export(tmp_path / "all")
        assert exported.versions == 5
        assert await aio.prune(Retention(versions=2)) == {"a": 3}
        assert (await aio.delete("a")).deleted
        assert await aio.list_ids() == []
        assert (await aio.import_(tmp_path / "all", existing="append")).versions == 5
        assert (await aio.load("a")).state == {"x": 3}

    with opened(migrations=graph) as states:
        asyncio.run(use(states))


def test_the_loop_goes_on_while_the_database_is_busy():
    gate = Gate("append")

    async def use(states):
        saving = asyncio.ensure_future(states.aio.save("a", 1))
        assert await asyncio.to_thread(gate.entered.wait, CEILING_S)
        assert not saving.done()
        gate.release.set()
        assert (await saving).revision == 1

    with opened(Hooked(hook=gate)) as states:
        asyncio.run(use(states))


def test_many_tasks_save_at_once_and_none_is_lost():
    async def use(states):
        versions = await asyncio.gather(*(states.aio.save("a", number) for number in range(50)))
        assert sorted(version.revision for version in versions) == list(range(1, 51))

    with opened() as states:
        asyncio.run(use(states))


def test_changes_are_iterated_over_as_they_come():
    async def use(states):
        seen = []
        changes = states.aio.watch("a")
        first = asyncio.ensure_future(anext(changes))
        while not first.done():
            await states.aio.save("a", 1)
        seen.append(first.result())
        await states.aio.delete("a")
        async for change in changes:
            seen.append(change)
            if change.deleted:
                break
        await changes.aclose()
        return seen

    with opened() as states:
        seen = asyncio.run(use(states))
        assert seen[-1] == StateChanged("a", states.list_versions("a")[0].revision, deleted=True)
        assert [change.revision for change in seen] == list(range(seen[0].revision, seen[-1].revision + 1))


def test_a_store_that_has_ended_is_an_error_of_the_database():
    async def use(states):
        await states.aio.save("a", 1)
        await asyncio.to_thread(states.close)
        with pytest.raises(StorageUnavailableError):
            await states.aio.load("a")

    asyncio.run(use(opened()))
