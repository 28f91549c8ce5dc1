"""What a Redis server publishes about the changes in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dspex_actors.state._redis_errors import lost
from dspex_actors.state._redis_line import ask

if TYPE_CHECKING:
    import redis

    from dspex_actors.state._redis_line import RedisLine

_SILENCE_S: Final = 30.0  # after which the connection is asked whether it is still there


class RedisFeed:
    """A connection that has subscribed; see `Feed`.

    Args:
        line: how to reach the server.
        channel: where the scripts publish ids.
    """

    pause_s: float | None = _SILENCE_S

    def __init__(self, line: RedisLine, channel: bytes) -> None:
        self._connection: redis.Connection = line.connect()
        try:
            ask(self._connection, "subscribe", ("SUBSCRIBE", channel))
        except BaseException:
            self._connection.disconnect()
            raise

    def fileno(self) -> int | None:
        """Return the descriptor of the socket."""
        # The client has no public way to wait for it and for something else.
        sock: Any = self._connection._sock  # noqa: SLF001
        return int(sock.fileno())

    def news(self) -> list[str]:
        """Return the ids that were published; if there were none, ask for a sign of life."""
        import redis  # noqa: PLC0415 -- an optional dependency

        found: list[str] = []
        connection = self._connection
        try:
            if not connection.can_read(0):
                connection.send_command("PING")
                self._take(connection.read_response(), found)
            while connection.can_read(0):
                self._take(connection.read_response(), found)
        except (redis.RedisError, OSError) as error:
            raise lost(error, "subscribe", written=False) from error
        return found

    @staticmethod
    def _take(message: object, found: list[str]) -> None:
        match message:
            case [b"message", _, bytes(id)]:
                found.append(id.decode("utf-8", "replace"))

    def close(self) -> None:
        """Close the connection."""
        self._connection.disconnect()
