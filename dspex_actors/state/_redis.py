"""The backend on a Redis server, 6.0 or newer: plain commands and scripts, no modules.

Redis answers from memory, and writes down what it was told as it is set to. So what an acknowledgement is
worth is decided there, and looked at here whenever a connection is made.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from typing import Final

from dspex_actors._checks import check_seconds, check_switch
from dspex_actors._errors import ConfigError
from dspex_actors.state._backend import Capability
from dspex_actors.state._redis_errors import NAME
from dspex_actors.state._redis_keys import Keys
from dspex_actors.state._redis_line import RedisLine
from dspex_actors.state._redis_storage import RedisStorage
from dspex_actors.state._storage_errors import StorageError

_DURABILITY: Final = ("always", "everysec", "server")
_SCHEMES: Final = ("redis://", "rediss://", "unix://")
_LONGEST_PREFIX: Final = 128  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Redis:
    """Keeps states in a Redis server. Needs the extra `redis`.

    Attributes:
        url: `redis://`, `rediss://` (TLS) or `unix://`, as the library `redis` reads it. Not shown by `repr`,
            since it may hold a password.
        prefix: begins the names of all keys; stores with different ones do not meet.
        durability: what the server must be set to, which is looked at on each connection.
            `"always"`: `appendonly yes` and `appendfsync always`; an acknowledged save survives that the
            server is killed, and a loss of power. `"everysec"`: `appendonly yes`; the server may lose about
            two seconds of acknowledged saves when it dies, none when it is stopped. `"server"`: anything;
            without an append-only file it may lose all since its last snapshot.
        connect_timeout_s: how long a connection may take to be made.
        timeout_s: how long the server may be silent while an answer is waited for.
        create: make what is not there. False: `open` raises `StorageMissingError` then, and sets no key.

    Raises:
        ConfigError: a setting is wrong.
    """

    url: str = field(repr=False)
    prefix: str = "dspex"
    durability: str = "always"
    connect_timeout_s: float = 5.0
    timeout_s: float = 30.0
    create: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.url, str) or not self.url.startswith(_SCHEMES):
            raise ConfigError("Redis.url", "(hidden)", f"a URL that begins with one of {', '.join(_SCHEMES)}")
        text = self.prefix if isinstance(self.prefix, str) else ""
        if not 0 < len(text) <= _LONGEST_PREFIX or not text.isprintable() or set(text) & {"{", "}"}:
            allowed = f"1 to {_LONGEST_PREFIX} printable characters without braces"
            raise ConfigError("Redis.prefix", self.prefix, allowed)
        if self.durability not in _DURABILITY:
            raise ConfigError("Redis.durability", self.durability, "'always', 'everysec' or 'server'")
        check_seconds("Redis.connect_timeout_s", self.connect_timeout_s)
        check_seconds("Redis.timeout_s", self.timeout_s)
        check_switch("Redis.create", self.create)

    @property
    def name(self) -> str:
        """`redis`."""
        return NAME

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Shared by many machines, with transactions, tells of changes; durable but for `"server"`."""
        durable = {Capability.DURABLE} if self.durability != "server" else set()
        return frozenset({Capability.SHARED, Capability.TRANSACTIONS, Capability.NOTIFIES} | durable)

    def open(self) -> RedisStorage:
        """Return a storage on the server.

        Raises:
            ConfigError: the URL is none.
            StorageError: it cannot be reached, is not fit for what `durability` demands, or has no store of
                this prefix and is not to get one.
        """
        if importlib.util.find_spec("redis") is None:
            raise StorageError(NAME, "open", "its library is missing; install dspex-actors[redis]")
        keys = Keys(self.prefix)
        line = RedisLine(
            self.url,
            prefix=keys.prefix,
            durability=self.durability,
            connect_timeout_s=self.connect_timeout_s,
            timeout_s=self.timeout_s,
            create=self.create,
        )
        return RedisStorage(line, keys)
