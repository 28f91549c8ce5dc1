"""A Redis server for the tests: one that is named, else one of our own."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress

from redis import Redis as Client
from redis.exceptions import ConnectionError as RedisConnectionError

from dspex_actors.testing import _redis_server
from tests.integration.state._processes import ForTests

URL = "DSPEX_TEST_REDIS_URL"


class RedisServer(ForTests, _redis_server.RedisServer):
    """A server of our own."""

    def new_prefix(self):
        return f"test-{uuid.uuid4().hex}"

    def forget(self, prefix):
        """Remove what a test stored."""
        with Client.from_url(self.url) as client:
            if keys := list(client.scan_iter(match=f"{{{prefix}}}*", count=1000)):
                client.delete(*keys)


class NamedRedis(RedisServer):
    """A server that somebody else runs; only what tests stored there is removed."""

    def __init__(self, url):
        self._url = url

    @property
    def url(self):
        return self._url

    def close(self):
        pass


def redis_for_tests():
    """Return the server that is named in the environment, else one of our own."""
    named = os.environ.get(URL)
    if not named:
        return RedisServer()
    with suppress(RedisConnectionError), Client.from_url(named) as client:
        client.ping()
        return NamedRedis(named)
    raise AssertionError(f"{URL} is set, and nobody answers there")
