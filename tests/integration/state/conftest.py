"""Servers that the tests of the state store share, and backends of each kind on empty databases.

There is one server of each kind for the whole session, and one more for the tests that kill it.
"""

from __future__ import annotations

import uuid

import pytest

from tests.integration.state._kinds import SERVERS, backend_in, backend_on
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


@pytest.fixture(scope="session", params=SERVERS)
def mortal_server(request, subreaper):  # noqa: ARG001 -- as above
    """Give a server of our own that may be killed, and is to be started again then."""
    with SERVERS[request.param]() as server:
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


@pytest.fixture(scope="session")
def kind(request):
    """Give the kind that a test names; the server it needs is started before the test, not in it."""
    if request.param in SERVERS:
        request.getfixturevalue(f"{request.param}_server")
    return request.param


@pytest.fixture
def new_backend(request, kind, tmp_path):
    """Give a function that returns a backend of the kind, on another empty database each time."""
    server = request.getfixturevalue(f"{kind}_server") if kind in SERVERS else None
    names = []

    def make():
        names.append(f"test_{uuid.uuid4().hex}")
        return backend_in(tmp_path / names[-1], kind) if server is None else backend_on(server, names[-1])

    yield make
    if server is not None:
        for each in names:
            server.forget(each)


@pytest.fixture
def backend(new_backend):
    """Give a backend of the kind, on an empty database."""
    return new_backend()
