"""The postgres backend keeps the contract on a real server, in each of its ways of working."""

from __future__ import annotations

import threading

import psycopg
import pytest

from dspex_actors.state import Latest, Postgres, StorageBusyError, StorageDamagedError, StorageError
from dspex_actors.state._postgres_feed import _Changes
from dspex_actors.state._postgres_schema import STEPS
from dspex_actors.state._postgres_statements import Statements
from dspex_actors.testing._conformance import entry, fill
from dspex_actors.testing.store_conformance import StoreConformance
from tests.integration.state._postgres_server import PostgresServer, postgres_folders
from tests.integration.state._processes import CEILING_S


class TestPostgres(StoreConformance):
    settings = {}  # noqa: RUF012 -- not changed

    @pytest.fixture(autouse=True)
    def _stores(self, postgres_server):
        self.server = postgres_server
        self.schemas = {}
        yield
        for schema in self.schemas.values():
            postgres_server.forget(schema)

    def make_backend(self, folder):
        schema = self.schemas.setdefault(folder, self.server.new_schema())
        return Postgres(dsn=self.server.dsn, schema=schema, **self.settings)


class TestPostgresBehindAPooler(TestPostgres):
    settings = {  # noqa: RUF012 -- as above
        "prepared_statements": False,
        "watch": "poll",
        "poll_s": 0.02,
        "notify": False,
        "durability": "normal",
        "max_connections": 2,
    }


@pytest.fixture
def backend(postgres_server, schema):
    return Postgres(dsn=postgres_server.dsn, schema=schema)


@pytest.fixture
def storage(backend):
    opened = backend.open()
    yield opened
    opened.close()


def test_a_server_that_is_set_to_lose_what_it_acknowledged_is_refused(postgres_server, schema):
    careless = f"{postgres_server.dsn} options='-c synchronous_commit=off'"
    with pytest.raises(StorageError, match="synchronous_commit is off") as caught:
        Postgres(dsn=careless, schema=schema).open()
    assert caught.value.written is False
    Postgres(dsn=careless, schema=schema, durability="normal").open().close()


def test_a_database_that_is_not_there_is_not_opened(postgres_server):
    with pytest.raises(StorageError, match=r"could not open.*does not exist") as caught:
        Postgres(dsn=f"{postgres_server.dsn} dbname=other").open()
    assert caught.value.written is False


def test_stores_in_different_schemas_do_not_meet(postgres_server, storage):
    name = postgres_server.new_schema()
    other = Postgres(dsn=postgres_server.dsn, schema=name).open()
    try:
        fill(storage)
        assert other.heads(limit=9) == []
    finally:
        other.close()
        postgres_server.forget(name)


def test_a_schema_of_another_program_is_refused_and_left_as_it_is(postgres_server, backend, schema):
    postgres_server.execute(f"CREATE SCHEMA {schema}")
    postgres_server.execute(f"CREATE TABLE {schema}.theirs (x int)")
    with pytest.raises(StorageDamagedError, match="another program"):
        backend.open()
    names = postgres_server.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", schema)
    assert names == [("theirs",)]


def test_a_schema_of_a_later_release_is_refused(postgres_server, backend, storage, schema):
    storage.close()
    postgres_server.execute(f"UPDATE {schema}.dspex_state SET version = %s", len(STEPS) + 1)  # noqa: S608 -- our own
    with pytest.raises(StorageDamagedError, match=f"knows versions up to {len(STEPS)}"):
        backend.open()


def test_a_schema_that_was_made_for_a_role_without_rights_on_the_database_is_filled(postgres_server, schema):
    postgres_server.execute(f"CREATE SCHEMA {schema}")
    postgres_server.execute(f"CREATE ROLE {schema} LOGIN")
    postgres_server.execute(f"GRANT USAGE, CREATE ON SCHEMA {schema} TO {schema}")
    try:
        modest = Postgres(dsn=f"{postgres_server.dsn} user={schema}", schema=schema).open()
        assert modest.append([entry()]) == [None]
        modest.close()
    finally:
        postgres_server.execute(f"DROP OWNED BY {schema}")
        postgres_server.execute(f"DROP ROLE {schema}")


def test_many_who_open_a_new_schema_at_once_make_it_once(postgres_server, schema):
    barrier = threading.Barrier(4)
    failures = []

    def open_one():
        backend = Postgres(dsn=postgres_server.dsn, schema=schema)
        barrier.wait(CEILING_S)
        try:
            backend.open().close()
        except StorageError as error:
            failures.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(CEILING_S)
    assert failures == []
    assert postgres_server.execute(f"SELECT version FROM {schema}.dspex_state") == [(len(STEPS),)]  # noqa: S608 -- our own


def test_batches_in_opposite_order_do_not_lock_each_other_out(backend):
    batches = 20
    failures = []

    def write(ids):
        storage = backend.open()
        try:
            for _ in range(batches):
                heads = {row.id: row.revision for row in storage.heads(limit=9)}
                storage.append([entry(each, heads.get(each, 0) + 1) for each in ids])
        except StorageError as error:
            failures.append(error)
        finally:
            storage.close()

    threads = [threading.Thread(target=write, args=(ids,)) for ids in ("abcd", "dcba")]
    for each in threads:
        each.start()
    for each in threads:
        each.join(CEILING_S)
    assert failures == []


@pytest.mark.parametrize("others", [0, 400])
def test_a_refusal_in_the_middle_of_a_batch_does_not_pass_for_a_lost_connection(
    postgres_server, storage, schema, others
):
    fill(storage, count=1)
    hasty = Postgres(dsn=f"{postgres_server.dsn} options='-c lock_timeout=1ms'", schema=schema).open()
    entries = [entry(revision=2), *(entry(f"b{number}") for number in range(others))]
    try:
        with psycopg.connect(postgres_server.dsn) as holder:
            holder.execute(f"UPDATE {schema}.heads SET revision = 1 WHERE id = 'a'")  # noqa: S608 -- our own
            with pytest.raises(StorageBusyError) as caught:
                hasty.append(entries)
        assert caught.value.written is False
        assert hasty.append(entries) == [None] * len(entries)
    finally:
        hasty.close()


def test_storages_of_one_backend_share_its_connections_and_the_last_one_closes_them(backend):
    storages = [backend.open() for _ in range(5)]
    for each in storages:
        each.heads(limit=1)
    pool = backend._shared._pool
    assert len(pool._idle) == 1
    for each in storages:
        each.close()
    assert pool._idle == []


def test_when_all_connections_are_in_use_a_call_is_busy_and_nothing_was_written(postgres_server, schema):
    backend = Postgres(dsn=postgres_server.dsn, schema=schema, max_connections=1, busy_timeout_s=0.01)
    one, other = backend.open(), backend.open()
    try:
        with backend._shared._pool.lend("test"), pytest.raises(StorageBusyError) as caught:
            other.append([entry()])
        assert caught.value.written is False
        assert one.append([entry()]) == [None]
    finally:
        one.close()
        other.close()


def test_a_change_whose_writer_notifies_nobody_is_seen_at_the_next_look(postgres_server, schema):
    listener = Postgres(dsn=postgres_server.dsn, schema=schema, watch="poll", poll_s=0.01).open()
    writer = Postgres(dsn=postgres_server.dsn, schema=schema, notify=False).open()
    heard = threading.Event()
    try:
        listener.subscribe(lambda each: heard.set() if each == "a" else None)
        writer.append([entry()])
        assert heard.wait(CEILING_S)
    finally:
        listener.close()
        writer.close()


def test_a_change_that_commits_after_later_ones_is_not_missed(postgres_server, storage, schema):
    changes = _Changes(Statements(f'"{schema}"'))
    fill(storage, "a", 1)
    insert = f"INSERT INTO {schema}.heads (id, revision) VALUES ('slow', 1)"  # noqa: S608 -- our own
    with (
        psycopg.connect(postgres_server.dsn) as slow,
        psycopg.connect(postgres_server.dsn, autocommit=True) as looker,
    ):
        changes.since(looker)
        slow.execute(insert)
        fill(storage, "b", 1)
        assert "b" in changes.since(looker)
        assert changes.since(looker) == []
        slow.commit()
        assert changes.since(looker) == ["slow"]


@pytest.mark.parametrize("programs", postgres_folders()[1:], ids=str)  # the first is that of the session
def test_each_other_server_on_this_machine_starts_and_keeps_a_version(programs):
    with PostgresServer(programs) as server:
        storage = Postgres(dsn=server.dsn).open()
        assert storage.append([entry()]) == [None]
        assert storage.read("a", Latest()) == entry()
        storage.close()
