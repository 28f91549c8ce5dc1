"""A Postgres server for the tests: one that is named, else one of our own."""

from __future__ import annotations

import os
import uuid

import psycopg

from dspex_actors.testing import _postgres_server
from dspex_actors.testing._postgres_server import postgres_folders
from tests.integration.state._processes import ForTests

__all__ = ["NamedPostgres", "PostgresServer", "postgres_folders", "postgres_for_tests"]

DSN = "DSPEX_TEST_POSTGRES_DSN"


class PostgresServer(ForTests, _postgres_server.PostgresServer):
    """A server of our own."""

    def new_schema(self):
        return f"test_{uuid.uuid4().hex}"

    def execute(self, statement, *values):
        """Return the rows of a statement, None if it has none."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else None

    def forget(self, schema):
        """Remove what a test stored."""
        self.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


class NamedPostgres(PostgresServer):
    """A server that somebody else runs; only what tests stored there is removed."""

    def __init__(self, dsn):
        self._dsn = dsn

    @property
    def dsn(self):
        return self._dsn

    def close(self):
        pass


def postgres_for_tests():
    """Return the server that is named in the environment, else one of our own."""
    named = os.environ.get(DSN)
    if not named:
        return PostgresServer()
    server = NamedPostgres(named)
    assert server.is_ready(), f"{DSN} is set, and nobody answers there"
    return server
