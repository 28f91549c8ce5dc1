"""A frame reader that tells when an answer takes long.

It is the kernel's own timeout of the socket, which costs nothing for what does not. A timer would wake its
thread for every request, when the threads of that request want the interpreter's lock: 5 to 10 % of the time
of a short call in a fresh worker.
"""

from __future__ import annotations

import socket
import time
from struct import Struct
from typing import TYPE_CHECKING

from dspex_actors.workers._framing import Frame, FrameReader, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEVAL = Struct("@ll")


class NoticingReader(FrameReader):
    """See the module.

    Args:
        sock: a blocking socket.
        caps: as for `FrameReader`.
        stream: what reads from that socket, None for itself.
    """

    def __init__(self, sock: socket.socket, caps: Mapping[int, int], stream: Stream | None = None) -> None:
        super().__init__(stream or sock, caps)
        self._socket = sock
        self._on_late: Callable[[], object] | None = None
        self._patience_s = 0.0
        self._due = 0.0  # when it is late; 0 until the first read

    def tell_when_late(self, seconds: float, on_late: Callable[[], object]) -> None:
        """Have `read` call `on_late`, once and in its thread, when frames are still being waited for.

        Args:
            seconds: how long after the next `read` began. It may be told up to twice as late, and the
                kernel rounds up to its ticks of 1 to 10 ms.
            on_late: must be short, and must not raise.
        """
        self._on_late, self._patience_s, self._due = on_late, seconds, 0.0
        self._limit(seconds)

    def _limit(self, seconds: float) -> None:
        """Limit how long the kernel waits for data; 0 for no limit."""
        limit = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)

    def read(self) -> Frame | None:
        """Return the next frame; see `FrameReader.read`."""
        if self._on_late is None:
            return super().read()
        if not self._due:
            self._due = time.monotonic() + self._patience_s
        elif time.monotonic() >= self._due:  # it is a guest that writes all the time
            self._tell()
            return super().read()
        try:
            return super().read()
        except BlockingIOError:  # nothing is lost: the next read goes on where this one stopped
            self._tell()
        return super().read()

    def _tell(self) -> None:
        on_late, self._on_late = self._on_late, None
        self._limit(0)
        if on_late is not None:
            on_late()
