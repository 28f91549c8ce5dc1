"""A connection to Redis: how it is made, what is asked of the server first, and how commands are sent.

Only one thing is asked of the client library: bytes there and answers back. Its own retries are off, since
they would send a change again whose answer was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import ConfigError
from dspex_actors.state._redis_errors import NAME, lost, refused
from dspex_actors.state._redis_scripts import FORMAT
from dspex_actors.state._storage_errors import (
    StorageDamagedError,
    StorageError,
    StorageMissingError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

_OLDEST: Final = (6, 0)


class RedisLine:
    """How to reach one Redis server.

    Args:
        url: as the library `redis` reads it.
        prefix: of the keys, in braces.
        durability: what the server must be set to; see `Redis`.
        connect_timeout_s: how long a connection may take to be made.
        timeout_s: how long the server may be silent while we wait for an answer.
        create: whether to mark a prefix as ours that nobody has marked.

    Raises:
        ConfigError: it is no such URL.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: bytes,
        durability: str,
        connect_timeout_s: float,
        timeout_s: float,
        create: bool = True,
    ) -> None:
        import redis  # noqa: PLC0415 -- an optional dependency
        from redis.backoff import NoBackoff  # noqa: PLC0415 -- as above
        from redis.retry import Retry  # noqa: PLC0415 -- as above

        try:
            pool = redis.ConnectionPool.from_url(url)
        except ValueError:  # its text may hold the password
            raise ConfigError("Redis.url", "(hidden)", "a URL that the library redis reads") from None
        self._kind = pool.connection_class
        self._settings: dict[str, Any] = {
            **pool.connection_kwargs,
            "decode_responses": False,
            "health_check_interval": 0,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "retry_on_error": [],
            "socket_connect_timeout": connect_timeout_s,
            "socket_keepalive": True,
            "socket_timeout": timeout_s,
        }
        if not issubclass(self._kind, redis.Connection):  # a Unix socket has nothing to keep alive
            self._settings.pop("socket_keepalive")
        self._prefix = prefix
        self._durability = durability
        self._create = create

    def connect(self) -> redis.Connection:
        """Return a connection to a server that will keep what it acknowledges.

        Raises:
            StorageError: it cannot be reached, refuses us, or is not set as `durability` demands.
        """
        import redis  # noqa: PLC0415 -- an optional dependency

        connection: redis.Connection = self._kind(**self._settings)
        try:
            connection.connect()
            self._check(connection)
        except redis.RedisError as error:
            connection.disconnect()
            raise lost(error, "open", written=False) from error
        except BaseException:
            connection.disconnect()
            raise
        return connection

    def is_sound(self, connection: redis.Connection) -> bool:
        """Return whether the server has neither closed it nor sent what nobody waits for."""
        import redis  # noqa: PLC0415 -- an optional dependency

        try:
            return not connection.can_read(0)
        except (redis.RedisError, OSError):
            return False

    def disconnect(self, connection: redis.Connection) -> None:
        """Close it."""
        connection.disconnect()

    def _check(self, connection: redis.Connection) -> None:
        """Look whether the server is to be trusted; it may have been started anew with other settings."""
        server, memory, persistence = (
            _info(answer) for answer in ask(connection, "open", *(("INFO", part) for part in _PARTS))
        )
        if persistence.get("loading", "0") != "0":  # until then it says that it writes nothing down
            raise StorageUnavailableError(NAME, "open", "it is still loading what it has kept")
        found = fault(server, memory, persistence, self._durability)
        if found is not None:
            raise StorageError(NAME, "open", found)
        if self._durability == "always":
            (policy,) = ask(connection, "open", ("CONFIG", "GET", "appendfsync"))
            if policy[1:] != [b"always"]:
                seen = b"".join(policy[1:]).decode() or "unknown"
                raise StorageError(NAME, "open", f"its appendfsync is {seen}; {_SET_ALWAYS}")

    def prepare(self, connection: redis.Connection) -> None:
        """Mark the prefix as ours, or refuse one that a later release has written.

        One that is marked is not written to: a server that has no room left lets states be read.

        Raises:
            StorageError: it is not of our format, or not marked and not to be.
        """
        key = self._prefix + b":format"
        (found,) = ask(connection, "open", ("GET", key))
        if found is None and not self._create:
            reason = f"there is no store with the prefix {self._prefix[1:-1].decode()!r}"
            raise StorageMissingError(NAME, "open", reason)
        if found is None:
            _, found = ask(connection, "open", ("SET", key, FORMAT, "NX"), ("GET", key))
        if found != FORMAT:
            reason = f"{key.decode()} is {found!r}, and this release knows {FORMAT!r}"
            raise StorageDamagedError(NAME, "open", reason)


_PARTS: Final = ("server", "memory", "persistence")
_SET_ALWAYS: Final = (
    "set appendonly yes and appendfsync always there, or durability='everysec' or 'server' here,"
    " which may lose acknowledged saves when the server dies"
)


def _info(answer: bytes) -> dict[str, str]:
    lines = answer.decode("utf-8", "replace").splitlines()
    return {name: value for name, mark, value in (line.partition(":") for line in lines) if mark}


def fault(
    server: dict[str, str], memory: dict[str, str], persistence: dict[str, str], durability: str
) -> str | None:
    """Say why a server must not be used for a store, None if it may.

    Args:
        server: the section of this name of `INFO`, as are the others.
        memory: what it may throw away.
        persistence: what it writes down.
        durability: what is demanded.
    """
    version = server.get("redis_version", "")
    if tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < _OLDEST:
        return f"its version is {version or 'unknown'}, and the oldest that will do is 6.0"
    policy = memory.get("maxmemory_policy", "noeviction")
    if memory.get("maxmemory", "0") != "0" and policy.startswith("allkeys"):
        return f"its maxmemory-policy is {policy}, which throws states away; set noeviction"
    if durability != "server" and persistence.get("aof_enabled") != "1":
        return f"its appendonly is no; {_SET_ALWAYS}"
    return None


def ask(
    connection: redis.Connection,
    operation: str,
    *commands: Sequence[Any],
    written: bool | None = False,
) -> list[Any]:
    """Send commands at once and return their answers.

    Args:
        connection: sound.
        operation: for errors.
        commands: each with its arguments.
        written: what is known once they were sent and no answer has come: None if they change something.

    Raises:
        StorageError: a command was refused, after all answers were read; or the connection was lost, which
            is a `StorageUnavailableError`.
    """
    import redis  # noqa: PLC0415 -- an optional dependency

    answers: list[Any] = []
    refusal: redis.RedisError | None = None
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        for _ in commands:
            try:
                answers.append(connection.read_response())
            except redis.ResponseError as error:
                refusal = refusal or error
                answers.append(error)
    except (redis.RedisError, OSError) as error:
        raise lost(error, operation, written=written) from error
    if refusal is not None:
        failure = refused(refusal, operation)
        if len(commands) > 1 and any(not isinstance(each, redis.ResponseError) for each in answers):
            failure.written = written  # the others may have been carried out
        raise failure from refusal
    return answers
