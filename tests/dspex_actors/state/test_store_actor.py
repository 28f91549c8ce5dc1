"""The store as an actor: it outlives requests that fail, and loses nothing when it ends itself."""

from __future__ import annotations

import asyncio
import threading

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import (
    CreateSnapshot,
    DeleteState,
    ListVersions,
    LoadState,
    Memory,
    Recover,
    SaveState,
    Sqlite,
    StateDeletedError,
    States,
    StateStore,
    StorageClosedError,
    StorageUnavailableError,
    StoreConfig,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._store import GetConfig
from supervisors import SHUTDOWN, Supervisor
from supervisors.testing import wait_exit, wait_restarted
from tests.dspex_actors.state._backends import CEILING_S, Gate, Hooked, opened


def tree_of(*children):
    return Supervisor.start(list(children), strategy="one_for_one")


def test_several_stores_live_in_one_tree_and_do_not_know_of_each_other(tmp_path):
    with tree_of(
        StateStore.child_spec(Memory(), id="one"),
        StateStore.child_spec(Sqlite(path=tmp_path / "two.db"), StoreConfig(versioning="semantic"), id="two"),
    ) as tree:
        one, two = (States(tree.child(name)) for name in ("one", "two"))
        one.save("a", 1)
        assert two.save("a", 2).label == "1.0.0"
        assert (one.load("a").state, two.load("a").state) == (1, 2)


def test_a_request_that_fails_leaves_the_store_alive():
    with opened() as states:
        pid = states.address.pid
        for _ in range(3):
            with pytest.raises(VersionNotFoundError):
                states.load("a")
        with pytest.raises(ConfigError, match="one of the messages"):
            states.address.call("what is this")
        assert states.address.pid is pid


def test_a_fault_of_the_backend_ends_the_store_and_its_supervisor_starts_it_again():
    backend = Hooked()
    with tree_of(StateStore.child_spec(backend, id="states")) as tree:
        address = tree.child("states")
        states = States(address)
        states.save("a", 1)

        def broken(operation, _):
            raise ZeroDivisionError(operation)

        old, backend.hook = address.pid, broken
        with pytest.raises(ZeroDivisionError):
            states.load("a")
        backend.hook = lambda _, do: do()
        wait_restarted(address, old)
        assert states.load("a").state == 1


def test_while_the_database_is_busy_the_store_answers_what_needs_no_database():
    gate = Gate("append")
    with opened(Hooked(hook=gate)) as states:
        future = states.submit_save("a", 1)
        assert gate.entered.wait(CEILING_S)
        assert isinstance(states.address.call(GetConfig()), StoreConfig)
        assert not future.done
        gate.release.set()
        assert future.result(CEILING_S).revision == 1


def test_saves_that_wait_are_written_together_in_their_order():
    sizes = []
    gate = Gate("append")
    backend = Hooked()
    with opened(backend) as states:
        states.save("b", 0)

        def hook(operation, do):
            if operation == "append":
                sizes.append(1)
            return gate(operation, do)

        backend.hook = hook
        futures = [states.submit_save("a", 0)]
        assert gate.entered.wait(CEILING_S)
        futures += [states.submit_save("a", number) for number in range(1, 50)]
        states.address.call(GetConfig())  # all of them have arrived
        gate.release.set()
        assert [future.result(CEILING_S).revision for future in futures] == list(range(1, 51))
        assert [states.load("a", number + 1).state for number in (0, 25, 49)] == [0, 25, 49]
    assert len(sizes) == 2


def test_a_load_sees_every_save_that_was_sent_before_it():
    with opened() as states:
        futures = [states.submit_save("a", number) for number in range(20)]
        assert states.load("a").state == 19
        assert all(future.done for future in futures)


def test_a_stopped_store_first_does_what_it_has_taken():
    gate = Gate("append")
    backend = Hooked(hook=gate)
    states = opened(backend)
    futures = [states.submit_save("a", number) for number in range(3)]
    assert gate.entered.wait(CEILING_S)
    pid = states.address.pid
    states.address.call(GetConfig())  # all of them have arrived
    pid.request_stop(SHUTDOWN)
    gate.release.set()
    wait_exit(pid)
    assert [future.result(CEILING_S).revision for future in futures] == [1, 2, 3]
    states.close()


def test_a_killed_store_says_of_what_was_asked_that_it_may_have_been_written():
    gate = Gate("append")
    backend = Hooked(hook=gate)
    with tree_of(StateStore.child_spec(backend, id="states")) as tree:
        states = States(tree.child("states"))
        begun = states.submit_save("a", 1)
        assert gate.entered.wait(CEILING_S)
        waiting = states.submit_save("a", 2)
        reading = states.submit_load("a")
        states.address.call(GetConfig())
        old = states.address.pid
        old.kill()
        gate.release.set()
        for future, written in ((begun, None), (waiting, None), (reading, False)):
            with pytest.raises((StorageUnavailableError, StorageClosedError)) as caught:
                future.result(CEILING_S)
            assert caught.value.written is written or isinstance(caught.value, StorageClosedError)
        wait_restarted(states.address, old)
        assert states.save("b", 1).revision == 1


@pytest.mark.parametrize("held", ["rows", "append"])
def test_a_save_of_a_killed_store_never_comes_behind_those_of_the_next_one(held):
    entered, release = threading.Event(), threading.Event()

    def hold_the_first(operation, do):
        if operation == held and not entered.is_set():
            entered.set()
            assert release.wait(CEILING_S)
        return do()

    backend = Hooked(hook=hold_the_first)
    with tree_of(StateStore.child_spec(backend, id="states")) as tree:
        states = States(tree.child("states"))
        old = states.address.pid
        desks = [each for each in threading.enumerate() if each.name == f"{old.name}-desk"]
        states.submit_save("a", "of the one that is killed")
        assert entered.wait(CEILING_S)
        old.kill()
        wait_restarted(states.address, old)
        assert states.save("a", "of the next one").revision == 1
        release.set()
        for each in desks:
            each.join(CEILING_S)
        assert [version.revision for version in states.list_versions("a")] == [1]
        assert states.load("a").state == "of the next one"


def test_a_save_that_was_abandoned_before_it_began_is_not_done():
    gate = Gate("append")
    with opened(Hooked(hook=gate)) as states:
        first = states.submit_save("a", 1)
        assert gate.entered.wait(CEILING_S)
        second = states.submit_save("b", 2)
        assert second.abandon()
        gate.release.set()
        first.result(CEILING_S)
        assert states.list_ids() == ["a"]


def test_an_answer_that_does_not_come_in_time_is_an_error_and_can_be_asked_for_again():
    gate = Gate("append")
    with opened(Hooked(hook=gate)) as states:
        future = states.submit_save("a", 1)
        assert gate.entered.wait(CEILING_S)
        with pytest.raises(TimeoutError):
            future.result(0)
        states.timeout_s = 0.001
        with pytest.raises(StorageUnavailableError) as caught:
            states.load("a")
        assert caught.value.written is False
        states.timeout_s = 60
        gate.release.set()
        assert future.result(CEILING_S).revision == 1


def test_the_messages_can_be_sent_as_they_are():
    with opened() as states:
        address = states.address
        saved = address.call(SaveState(id="a", state={"x": 1}, schema_version="2"))
        assert (saved.revision, saved.schema_version) == (1, "2")
        assert address.call(LoadState(id="a")).state == {"x": 1}
        assert address.call(ListVersions(id="a")) == [saved]
        address.cast(SaveState(id="a", state={"x": 2}))
        assert address.call(LoadState(id="a")).state == {"x": 2}


def test_every_message_has_a_future_form_and_they_are_done_in_their_order():
    with opened() as states:
        futures = [
            states.submit_save("a", {"x": 1}),
            states.submit(CreateSnapshot(name="s")),
            states.submit(DeleteState(id="a")),
            states.submit(Recover(ids=["a"], revision=1)),
            states.submit(ListVersions(id="a")),
        ]
        saved, snapshot, deleted, recovered, listed = [future.result(CEILING_S) for future in futures]
        assert (saved.revision, snapshot.items, deleted.deleted) == (1, {"a": 1}, True)
        assert recovered.versions[0].revision == 3
        assert [version.revision for version in listed] == [3, 2, 1]
        with pytest.raises(StateDeletedError):
            states.submit(LoadState(id="a", version=2)).result(CEILING_S)


def test_a_version_that_was_returned_can_be_what_the_next_save_expects():
    with opened() as states:
        first = states.save("a", 1)
        second = states.save("a", 2, expected=first)
        assert states.submit_save("a", 3, expected=second).result(CEILING_S).revision == 3
        for stale in (first, second):
            with pytest.raises(VersionConflictError) as caught:
                states.save("a", 9, expected=stale)
            assert (caught.value.expected, caught.value.actual) == (stale.revision, 3)
        assert states.delete("a", expected=states.load("a").version).deleted
        with pytest.raises(ConfigError, match="expected must be a version of 'b', got \"a version of 'a'\""):
            states.save("b", 1, expected=first)
        assert asyncio.run(states.aio.save("a", 5, expected=0)).revision == 5


def test_what_is_asked_of_a_store_that_is_not_there_was_certainly_not_written():
    states = opened()
    states.close()
    doings = {
        "save": lambda: states.save("a", 1),
        "submit_save": lambda: states.submit_save("a", 1).result(0),
        "delete": lambda: states.delete("a"),
        "aio": lambda: asyncio.run(states.aio.delete("a")),
    }
    states.known_config = StoreConfig()
    for name, do in doings.items():
        with pytest.raises(StorageUnavailableError, match="is being restarted, or has ended") as caught:
            do()
        assert caught.value.written is False, name


def test_a_closed_store_is_no_longer_there_and_closes_twice():
    states = opened()
    states.save("a", 1)
    states.close()
    states.close()
    with pytest.raises(StorageUnavailableError) as caught:
        states.load("a")
    assert caught.value.written is False


@pytest.mark.parametrize(
    "settings",
    [
        {"versioning": "random"},
        {"versioning": 3},
        {"serializer": "msgpack"},
        {"migrations": []},
        {"conflict_resolver": 3},
        {"outage_wait_s": -1},
        {"outage_wait_s": True},
        {"poll_s": 0},
        {"poll_s": float("nan")},
    ],
)
def test_settings_of_a_store_that_make_no_sense_are_refused(settings):
    with pytest.raises(ConfigError):
        StoreConfig(**settings)
