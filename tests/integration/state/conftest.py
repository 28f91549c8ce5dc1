"""Servers that the tests of the state store share: one of each kind for the whole session."""

from __future__ import annotations

import pytest

from tests.integration.state._postgres_server import postgres_for_tests
from tests.integration.state._redis_server import redis_for_tests


@pytest.fixture(scope="session")
def redis_server(subreaper):  # noqa: ARG001 -- set up before: what a server leaves becomes our child
    with redis_for_tests() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(subreaper):  # noqa: ARG001 -- as above
    with postgres_for_tests() as server:
        yield server


@pytest.fixture
def prefix(redis_server):
    """Give a prefix of keys that belongs to one test."""
    name = redis_server.new_prefix()
    yield name
    redis_server.forget(name)


@pytest.fixture
def schema(postgres_server):
    """Give the name of a schema that belongs to one test."""
    name = postgres_server.new_schema()
    yield name
    postgres_server.forget(name)
