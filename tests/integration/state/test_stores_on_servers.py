"""Stores on servers: many processes on one id, watching, and damage that is named."""

from __future__ import annotations

import queue
import random
import textwrap

import psycopg
import pytest
from redis import Redis as Client

from dspex_actors.state import DamagedVersionError, Postgres, Redis, States
from dspex_actors.state._redis_keys import Keys
from tests.integration.state._kinds import source_of
from tests.integration.state._processes import CEILING_S
from tests.integration.state._programs import COUNTER, HEAD, start

FLIPS = 64
HEAD_ON_SERVERS = textwrap.dedent(HEAD) + "from dspex_actors.state import Postgres, Redis\n"


@pytest.fixture(params=["redis", "postgres"])
def kind(request):
    return request.param


@pytest.fixture
def servers(redis_server, postgres_server):
    """Give both: what a session shares is started before a test, not in it."""
    return {"redis": redis_server, "postgres": postgres_server}


@pytest.fixture
def backend(servers, kind, prefix, schema):
    if kind == "redis":
        return Redis(url=servers[kind].url, prefix=prefix)
    return Postgres(dsn=servers[kind].dsn, schema=schema)


@pytest.mark.parametrize(
    ("processes", "each"), [(3, 25), pytest.param(8, 500, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_processes_that_count_together_on_a_server_lose_no_count(backend, processes, each):
    with States.open(backend) as states:
        states.save("counter", 0)
    text = HEAD_ON_SERVERS + COUNTER.replace("BACKEND", source_of(backend))
    counters = [start(text, "unused", each) for _ in range(processes)]
    for counter in counters:
        counter.stdin.write("go\n")
        counter.stdin.flush()
    said = [counter.communicate()[0] for counter in counters]

    assert [counter.returncode for counter in counters] == [0] * processes
    assert all(line.strip().isdigit() for line in said)
    total = processes * each
    with States.open(backend) as states:
        versions = states.list_versions("counter", limit=10_000)
        assert [version.revision for version in versions] == list(range(total + 1, 0, -1))
        assert [states.load("counter", version.revision).state for version in versions[::-1]] == list(
            range(total + 1)
        )
        assert states.verify().sound


@pytest.fixture
def body(servers, kind, backend):
    """Give two functions, which read and replace the body of the second version in the database."""
    if kind == "redis":
        key = Keys(backend.prefix).of_versions("a")[1]
        with Client.from_url(backend.url) as client:
            yield (lambda: client.hget(key, "2")), (lambda new: client.hset(key, "2", new))
        return
    read = f"SELECT body FROM {backend.schema}.versions WHERE revision = 2"  # noqa: S608 -- our own
    replace = f"UPDATE {backend.schema}.versions SET body = %s WHERE revision = 2"  # noqa: S608 -- as above
    with psycopg.connect(servers[kind].dsn, autocommit=True) as connection:
        yield (
            (lambda: connection.execute(read).fetchone()[0]),
            (lambda new: connection.execute(replace, [new])),
        )


def test_a_bit_that_is_turned_in_a_database_is_found_and_named_and_the_version_before_loads(backend, body):
    rng = random.Random(0)  # noqa: S311 -- repeatable
    with States.open(backend) as states:
        for number in (1, 2):
            states.save("a", {"step": number, "values": list(range(50))})
        read, replace = body
        whole = read()
        for _ in range(FLIPS):
            place = rng.randrange(len(whole) * 8)
            damaged = bytearray(whole)
            damaged[place // 8] ^= 1 << place % 8
            replace(bytes(damaged))
            with pytest.raises(DamagedVersionError):
                states.load("a")
            (finding,) = states.verify().findings
            assert (finding.id, finding.revision) == ("a", 2)
            assert states.load("a", 1).state["step"] == 1
        for length in range(len(whole)):
            replace(whole[:length])
            with pytest.raises(DamagedVersionError):
                states.load("a")
        replace(whole)
        assert states.load("a").state["step"] == 2
        assert states.verify().sound


def test_what_another_store_saves_is_told_to_who_watches(backend):
    changes = queue.Queue()
    with States.open(backend) as states, States.open(backend) as other:
        states.watch(changes.put, "a")
        other.save("b", 1)
        other.save("a", 1)
        change = changes.get(timeout=CEILING_S)
        assert (change.id, change.revision) == ("a", 1)
