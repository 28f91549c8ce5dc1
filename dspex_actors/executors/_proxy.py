"""What makes the connections of a policy's guests: an event loop in a thread of its own.

Guarantees: a name is looked for in the list before it is resolved, its addresses are judged before one is
connected to, and none is resolved a second time. When the use that a request makes of it is closed, its
connections are gone. A failure of ours ends the loop and is told.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING

from dspex_actors.executors import _callers, _relay
from dspex_actors.executors._lookups import Lookups

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Sequence

    from dspex_actors._network import Rule
    from supervisors._threads import ActorThread

_CLOSE_S = 5.0  # seconds; closing waits for nothing that could take long


class _ExceededError(Exception):
    """More would have crossed a request's connections than it may."""


class Proxy:
    """See the module. Any thread may use it.

    Args:
        rules: of the policy.
        run_in_thread: runs a function in a daemon thread: its name, the function.
        abandon: records a thread that cannot be ended, see `Lookups`.
        on_failure: told when the loop has failed, in its thread.
        look_up: returns the addresses of a name, as text; blocks. None asks the host's resolver.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        run_in_thread: Callable[[str, Callable[[], object]], ActorThread],
        abandon: Callable[[str, ActorThread], Callable[[], object]],
        on_failure: Callable[[BaseException], object],
        look_up: Callable[[str, int], Sequence[str]] | None = None,
    ) -> None:
        self.rules = rules
        self._on_failure = on_failure
        self._for_lookups = run_in_thread, abandon, look_up
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._is_closing = False
        self._arriving: set[socket.socket] = set()  # what the loop has not been told of yet, or never will be
        self._closing: set[threading.Event] = set()  # of uses, each set when it is closed
        self.loop: asyncio.AbstractEventLoop | None = None
        self._over = asyncio.Event()
        self._lookups: Lookups
        self._thread = run_in_thread("dspex-network", self._run)
        self._ready.wait()

    def begin(self, most_bytes: int | None, exceeded: Callable[[], object]) -> Use:
        """Return what makes the connections of one request; see `workers.Network`."""
        return Use(self, most_bytes, exceeded)

    def tell(self, function: Callable[[], object]) -> bool:
        """Have the loop run a function, unless it ends before; False if it has ended."""
        if self.loop is None:
            return False
        try:
            self.loop.call_soon_threadsafe(function)
        except RuntimeError:
            return False
        return True

    def wait_for(self, function: Callable[[Callable[[], object]], object]) -> None:
        """Have the loop run a function and wait until that calls what it is given, or the loop has ended."""
        done = threading.Event()
        self._closing.add(done)
        if self.tell(lambda: function(done.set)):
            done.wait(_CLOSE_S)
        self._closing.discard(done)

    def connect(self, guest: socket.socket, begin: Callable[[], object]) -> None:
        """Have the loop run a function that takes charge of a guest's socket, or close that.

        Args:
            guest: its socket.
            begin: calls `start`, or closes it.
        """
        self._arriving.add(guest)

        def arrive() -> None:
            self._arriving.discard(guest)
            begin()

        if not self.tell(arrive):
            self._arriving.discard(guest)
            guest.close()

    def close(self) -> bool:
        """End all connections and the thread; False if that is still there. Quiet the second time."""
        if self.tell(self._over.set):
            self._thread.join(_CLOSE_S)
            self._lookups.close()
        return not self._thread.is_alive()

    # -- in the loop's thread

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                runner.run(self._serve())
        except OSError as error:  # no descriptors for a loop
            self._failure = error
        finally:
            self._ready.set()
            for guest in list(self._arriving):
                guest.close()
            for done in list(self._closing):
                done.set()
        if self._failure is not None:
            self._on_failure(self._failure)

    async def _serve(self) -> None:
        self._lookups = Lookups(*self._for_lookups)
        self.loop = asyncio.get_running_loop()
        self._ready.set()
        await self._over.wait()  # the runner cancels what is left
        self._is_closing = True

    def start(self, asked: _relay.Asked, count: Callable[[int], None]) -> asyncio.Task[None] | None:
        """Serve a connection; None if the loop is about to end."""
        return self._serve_in_task(asked.guest, partial(_relay.serve, asked), count)

    def start_caller(self, sock: socket.socket, count: Callable[[int], None]) -> asyncio.Task[None] | None:
        """Serve who has connected to a listener; None if the loop is about to end."""
        return self._serve_in_task(sock, partial(_callers.serve, sock), count)

    def _serve_in_task(
        self, sock: socket.socket, serve: Callable[..., Awaitable[None]], count: Callable[[int], None]
    ) -> asyncio.Task[None] | None:
        if self._is_closing:
            sock.close()
            return None
        task = asyncio.get_running_loop().create_task(self._serve_one(serve, count))
        task.add_done_callback(lambda _: sock.close())  # it may be cancelled before it has begun
        return task

    async def _serve_one(self, serve: Callable[..., Awaitable[None]], count: Callable[[int], None]) -> None:
        try:
            await serve(self.rules, self._lookups.addresses_of, count)
        except _ExceededError:
            return
        except Exception as error:  # noqa: BLE001 -- a failure of ours: the actor is to know, and ends
            self._failure = error
            self._over.set()


class Use:
    """The connections of one request.

    Args:
        proxy: makes them.
        most_bytes: that may cross them, both directions together; None for no limit.
        exceeded: called once, in the loop's thread, if more would.

    Attributes:
        carried_bytes: what has crossed them so far.
    """

    def __init__(self, proxy: Proxy, most_bytes: int | None, exceeded: Callable[[], object]) -> None:
        self._proxy = proxy
        self._most_bytes = most_bytes
        self._exceeded = exceeded
        self._is_used = False
        self._is_over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._callers: _callers.Callers | None = None
        self.carried_bytes = 0

    def connect(self, host: str, port: int, padding: int, guest: socket.socket) -> None:
        """Make a connection, if the policy allows it; see `workers.NetworkUse`. Returns at once."""
        self._is_used = True
        asked = _relay.Asked(host, port, padding, guest)
        self._proxy.connect(guest, lambda: self._start(asked))

    def listen(self, listener: socket.socket, is_allowed: Callable[[], bool]) -> None:
        """Answer callers; see `workers.NetworkUse`. Returns when who has come before was turned away."""
        self._is_used = True
        self._listener = listener
        self._proxy.wait_for(lambda done: self._listen(listener, is_allowed, done))

    def close(self) -> None:
        """End all connections; returns when nothing is carried any more."""
        if not self._is_used:
            return
        self._proxy.wait_for(self._end)
        if self._listener is not None:
            self._listener.close()

    # -- in the loop's thread

    def _start(self, asked: _relay.Asked) -> None:
        if self._is_over:
            asked.guest.close()
            return
        self._note(self._proxy.start(asked, self._count))

    def _note(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _listen(
        self, listener: socket.socket, is_allowed: Callable[[], bool], done: Callable[[], object]
    ) -> None:
        def take(caller: socket.socket) -> None:
            if self._is_over or not is_allowed():
                caller.close()
            else:
                self._note(self._proxy.start_caller(caller, self._count))

        self._callers = _callers.Callers(listener, take)
        self._callers.start()
        done()

    def _count(self, size: int) -> None:
        """Count bytes that are about to be carried.

        Raises:
            _ExceededError: they are too many; none of them is carried.
        """
        if self._is_over:
            raise _ExceededError
        self.carried_bytes += size
        if self._most_bytes is not None and self.carried_bytes > self._most_bytes:
            self._is_over = True
            self._exceeded()
            raise _ExceededError

    def _end(self, done: Callable[[], object]) -> None:
        self._is_over = True
        callers, self._callers = self._callers, None
        if callers is not None:
            callers.close()
        left = set(self._tasks)
        if not left:
            done()

        def ended(task: asyncio.Task[None]) -> None:
            left.discard(task)
            if not left:
                done()

        for task in self._tasks:
            task.add_done_callback(ended)
            task.cancel()
