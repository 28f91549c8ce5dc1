"""An event loop for async tools, in a thread of its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dspex_actors._errors import RuntimeClosedError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Event
    from collections.abc import Callable

    from supervisors import System


class ToolLoop:
    """The event loop that runs the async tools of requests whose caller has none. Any thread may use it.

    A runtime has one, an executor in a tree of your own has one; hand one to several executors, by
    `PythonExecutor.child_spec(tool_loop=...)`, and close it yourself, to let their tools share clients.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._ended = False
        self._forget: Callable[[], object] | None = None  # takes the record of an abandoned thread back
        self._loop: AbstractEventLoop  # set by the thread
        self._over: Event

    def get(self) -> AbstractEventLoop:
        """Return the loop, running; its thread is started by the first call.

        Raises:
            RuntimeClosedError: it is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeClosedError
            if self._thread is None:
                ready = threading.Event()
                thread = threading.Thread(
                    target=self._serve, args=(ready,), name="dspex-tool-loop", daemon=True
                )
                thread.start()
                ready.wait()
                self._thread = thread
            return self._loop

    def close(self, timeout_s: float) -> bool:
        """Cancel what runs in the loop and end its thread.

        Args:
            timeout_s: seconds to wait for that.

        Returns:
            False if the thread is still there: a tool blocks the loop, will not be cancelled, or makes this
            call.
        """
        with self._lock:
            first, self._closed = not self._closed, True
        if self._thread is None:
            return True
        if first:
            self._loop.call_soon_threadsafe(self._over.set)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def close_in(self, system: System, owner: str) -> None:
        """Close at the end of a tree; a thread that stays is one of its abandoned ones until it ends.

        Args:
            system: of the tree.
            owner: whose loop this is, for the record.
        """
        if self.close(system.kill_grace_s) or self._thread is None:
            return
        forget = system.abandoned.add(f"async tools of {owner}", self._thread)
        with self._lock:
            self._forget = forget
            over = self._ended
        if over:
            forget()

    def _serve(self, ready: threading.Event) -> None:
        import asyncio  # noqa: PLC0415 -- 30 ms that only those with async tools should pay

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._over = asyncio.Event()
            ready.set()
            await self._over.wait()

        asyncio.run(serve())
        with self._lock:
            self._ended = True
            forget = self._forget
        if forget is not None:
            forget()
