"""A stand-in for the socket to the host, by which a worker asks itself something for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class MemoryChannel:
    """Stands in for a host that has sent a few bytes and drops the answer."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def recv_into(self, buffer: memoryview) -> int:
        """Put the bytes into the buffer."""
        buffer[: len(self._data)] = self._data
        return len(self._data)

    def sendall(self, data: bytes) -> None:
        """Take an answer."""
        self._data = data

    def sendmsg(self, buffers: Iterable[memoryview]) -> int:
        """Take a large answer."""
        return sum(map(len, buffers))
