"""Resolving names by the host's resolver, which cannot be interrupted: each in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supervisors._threads import ActorThread

MOST_AT_ONCE = 16
"""Names that are being resolved at the same time for one policy; others wait for their turn."""


class _Lookup:
    """A name that is being resolved."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.thread: ActorThread | None = None
        self.forget: Callable[[], object] | None = None  # takes the record of an abandoned thread back


class Lookups:
    """Resolves names for the event loop that it is made in.

    Args:
        run_in_thread: runs a function in a daemon thread: its name, the function.
        abandon: records a thread that nobody waits for: what it does, the thread. Returns what takes that
            back.
        look_up: returns the addresses of a name, as text; blocks.
    """

    def __init__(
        self,
        run_in_thread: Callable[[str, Callable[[], object]], ActorThread],
        abandon: Callable[[str, ActorThread], Callable[[], object]],
        look_up: Callable[[str, int], Sequence[str]] | None = None,
    ) -> None:
        self._run_in_thread = run_in_thread
        self._abandon = abandon
        self._look_up = look_up or _addresses_of
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._lock = threading.Lock()
        self._running: set[_Lookup] = set()

    async def addresses_of(self, name: str, port: int) -> Sequence[str]:
        """Return the addresses of a name.

        Raises:
            socket.gaierror: it has none.
            OSError: there is no room for a thread.
        """
        await self._room.acquire()  # until the thread has ended, even if nobody waits for it any more
        answer: asyncio.Future[Sequence[str]] = self._loop.create_future()
        lookup = _Lookup(name)
        with self._lock:
            self._running.add(lookup)
        try:
            lookup.thread = self._run_in_thread("dspex-resolver", lambda: self._run(lookup, port, answer))
        except RuntimeError as error:
            self._end(lookup)
            self._room.release()
            raise OSError(str(error)) from error
        return await answer

    def close(self) -> None:
        """Record the threads that are still in the resolver; the loop has ended."""
        with self._lock:
            for lookup in self._running:
                if lookup.thread is not None:
                    lookup.forget = self._abandon(f"resolving {lookup.name}", lookup.thread)

    def _end(self, lookup: _Lookup) -> None:
        with self._lock:
            self._running.discard(lookup)
        if lookup.forget is not None:
            lookup.forget()

    def _run(self, lookup: _Lookup, port: int, answer: asyncio.Future[Sequence[str]]) -> None:
        """Resolve a name; runs in a thread of its own."""
        addresses: Sequence[str] = ()
        failure: OSError | None = None
        try:
            addresses = self._look_up(lookup.name, port)
        except OSError as error:
            failure = error
        except UnicodeError as error:  # the library's own idea of what a name is
            failure = socket.gaierror(str(error))
        self._end(lookup)

        def tell() -> None:
            self._room.release()
            if answer.done():
                return
            if failure is None:
                answer.set_result(addresses)
            else:
                answer.set_exception(failure)

        try:
            self._loop.call_soon_threadsafe(tell)
        except RuntimeError:
            return  # the loop has ended


def _addresses_of(name: str, port: int) -> list[str]:
    """Return the addresses of a name; blocks.

    Raises:
        socket.gaierror: it has none.
    """
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
