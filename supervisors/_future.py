"""The reply to a call: one lock, set once, whoever comes first.

Guarantees: exactly one of reply, failure and abandonment wins, the others are dropped without a sound;
`get` may be called by any number of threads, each with its own timeout; nothing here blocks an asyncio
loop. Assumptions: `list.pop`, `list.append` and `list.remove` are atomic (the GIL, or the per-list lock of
a free-threaded build), so no second lock is needed to claim the one reply.
"""

from __future__ import annotations

import math
import sys
import threading
from typing import TYPE_CHECKING, Any

import pykka
from pykka._future import _Unset

from supervisors._errors import ActorExitedError, CallAbandonedError, CallCycleError, CallTimeoutError
from supervisors._log import log

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

    from pykka._types import OptExcInfo

    from supervisors._address import Address
    from supervisors._life import LivingActor
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._types import Message, Reply

_LONGEST_CHAIN = 1000  # waiting-for edges; a longer chain is a cycle others are already refused for


class _Running(threading.local):
    """Which actor the current thread belongs to; None in threads that are no actor's."""

    pid: Pid | None = None
    address: Address | None = None
    actor: LivingActor | None = None  # while it lives: an idle thread keeps no actor


running = _Running()


class CallFuture(pykka.Future[Any]):
    """What `call_async` returns. `get` it, `await` it, or `abandon` it.

    Abandoning, by a timeout of `call`, a cancelled task or by hand, drops the reply and runs the hooks the
    actor placed with `sender.on_abandoned`.
    """

    # Class-level defaults: creating a future is on the path of every call, and pykka's __init__ makes an
    # object for a hook that only `ActorRef.stop` ever sets.
    _get_hook: Callable[[float | None], Any] | None = None
    _get_hook_result: Any = _Unset()
    _value: Any = None
    _error: BaseException | None = None
    done = False
    abandoned = False
    target: Pid | None = None
    caller: Pid | None = None

    def __init__(self) -> None:  # does not call super(): see the class-level defaults
        self._claim = [None]
        self._callbacks: list[Callable[[CallFuture], object]] = []
        self._event = threading.Lock()
        self._event.acquire()

    def __repr__(self) -> str:
        state = "abandoned" if self.abandoned else "done" if self.done else "pending"
        return f"<CallFuture {state}>"

    # -- the server's side

    def reply(self, value: Message) -> bool:
        """Set the value; False when the call was already answered or abandoned."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._value = value
        self._settled()
        return True

    def fail(self, error: BaseException) -> bool:
        """Set an error that `get` raises; False when the call was already answered or abandoned."""
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._error = error
        self._settled()
        return True

    def exited(self, reason: ExitReason) -> bool:
        """Fail because the actor that owed the reply ended."""
        name = self.target.name if self.target is not None else "the actor"
        return not self.done and self.fail(ActorExitedError(name, reason))

    def set(self, value: Message = None) -> None:
        """Set the value, as pykka's own code does; late ones are dropped where pykka raises."""
        self.reply(value)

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Set an error, as pykka's own code does."""
        kind, error, _ = exc_info or sys.exc_info()
        self.fail(error or (kind or RuntimeError)())

    # -- the caller's side

    def get(self, *, timeout: float | None = None) -> Reply:
        """Wait for the reply.

        Args:
            timeout: seconds; None or `math.inf` waits for ever. A timeout leaves the call alive, so that
                `get` can be tried again; `abandon` ends it.

        Raises:
            CallTimeoutError: no reply in time.
            CallCycleError: the waiting actor would wait for itself.
            ActorExitedError: the actor ended without a reply.
            Exception: what the handler raised or refused with.
        """
        if not self.done:
            if self._get_hook is not None:
                return super().get(timeout=timeout)
            self._wait(timeout)
        if self._error is None:
            return self._value
        try:
            raise self._error
        finally:
            del self  # the error's traceback holds this frame; without this the two would keep each other

    def get_or_abandon(self, timeout: float | None) -> Reply:
        """Like `get`, but the call ends with the wait, whatever ends that."""
        try:
            return self.get(timeout=timeout)
        except BaseException:
            if self.done or self.abandon():
                raise
            return self.get()  # the reply came between the timeout and the abandonment

    def abandon(self, error: BaseException | None = None) -> bool:
        """End the call from the caller's side; hooks run in this thread.

        Args:
            error: what other threads that wait in `get` are told; `CallAbandonedError` when left out.

        Returns:
            False when it was answered or abandoned before.
        """
        try:
            self._claim.pop()
        except IndexError:
            return False
        self._error = error or CallAbandonedError()
        self.abandoned = True
        self._settled()
        return True

    def add_done_callback(self, callback: Callable[[CallFuture], object]) -> None:
        """Run `callback(self)` once the call is answered or abandoned, in the thread that does that.

        Runs at once, in this thread, when that has happened already. What it raises is logged.
        """
        self._callbacks.append(callback)
        if self.done:
            try:
                self._callbacks.remove(callback)
            except ValueError:
                return  # the settling thread took it
            self._run(callback)

    def __await__(self) -> Generator[Any, None, Any]:
        """Wait without blocking the loop; cancelling the task abandons the call."""
        import asyncio  # noqa: PLC0415 -- 30 ms that only asyncio users should pay

        if not self.done:
            if self._get_hook is not None:
                msg = "a future with a get hook can only be waited for in a thread"
                raise TypeError(msg)
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            self.add_done_callback(lambda _: _wake(loop, waiter))
            try:
                yield from waiter
            except BaseException:
                self.abandon()
                raise
        return self.get()

    __iter__ = __await__

    # -- inside

    def watch_for_cycle(self, me: Pid) -> None:
        """Record that `me` waits for this reply, then refuse if that closes a cycle.

        Whoever calls this before it waits clears the record, too.

        Edge first, check second: of two actors that close a cycle at the same moment at least one sees
        the other's edge. An edge whose call is answered counts no more.

        Raises:
            CallCycleError: waiting would be for ever.
        """
        me.waiting_for = self
        names = [me.name]
        target = self.target
        while target is not None and len(names) < _LONGEST_CHAIN:
            names.append(target.name)
            if target is me:
                me.waiting_for = None
                raise CallCycleError(names)
            edge = target.waiting_for
            if edge is None or edge.done:
                return
            target = edge.target

    def _wait(self, timeout: float | None) -> None:
        seconds = -1.0 if timeout is None or timeout == math.inf else max(0.0, timeout)
        me = running.pid
        if me is None:
            arrived = self._event.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        else:
            if me.waiting_for is not self:
                self.watch_for_cycle(me)
            try:
                arrived = self._event.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
            finally:
                me.waiting_for = None
        if not arrived:
            raise CallTimeoutError(self.target.name if self.target else "the actor", seconds)
        self._event.release()

    def _settled(self) -> None:
        self.done = True
        self._event.release()
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:
                return
            self._run(callback)

    def _run(self, callback: Callable[[CallFuture], object]) -> None:
        try:
            callback(self)
        except Exception as error:  # noqa: BLE001 -- a hook of somebody else must not hurt this thread
            log("error", "call.callback_failed", error=error)


def _wake(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    def finish() -> None:
        if not waiter.done():
            waiter.set_result(None)

    try:
        loop.call_soon_threadsafe(finish)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more


class Sender:
    """The right and the duty to answer one call; given to `handle_call`.

    A handler that returns `NO_REPLY` keeps it: should the actor end first, the caller gets
    `ActorExitedError`. Sending a Sender along in a message lets another actor answer, but the duty stays
    here; `self.forward(target, message, sender)` hands the duty over as well.
    """

    __slots__ = ("_future",)

    def __init__(self, future: CallFuture) -> None:
        self._future = future

    def __repr__(self) -> str:
        return f"<Sender of {self._future!r}>"

    @property
    def done(self) -> bool:
        """Whether the call is answered or abandoned."""
        return self._future.done

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._future.abandoned

    @property
    def caller(self) -> Pid | None:
        """The calling actor, None when a plain thread or a task called."""
        return self._future.caller

    def reply(self, value: Message) -> bool:
        """Answer the call; False when it was already answered or abandoned."""
        return self._future.reply(value)

    def fail(self, error: BaseException) -> bool:
        """Make the call raise `error`; False when it was already answered or abandoned."""
        return self._future.fail(error)

    def on_abandoned(self, callback: Callable[[], object]) -> None:
        """Run `callback` if the caller gives up, in the caller's thread; at once if it has."""
        self._future.add_done_callback(lambda future: callback() if future.abandoned else None)
