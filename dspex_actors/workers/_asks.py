"""What the code of one request may ask the host for while it runs: calls of tools, and connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._execution import Usage
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._network_calls import NetworkCalls
from dspex_actors.workers._network_protocol import CONNECT_CAP
from dspex_actors.workers._protocol import FrameType
from dspex_actors.workers._tool_calls import ToolCalls

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from dspex_actors._limits import Limits
    from dspex_actors.workers._framing import Frame
    from dspex_actors.workers._network_calls import DescriptorStream
    from dspex_actors.workers._protocol import Final
    from dspex_actors.workers._tool_calls import Tools


class Asks:
    """Takes what a worker asks for within one request; for the thread that reads its frames.

    Args:
        tools: runs the request's tools; None if it has none.
        descriptors: what brings the sockets of its connections; None if it may have none.
        limits: of the request.
        sock: where answers of tools are sent.
        nonce: of the request.
        kill: kills the worker for a cause, if the request is under way; called from any thread.
    """

    def __init__(
        self,
        tools: Tools | None,
        descriptors: DescriptorStream | None,
        limits: Limits,
        sock: socket.socket,
        nonce: int,
        kill: Callable[[Cause], object],
    ) -> None:
        self._calls = None if tools is None else ToolCalls(tools, limits, sock, nonce)
        self._connections = None if descriptors is None else NetworkCalls(descriptors, limits, kill)

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools."""
        return () if self._calls is None else self._calls.names

    @property
    def caps(self) -> dict[int, int]:
        """The largest payload of each kind of frame that may come."""
        caps: dict[int, int] = {}
        if self._calls is not None:
            caps[FrameType.TOOL_CALL] = self._calls.cap
        if self._connections is not None:
            caps[FrameType.CONNECT] = CONNECT_CAP
        return caps

    def take(self, frame: Frame) -> Cause | None:
        """Take a frame; return why the worker is to be killed for it, None if it is not.

        Raises:
            ProtocolError: it is not allowed.
        """
        if frame.type == FrameType.TOOL_CALL and self._calls is not None:
            return None if self._calls.take(frame.payload) else Cause.TOOL_CALLS
        assert self._connections is not None  # noqa: S101 -- the reader knows no other type
        return None if self._connections.take(frame.payload) else Cause.CONNECTIONS

    def finish(self) -> None:
        """Make sure that the worker may end the request now.

        Raises:
            ProtocolError: it may not.
        """
        if self._calls is not None:
            self._calls.finish()

    def usage(self, final: Final | None) -> Usage:
        """Say what the request used; a worker that gave no final frame did not tell its part."""
        calls = 0 if self._calls is None else self._calls.count
        asked, carried = 0, 0
        if self._connections is not None:
            asked, carried = self._connections.count, self._connections.carried_bytes
        if final is None:
            return Usage(tool_calls=calls, connections=asked, network_bytes=carried)
        dropped = final.dropped_bytes, final.dropped_notes
        return Usage(final.cpu_s, final.memory_peak_bytes, dropped[0], calls, asked, carried, dropped[1])

    def end_connections(self) -> None:
        """End all connections; nothing is carried any more when this returns."""
        if self._connections is not None:
            self._connections.close()

    def close(self) -> None:
        """Send no more answers. The worker has finished, or was killed."""
        if self._calls is not None:
            self._calls.close()
