"""A load in the caller's own thread, from a database that waits for nobody: when it is made, and when not."""

from __future__ import annotations

import threading

import pytest

from dspex_actors.serialization import Serializer
from dspex_actors.state import (
    Capability,
    FileSystem,
    Incremental,
    Memory,
    SaveState,
    Sqlite,
    States,
    StateStore,
    StorageUnavailableError,
    StoreConfig,
    VersionNotFoundError,
)
from dspex_actors.state._codec import Codec
from dspex_actors.state._desk import Desk
from dspex_actors.state._door import NOT_NOW
from dspex_actors.state._ledger import Ledger
from dspex_actors.state._line import Line
from dspex_actors.state._messages import ReadState
from supervisors import KILLED, Supervisor, resume, suspend
from supervisors.testing import wait_restarted
from tests.dspex_actors.state._backends import CEILING_S, Gate, Hooked, opened


class Threads:
    """A hook that notes which thread does each operation."""

    def __init__(self):
        self.of = {}

    def __call__(self, operation, do):
        self.of[operation] = threading.current_thread()
        return do()


def idle(states):
    """Wait until the store's desk is at rest after what was asked before."""
    states.list_ids()


def load_at_once(states, threads, id):  # noqa: A002 -- the word of the whole library
    """Load until that was done at once: the desk may not have come to rest yet after its last answer."""
    for _ in range(1000):
        loaded = states.load(id)
        if threads.of["read"] is threading.current_thread():
            return loaded
    raise AssertionError(f"it was always read by {threads.of['read']}")


def test_an_idle_store_is_read_in_the_thread_of_the_caller():
    threads = Threads()
    with opened(Hooked(hook=threads)) as states:
        states.save("a", 1)
        assert load_at_once(states, threads, "a").state == 1
        assert threads.of["append"] is not threading.current_thread()


def test_a_database_that_may_keep_its_readers_waiting_is_read_by_the_desk_alone():
    threads = Threads()
    backend = Hooked(hook=threads, without=(Capability.NOTIFIES, Capability.READS_AT_ONCE))
    with opened(backend) as states:
        states.save("a", 1)
        for _ in range(20):
            assert states.load("a").state == 1
            assert threads.of["read"] is threads.of["append"]


@pytest.mark.parametrize("make", [lambda _: Memory(), lambda folder: Sqlite(path=folder / "s.db")])
def test_a_load_sees_every_save_that_was_sent_before_it_however_it_was_sent(make, tmp_path):
    with States.open(make(tmp_path)) as states:
        sent = 0
        for turn in range(100):
            for number in range(turn % 4):
                if number % 2:
                    states.submit_save("a", sent)
                else:
                    states.address.cast(SaveState(id="a", state=sent))
                sent += 1
            if sent:
                assert states.load("a").revision == sent


def test_what_waits_at_the_desk_comes_before_a_load_at_once():
    desk = Desk(StoreConfig(), print, print)
    ledger = Ledger(Line(Memory()), Codec(Serializer()), Incremental())
    desk._ledger = ledger  # as if it served, and had not come to its next request yet
    load = ReadState(id="a")
    with pytest.raises(VersionNotFoundError):
        desk.try_now(load)
    desk.ask(SaveState(id="a", state=1), None)
    assert desk.try_now(load) is NOT_NOW


def test_a_load_waits_for_the_save_that_is_being_done():
    gate = Gate("append")
    with opened(Hooked(hook=gate)) as states:
        saved = states.submit_save("a", 1)
        assert gate.entered.wait(CEILING_S)
        found = []
        loading = threading.Thread(target=lambda: found.append(states.load("a").state))
        loading.start()
        gate.release.set()
        loading.join(CEILING_S)
        assert (saved.result(CEILING_S).revision, found) == (1, [1])


def test_a_suspended_store_is_not_read_before_it_is_resumed():
    threads = Threads()
    with opened(Hooked(hook=threads)) as states:
        states.save("a", 1)
        load_at_once(states, threads, "a")
        suspend(states.address)
        threads.of.clear()
        states.timeout_s = 0.01
        with pytest.raises(StorageUnavailableError):
            states.load("a")
        assert not threads.of
        states.timeout_s = CEILING_S
        resume(states.address)
        assert states.load("a").state == 1


def test_a_load_after_a_restart_asks_the_next_incarnation():
    threads = Threads()
    backend = Hooked(hook=threads)
    with Supervisor.start([StateStore.child_spec(backend, id="states")], strategy="one_for_one") as tree:
        address = tree.child("states")
        states = States(address)
        states.save("a", 1)
        load_at_once(states, threads, "a")
        old = address.pid
        old.kill()
        wait_restarted(address, old)
        assert load_at_once(states, threads, "a").state == 1
        assert backend.opens == 2


def test_a_store_that_was_killed_is_read_by_nobody():
    threads = Threads()
    with opened(Hooked(hook=threads)) as states:
        states.save("a", 1)
        load_at_once(states, threads, "a")
        door = states._door
        states.address.pid.kill()
        threads.of.clear()
        with pytest.raises(StorageUnavailableError):
            states.load("a")
        assert door.read(ReadState(id="a")) is NOT_NOW
        assert "read" not in threads.of


def test_the_database_is_closed_only_after_a_read_in_another_thread():
    gate, order = Gate("read"), []
    memory = Memory()

    class Noting(Hooked):
        def open(self):
            storage = super().open()
            close = storage._storage.close
            storage._storage.close = lambda: (order.append("closed"), closed.set(), close())
            return storage

    closed = threading.Event()

    def hook(operation, do):
        result = gate(operation, do)
        order.append(operation)
        return result

    with opened(Noting(memory, hook=hook)) as states:
        states.save("a", 1)
        idle(states)
        reader = threading.Thread(target=states.load, args=["a"])
        reader.start()
        assert gate.entered.wait(CEILING_S)
        pid = states.address.pid
        pid.kill()
        assert pid.wait_exit(CEILING_S) == KILLED
        gate.release.set()
        reader.join(CEILING_S)
        assert closed.wait(CEILING_S)
    assert order[-2:] == ["read", "closed"]


def test_a_fault_in_the_thread_of_a_reader_ends_the_store_as_one_at_the_desk_does():
    threads = Threads()
    backend = Hooked(hook=threads)
    with Supervisor.start([StateStore.child_spec(backend, id="states")], strategy="one_for_one") as tree:
        address = tree.child("states")
        states = States(address)
        states.save("a", 1)
        load_at_once(states, threads, "a")
        old = address.pid

        def broken(operation, _):
            raise ZeroDivisionError(operation)

        backend.hook = broken
        with pytest.raises(ZeroDivisionError):
            states.load("a")
        backend.hook = threads
        wait_restarted(address, old)
        assert states.load("a").state == 1


@pytest.mark.parametrize(
    "make", [lambda folder: Sqlite(path=folder / "s.db"), lambda f: FileSystem(path=f / "s", flush=False)]
)
def test_readers_and_writers_of_many_threads_never_see_a_state_go_back(make, tmp_path):
    with States.open(make(tmp_path)) as states:
        states.save("a", 0)
        done = threading.Event()
        faults = []

        def read():
            newest = 0
            while not done.is_set():
                revision = states.load("a").revision
                if revision < newest:
                    faults.append((newest, revision))
                newest = revision

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for number in range(1, 100):
            assert states.save("a", number).revision == number + 1
            assert states.load("a").state == number
        done.set()
        for reader in readers:
            reader.join(CEILING_S)
        assert not faults
