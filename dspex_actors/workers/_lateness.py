"""A frame reader that tells when a frame is late.

It is the kernel's own timeout of the socket, which costs nothing for what is not late. A timer would wake its
thread for every request, when the threads of that request want the interpreter's lock: 5 to 10 % of the time
of a short call in a fresh worker.
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import TYPE_CHECKING

from dspex_actors.workers._framing import Frame, FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TIMEVAL = Struct("@ll")


class NoticingReader(FrameReader):
    """See the module.

    Args:
        sock: a blocking socket.
        caps: as for `FrameReader`.
    """

    def __init__(self, sock: socket.socket, caps: Mapping[int, int]) -> None:
        super().__init__(sock, caps)
        self._socket = sock
        self._on_late: Callable[[], object] | None = None

    def tell_when_late(self, seconds: float, on_late: Callable[[], object]) -> None:
        """Have the next `read` call `on_late`, in its thread, if nothing arrives for so long, and go on.

        Args:
            seconds: how long; rounded up to the kernel's ticks of 1 to 10 ms.
            on_late: must be short, and must not raise.
        """
        self._on_late = on_late
        self._limit(seconds)

    def _limit(self, seconds: float) -> None:
        """Limit how long the kernel waits for data; 0 for no limit."""
        time = _TIMEVAL.pack(int(seconds), int(seconds % 1 * 1e6))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, time)

    def read(self) -> Frame | None:
        """Return the next frame; see `FrameReader.read`."""
        if self._on_late is None:
            return super().read()
        on_late, self._on_late = self._on_late, None
        try:
            return super().read()
        except BlockingIOError:  # nothing is lost: the next read goes on where this one stopped
            on_late()
        finally:
            self._limit(0)
        return super().read()
