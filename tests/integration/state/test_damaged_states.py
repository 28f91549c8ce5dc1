"""What is missing or of another kind in a database is found by the backend itself."""

from __future__ import annotations

import pytest
from redis import Redis as Client

from dspex_actors.state import Entry, Latest, Postgres, Redis, Revision, Row, StorageDamagedError
from dspex_actors.state._redis_keys import Keys
from dspex_actors.testing._conformance import entry, fill, snapshot


class RedisDamage:
    def __init__(self, server, prefix):
        self.backend = Redis(url=server.url, prefix=prefix)
        self.keys = Keys(prefix)
        self._client = Client.from_url(server.url)

    def replace_row(self, packed):
        rows = self.keys.of_versions("a")[0]
        self._client.zremrangebyscore(rows, 2, 2)
        self._client.zadd(rows, {packed: 2})

    def do(self, *command):
        self._client.execute_command(*command)

    def close(self):
        self._client.close()


class PostgresDamage:
    def __init__(self, server, schema):
        self.backend = Postgres(dsn=server.dsn, schema=schema)
        self._server, self.schema = server, schema

    def do(self, statement, *values):
        self._server.execute(statement, *values)

    def close(self):
        pass


@pytest.fixture
def in_redis(redis_server, prefix):
    damage = RedisDamage(redis_server, prefix)
    yield damage
    damage.close()


@pytest.fixture
def in_postgres(postgres_server, schema):
    return PostgresDamage(postgres_server, schema)


def test_a_row_in_redis_that_is_cut_off_anywhere_is_still_named(in_redis):
    storage = in_redis.backend.open()
    try:
        entries = fill(storage)
        rows = in_redis.keys.of_versions("a")[0]
        (packed,) = in_redis._client.zrangebyscore(rows, 2, 2)
        unreadable = Row("a", 2, "", 0, deleted=False, about=b"")
        for length in range(len(packed)):
            in_redis.replace_row(packed[:length])
            assert storage.read("a", Revision(2)).row == unreadable
            assert storage.rows("a", limit=9) == [entries[2].row, unreadable, entries[0].row]
        assert storage.read("a", Revision(1)) == entry()
    finally:
        storage.close()


@pytest.mark.parametrize(
    ("command", "finding"),
    [
        (("HDEL", "bodies", "2"), "of 'a' there are 3 rows, 2 bodies and 3 times"),
        (("ZREM", "times", "2"), "of 'a' there are 3 rows, 3 bodies and 2 times"),
        (("DEL", "rows"), "of 'a' there is no version"),
        (("DEL", "holds"), "the snapshot 's' names a version that it does not hold"),
        (("DEL", "snapshot"), "of the snapshot 's' there is only the name"),
        (("HSET", "snapshot", "items", "x"), "the items of the snapshot 's' cannot be read"),
    ],
)
def test_what_is_missing_in_redis_is_found_by_the_check(in_redis, command, finding):
    storage = in_redis.backend.open()
    try:
        fill(storage)
        storage.put_snapshot(snapshot(), {"a": 1})
        assert storage.check() == []
        rows, bodies, times, _ = in_redis.keys.of_versions("a")
        names = {"rows": rows, "bodies": bodies, "times": times}
        names |= {"holds": in_redis.keys.holds("a"), "snapshot": in_redis.keys.snapshot("s")}
        in_redis.do(command[0], names[command[1]], *command[2:])
        assert finding in "; ".join(storage.check())
    finally:
        storage.close()


def test_a_version_in_redis_without_its_body_is_not_taken_for_an_empty_one(in_redis):
    storage = in_redis.backend.open()
    try:
        fill(storage)
        in_redis.do("HDEL", in_redis.keys.of_versions("a")[1], "3")
        assert storage.read("a", Latest()) == Entry(Row("a", 3, "", 0, deleted=False, about=b""), b"")
    finally:
        storage.close()


def test_a_newest_version_in_redis_that_is_gone_is_not_passed_over(in_redis):
    storage = in_redis.backend.open()
    try:
        fill(storage)
        in_redis.do("ZREMRANGEBYSCORE", in_redis.keys.of_versions("a")[0], "3", "3")
        assert storage.read("a", Latest()).row.about == b""
        with pytest.raises(StorageDamagedError, match="newest version of 'a' is missing"):
            storage.rows("a", limit=9)
        assert storage.read("a", Revision(2)) == entry(revision=2)
    finally:
        storage.close()


def test_a_key_of_another_kind_in_redis_is_damage_and_nothing_is_written(in_redis):
    storage = in_redis.backend.open()
    try:
        in_redis.do("SET", in_redis.keys.of_versions("a")[0], "theirs")
        with pytest.raises(StorageDamagedError, match="WRONGTYPE") as caught:
            storage.append([entry()])
        assert caught.value.written is False
    finally:
        storage.close()


@pytest.mark.parametrize("change", ["UPDATE {}.heads SET revision = 2", "DELETE FROM {}.heads"])
def test_a_head_in_postgres_that_is_not_the_newest_version_is_found(in_postgres, change):
    storage = in_postgres.backend.open()
    try:
        fill(storage)
        in_postgres.do(change.format(in_postgres.schema))
        assert storage.check() == ["the newest version of 'a' is not its head"]
        for read in (lambda: storage.read("a", Latest()), lambda: storage.rows("a", limit=9)):
            with pytest.raises(StorageDamagedError, match="not its head"):
                read()
        assert storage.read("a", Revision(3)) == entry(revision=3)
    finally:
        storage.close()


def test_versions_in_postgres_that_are_all_gone_are_not_taken_for_an_id_without_any(in_postgres):
    storage = in_postgres.backend.open()
    try:
        fill(storage)
        in_postgres.do(f"DELETE FROM {in_postgres.schema}.versions")  # noqa: S608 -- our own
        for read in (lambda: storage.read("a", Latest()), lambda: storage.rows("a", limit=9)):
            with pytest.raises(StorageDamagedError, match="not its head"):
                read()
    finally:
        storage.close()


def test_a_table_that_is_missing_in_postgres_is_damage(in_postgres):
    storage = in_postgres.backend.open()
    try:
        in_postgres.do(f"DROP TABLE {in_postgres.schema}.versions CASCADE")
        with pytest.raises(StorageDamagedError, match="does not exist"):
            storage.read("a", Latest())
    finally:
        storage.close()
