"""A store whose actor crashes and is restarted by its supervisor has lost nothing that it acknowledged.

On each backend, by each way in which the actor can end: killed in the middle of what it does; a fault in the
thread that does the database's work, before or after the work is done; a fault in the actor's own thread.
Its clients go on with the address that they had.
"""

from __future__ import annotations

import random
import threading
from contextlib import suppress

import pytest

from dspex_actors.state import (
    FileSystem,
    Memory,
    Postgres,
    Redis,
    Sqlite,
    States,
    StateStore,
    StorageError,
    StoreConfig,
    VersionConflictError,
    VersionNotFoundError,
)
from supervisors import Supervisor
from supervisors.testing import wait_restarted
from tests.integration.state._processes import CEILING_S

BACKENDS = ("memory", "file_system", "sqlite", "redis", "postgres")
CRASHES = ("killed", "fault before", "fault after", "fault of the actor")
CLIENTS = 3


class Fault(BaseException):
    """What no part of a store expects."""


class Faulty:
    """A backend whose next write fails by a fault of the program when that is asked for."""

    def __init__(self, backend):
        self._backend = backend
        self.name, self.capabilities = backend.name, backend.capabilities
        self.next = None

    def open(self):
        return FaultyStorage(self, self._backend.open())

    def fault(self, when):
        if self.next == when:
            self.next = None
            raise Fault(when)


class FaultyStorage:
    def __init__(self, owner, storage):
        self._owner, self._storage = owner, storage

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def append(self, entries):
        self._owner.fault("fault before")
        results = self._storage.append(entries)
        self._owner.fault("fault after")
        return results


class FaultyStore(StateStore):
    """A store whose actor fails when it comes to tell of one id, after it was saved."""

    def _tell(self, change):
        if change.id == "told":
            raise Fault(change.id)
        super()._tell(change)


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    """Give one of the five, empty."""
    match request.param:
        case "memory":
            return Memory()
        case "file_system":
            return FileSystem(path=tmp_path / "states", flush=False)
        case "sqlite":
            return Sqlite(path=tmp_path / "states.db")
        case "redis":
            server, name = (request.getfixturevalue(each) for each in ("redis_server", "prefix"))
            return Redis(url=server.url, prefix=name)
    server, name = (request.getfixturevalue(each) for each in ("postgres_server", "schema"))
    return Postgres(dsn=server.dsn, schema=name)


@pytest.fixture
def started(redis_server, postgres_server):
    """Start what the session shares before a test, so that it is not taken for a leak of the test."""


@pytest.fixture
def faulty(started, backend):  # noqa: ARG001 -- as above
    return Faulty(backend)


@pytest.fixture
def states(faulty):
    """Give a client of a store in a tree whose supervisor restarts it as often as it crashes."""
    children = [FaultyStore.child_spec(faulty, StoreConfig(versioning="incremental"), id="states")]
    with Supervisor.start(children, strategy="one_for_one", intensity=1000, period=1) as tree:
        yield States(tree.child("states"), timeout_s=CEILING_S)


def crash(kind, states, faulty):
    """Let the store's actor end by a crash, and wait until another one is there."""
    old = states.address.pid
    if kind == "killed":
        old.kill()
    elif kind == "fault of the actor":
        states.watch(lambda _: None, "told")
        with suppress(StorageError):
            states.save("told", kind)
    else:
        faulty.next = kind
        with pytest.raises((Fault, StorageError)):
            states.save("crash", kind)
    wait_restarted(states.address, old)


@pytest.mark.parametrize("kind", CRASHES)
def test_a_store_that_has_crashed_finds_all_that_it_acknowledged(states, faulty, kind):
    saved = [states.save("a", {"step": number}) for number in range(5)]
    states.delete("a")
    saved.append(states.save("a", {"step": 5}))
    snapshot = states.create_snapshot("release", {"a": 2})

    crash(kind, states, faulty)

    assert [version for version in states.list_versions("a")[::-1] if not version.deleted] == saved
    assert [states.load("a", each.revision).state for each in saved] == [{"step": n} for n in range(6)]
    assert states.list_snapshots() == [snapshot]
    with pytest.raises(VersionConflictError):
        states.save("a", "late", expected=saved[0])
    assert states.save("a", "next", expected=saved[-1]).revision == 8
    assert states.restore_snapshot("release").versions
    assert states.load("a").state == {"step": 1}
    assert states.verify().sound


class Client(threading.Thread):
    """Saves versions of one id, each on the one before; where a save may have happened, it looks."""

    def __init__(self, states, id_, step):
        super().__init__()
        self._states, self._id, self._step = states, id_, step
        self.acknowledged = {}
        self.outages = 0
        self.failure = None
        self.done = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.done.is_set():
                self._save()
                self._step.release()
        except BaseException as error:  # noqa: BLE001 -- the test looks at it
            self.failure = error
            self._step.release()

    def _save(self):
        expected = max(self.acknowledged, default=0)
        content = {"id": self._id, "number": expected + 1}
        try:
            version = self._states.save(self._id, content, expected=expected)
        except VersionConflictError:  # what a store was writing when it crashed came after we had looked
            assert self.outages
            version = self._found(expected + 1, content)
            assert version is not None
        except (StorageError, Fault):
            self.outages += 1
            version = self._found(expected + 1, content)
        if version is not None:
            self.acknowledged[version.revision] = content

    def _found(self, revision, content):
        """Return the version of a save whose answer was lost, None if it did not happen."""
        while not self.done.is_set():
            self._states.address.wait_available(CEILING_S)
            try:
                loaded = self._states.load(self._id, revision)
            except VersionNotFoundError:
                return None
            except (StorageError, Fault):
                continue
            assert loaded.state == content
            return loaded.version
        return None


@pytest.mark.parametrize("crashes", [6, pytest.param(200, marks=pytest.mark.slow)])
def test_clients_in_the_middle_of_their_work_go_on_after_each_crash_and_nothing_is_lost(
    states, faulty, crashes
):
    rng = random.Random(crashes)  # noqa: S311 -- repeatable
    step = threading.Semaphore(0)
    clients = [Client(states, each, step) for each in "abc"[:CLIENTS]]
    try:
        for number in range(crashes):
            for _ in range(rng.randint(1, 8)):
                assert step.acquire(timeout=CEILING_S)
            old = states.address.pid
            if number % 3:
                faulty.next = CRASHES[number % 3]  # whoever saves next brings it about
            else:
                old.kill()
            wait_restarted(states.address, old)
        for _ in range(2 * CLIENTS):
            assert step.acquire(timeout=CEILING_S)
    finally:
        for client in clients:
            client.done.set()
        for client in clients:
            client.join(CEILING_S)

    assert [client.failure for client in clients] == [None] * CLIENTS
    assert sum(client.outages for client in clients) > 0
    for client in clients:
        revisions = [version.revision for version in states.list_versions(client._id, limit=10_000)]
        assert revisions == list(range(len(revisions), 0, -1))
        assert set(client.acknowledged) <= set(revisions)
        for revision, content in client.acknowledged.items():
            assert states.load(client._id, revision).state == content
    assert states.verify().sound
