"""Watchers are told of each change once, whoever made it, and only from then on."""

from __future__ import annotations

import threading

import pytest

from dspex_actors import ConfigError
from dspex_actors.state import Memory, Sqlite, StateChanged, States, StateStore, StoreConfig, Watch
from supervisors import GenServer, Supervisor
from supervisors.testing import Journal, wait_exit
from tests.dspex_actors.state._backends import opened


@pytest.fixture
def seen():
    return Journal()


def test_a_watcher_is_told_of_each_save_and_deletion_of_its_id_from_then_on(seen):
    with opened() as states:
        states.save("a", 1)
        end = states.watch(seen.add, "a")
        states.save("a", 2)
        states.save("b", 1)
        states.delete("a")
        seen.wait_for(StateChanged("a", 3, deleted=True))
        end()
        states.save("a", 4)
        states.watch(lambda _: None)()  # the store has told all it would tell by now
    assert seen.entries() == [StateChanged("a", 2, deleted=False), StateChanged("a", 3, deleted=True)]


def test_a_watcher_of_all_ids_is_told_of_each(seen):
    with opened() as states:
        states.save("a", 1)
        states.watch(seen.add)
        states.save("a", 2)
        states.save("b", 1)
        seen.wait_for(StateChanged("b", 1, deleted=False))
    assert seen.entries()[0] == StateChanged("a", 2, deleted=False)


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_a_watcher_that_fails_harms_neither_the_store_nor_other_watchers(seen, error):
    def broken(_):
        raise error

    with opened() as states:
        states.watch(broken)
        states.watch(seen.add)
        states.save("a", 1)
        seen.wait_for(StateChanged("a", 1, deleted=False))
        assert states.load("a").state == 1


def test_what_another_store_on_the_same_memory_saves_is_told_at_once(seen):
    memory = Memory()
    with opened(memory, poll_s=3600) as states, opened(memory) as other:
        other.save("a", 1)
        states.watch(seen.add, "a")
        other.save("a", 2)
        seen.wait_for(StateChanged("a", 2, deleted=False))
        other.save("a", 3)
        seen.wait_for(StateChanged("a", 3, deleted=False))


def test_what_another_process_saves_is_found_by_looking(tmp_path, seen):
    backend = Sqlite(path=tmp_path / "states.db")
    with opened(backend, poll_s=0.02) as states, opened(backend) as other:
        other.save("a", 1)
        states.watch(seen.add, "a")
        states.watch(seen.add)
        other.save("a", 2)
        seen.wait_for(StateChanged("a", 2, deleted=False), times=2)
        other.save("b", 1)
        seen.wait_for(StateChanged("b", 1, deleted=False))


class Watcher(GenServer):
    def init(self, store, journal):
        self.journal = journal
        self.number = store.call(Watch("a"))

    def handle_info(self, message):
        self.journal.add(message)


def test_an_actor_that_watches_gets_changes_as_messages_until_it_ends(seen):
    with Supervisor.start([StateStore.child_spec(Memory(), id="states")]) as tree:
        states = States(tree.child("states"))
        watcher = Watcher.start(tree.child("states"), seen)
        states.save("a", 1)
        seen.wait_for(StateChanged("a", 1, deleted=False))
        pid = watcher.pid
        watcher.stop()
        wait_exit(pid)
        states.save("a", 2)
        assert states.load("a").revision == 2
    assert seen.entries() == [StateChanged("a", 1, deleted=False)]


def test_a_watch_without_a_function_is_for_actors_alone():
    with opened() as states, pytest.raises(ConfigError, match="no actor"):
        states.address.call(Watch("a"))


def test_no_save_falls_between_the_start_of_a_watch_and_its_first_news():
    with opened() as states:
        stop = threading.Event()

        def write():
            while not stop.is_set():
                states.save("a", 1)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(20):
                told = Journal()
                end = states.watch(lambda change, told=told: told.add(change.revision), "a")
                at = states.save("a", 2).revision
                told.wait_for(at)
                end()
                revisions = told.entries()
                assert revisions == list(range(revisions[0], revisions[0] + len(revisions)))
        finally:
            stop.set()
            writer.join()


def test_a_store_with_default_settings_polls_every_second():
    assert StoreConfig().poll_s == 1.0
