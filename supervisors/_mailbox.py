"""The inbox of an actor: a lock-free user lane, a lane for system messages that goes first, and an end.

Guarantees: `post` never blocks and takes no Python-level lock; a system message is handled before any user
message that is still queued; after `close` every envelope is answered or counted exactly once, also those
that race with it. The proof of the last: a sender looks at `closed` again after its put. Either its put
came before the closer's drain, which finds the envelope, or `closed` was set by then and the sender drains
itself. `get_nowait` hands each envelope to one thread only.

Assumption: one consumer, the actor's thread, which looks at `closed` after each `take`.
"""

from __future__ import annotations

from collections import deque
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from pykka import messages
from pykka._envelope import Envelope

from supervisors._errors import ActorExitedError
from supervisors._future import CallFuture
from supervisors._reasons import NO_PROCESS, NORMAL
from supervisors._signals import StopRequest, SystemCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from pykka import Future

    from supervisors._clock import Timer
    from supervisors._reasons import ExitReason
    from supervisors._types import Message


class Posted(Envelope[Any]):
    """What users send: the message, and the sender's context variables for the handler to run in."""

    __slots__ = ("context",)

    def __init__(self, message: Message, reply_to: Future[Any] | None = None) -> None:
        self.message = message
        self.reply_to = reply_to
        self.context = copy_context() or None  # an empty one is falsy, and running in it costs time


class Cast(Posted):
    """A message without a reply."""

    __slots__ = ()


class Call(Posted):
    """A message with a reply."""

    __slots__ = ()


class Info(Posted):
    """A message for `handle_info`."""

    __slots__ = ()


class IdleTick(Info):
    """The message of a `Timeout` that is over; stale when its actor has got another one since."""

    __slots__ = ("timer",)
    timer: Timer


WAKE: Final = Envelope(None)
"""Put in the user lane for each system message, and at the end, so that a waiting `take` returns."""

_PROXIES = (messages.ProxyCall, messages.ProxyGetAttr, messages.ProxySetAttr)


class Mailbox:
    """See the module's docstring. Also fulfils pykka's inbox protocol, for its own `ActorRef`."""

    __slots__ = ("_queue", "closed", "name", "on_drop", "parked", "reason", "system", "take")

    def __init__(self) -> None:
        self.name = "an actor"
        self.closed = False
        self.reason: ExitReason = NO_PROCESS
        self.system: deque[Any] = deque()
        self.parked: deque[Envelope[Any]] = deque()  # taken while the actor was suspended
        self.on_drop: Callable[[str], object] | None = None
        self._queue: SimpleQueue[Envelope[Any]] = SimpleQueue()
        self.take = self._queue.get

    def __len__(self) -> int:
        return self._queue.qsize() + len(self.parked)

    def post(self, envelope: Envelope[Any]) -> None:
        """Queue a user message; rejected at once when the mailbox is closed."""
        if self.closed:
            self.reject(envelope)
            return
        self._queue.put(envelope)
        if self.closed:
            self._drain()

    def post_system(self, message: Message) -> bool:
        """Queue a message that goes ahead of all user messages; False when the mailbox is closed."""
        if self.closed:
            return False
        self.system.append(message)
        self._queue.put(WAKE)
        if self.closed:
            self._drain()
        return True

    def park(self, envelope: Envelope[Any]) -> None:
        """Keep what the suspended actor has taken; it comes before what is still queued."""
        self.parked.append(envelope)
        if self.closed:
            self._drain()

    def close(self, reason: ExitReason) -> None:
        """Refuse everything from now on, answer what is queued, and wake the actor's thread."""
        self.reason = reason
        self.closed = True
        self._drain()

    def reject(self, envelope: Envelope[Any]) -> None:
        """Answer a call with the exit reason, count a cast as dropped."""
        reply_to = envelope.reply_to
        if isinstance(reply_to, CallFuture):
            if reply_to.target is None:
                reply_to.fail(ActorExitedError(self.name, self.reason))
            else:
                reply_to.exited(self.reason)
        elif type(envelope) is Cast and self.on_drop is not None:
            self.on_drop(self.name)

    def _drain(self) -> None:
        while self.parked:
            try:
                self.reject(self.parked.popleft())
            except IndexError:
                break  # another drain took it
        while True:
            try:
                envelope = self._queue.get_nowait()
            except Empty:
                break
            if envelope is not WAKE:
                self.reject(envelope)
        while self.system:
            try:
                message = self.system.popleft()
            except IndexError:
                break  # another drain took it
            if isinstance(message, StopRequest) and message.reply_to is not None:
                message.reply_to.set(None)
            elif isinstance(message, SystemCall):
                message.future.exited(self.reason)
        self._queue.put(WAKE)  # another drain may have eaten the one that was to wake the actor

    # -- what pykka's own ActorRef needs

    def put(self, envelope: Envelope[Any], /) -> None:
        """Take what `ActorRef.tell`, `ask` and `stop` send. A stop goes ahead of the queue."""
        message = envelope.message
        if isinstance(message, messages._ActorStop):  # noqa: SLF001 -- the one way to see ActorRef.stop
            if not self.post_system(StopRequest(NORMAL, envelope.reply_to)) and envelope.reply_to is not None:
                envelope.reply_to.set(None)
        elif isinstance(message, _PROXIES):
            if envelope.reply_to is not None:
                error = TypeError("pykka proxies are not supported; use call() and cast() of an Address")
                envelope.reply_to.set_exception((TypeError, error, None))
        elif envelope.reply_to is None:
            self.post(Cast(message))
        else:
            self.post(Call(message, envelope.reply_to))

    def get(self) -> Envelope[Any]:
        """Take the next envelope; pykka's protocol, unused by our loop."""
        return self.take()

    def empty(self) -> bool:
        """Say whether nothing is queued; pykka's protocol, unused by our loop."""
        return self._queue.empty()
