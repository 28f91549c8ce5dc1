"""The redis backend keeps the contract on a real server."""

from __future__ import annotations

import pytest
from redis import Redis as Client

from dspex_actors.state import (
    Capability,
    Latest,
    Redis,
    StorageDamagedError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)
from dspex_actors.state._redis_keys import Keys
from dspex_actors.testing._conformance import entry, fill, snapshot
from dspex_actors.testing.store_conformance import StoreConformance
from tests.integration.state._redis_server import RedisServer


class TestRedis(StoreConformance):
    @pytest.fixture(autouse=True)
    def _stores(self, redis_server):
        self.server = redis_server
        self.prefixes = {}
        yield
        for prefix in self.prefixes.values():
            redis_server.forget(prefix)

    def make_backend(self, folder):
        prefix = self.prefixes.setdefault(folder, self.server.new_prefix())
        return Redis(url=self.server.url, prefix=prefix)


@pytest.fixture
def backend(redis_server, prefix):
    return Redis(url=redis_server.url, prefix=prefix)


@pytest.fixture
def storage(backend):
    opened = backend.open()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("settings", "refused", "accepted"),
    [
        (("--appendonly", "no"), {"always": "appendonly", "everysec": "appendonly"}, {"server"}),
        (
            ("--appendonly", "yes", "--appendfsync", "everysec"),
            {"always": "appendfsync is everysec"},
            {"everysec", "server"},
        ),
        (
            ("--appendonly", "yes", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"),
            {"always": "allkeys-lru", "everysec": "allkeys-lru", "server": "allkeys-lru"},
            set(),
        ),
    ],
)
def test_a_server_that_is_set_to_lose_what_it_acknowledged_is_refused(settings, refused, accepted):
    with RedisServer(*settings) as server:
        for durability, reason in refused.items():
            with pytest.raises(StorageError, match=reason) as caught:
                Redis(url=server.url, durability=durability).open()
            assert caught.value.written is False
        for durability in accepted:
            storage = Redis(url=server.url, durability=durability).open()
            assert storage.append([entry(durability)]) == [None]
            storage.close()


@pytest.mark.may_leak(reason="the server is killed and started again")
def test_a_server_without_a_log_forgets_when_it_is_killed_which_is_why_it_is_not_called_durable():
    with RedisServer("--appendonly", "no") as server:
        backend = Redis(url=server.url, durability="server")
        storage = backend.open()
        assert storage.append([entry()]) == [None]
        server.kill()
        server.start()
        assert storage.read("a", Latest()) is None
        assert Capability.DURABLE not in backend.capabilities
        storage.close()


def fill_up(storage, stored):
    while True:
        storage.append([entry(revision=len(stored) + 1, body=bytes(2**19))])
        stored.append(len(stored) + 1)


def test_a_server_that_is_full_says_so_and_what_was_stored_is_intact():
    settings = (*RedisServer.settings, "--maxmemory", "8mb", "--maxmemory-policy", "noeviction")
    with RedisServer(*settings) as server:
        storage = Redis(url=server.url).open()
        stored = []
        with pytest.raises(StorageFullError) as caught:
            fill_up(storage, stored)
        assert caught.value.written is False
        assert stored
        storage.close()
        storage = Redis(url=server.url).open()
        assert [row.revision for row in storage.rows("a", limit=99)] == stored[::-1]
        assert storage.read("a", Latest()) == entry(revision=stored[-1], body=bytes(2**19))
        assert storage.check() == []
        storage.close()


def test_a_password_that_is_wrong_is_no_outage():
    with RedisServer(*RedisServer.settings, "--requirepass", "right") as server:
        with pytest.raises(StorageError) as caught:
            Redis(url=server.url).open()
        assert not isinstance(caught.value, StorageUnavailableError)
        assert "right" not in str(caught.value)


def test_stores_with_different_prefixes_do_not_meet(redis_server, storage):
    other_prefix = redis_server.new_prefix()
    other = Redis(url=redis_server.url, prefix=other_prefix).open()
    try:
        fill(storage)
        assert other.heads(limit=9) == []
        assert other.append([entry()]) == [None]
        assert len(storage.rows("a", limit=9)) == 3
    finally:
        other.close()
        redis_server.forget(other_prefix)


def test_a_store_of_a_later_release_is_refused_and_left_as_it_is(redis_server, backend, prefix):
    with Client.from_url(redis_server.url) as client:
        client.set(f"{{{prefix}}}:format", "2")
    with pytest.raises(StorageDamagedError, match=r"this release knows b'1'"):
        backend.open()


def test_removing_versions_and_snapshots_leaves_no_key_that_grows(redis_server, storage, prefix):
    fill(storage, count=50)
    storage.put_snapshot(snapshot(), {"a": 7})
    storage.remove("a", range(1, 51))
    storage.drop_snapshot("s")
    storage.remove("a", [7])
    keys = Keys(prefix)
    with Client.from_url(redis_server.url) as client:
        rows, bodies, times, labels = keys.of_versions("a")
        counts = [client.zcard(rows), client.hlen(bodies), client.zcard(times), client.zcard(labels)]
        assert counts == [1, 1, 1, 1]
        assert not client.exists(keys.holds("a"), keys.snapshots, keys.snapshot("s"))
