"""One incarnation of an actor: where to send to, who watches it, how it ends.

A Pid does not hold the actor object, so that keeping one keeps nothing else alive.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from supervisors import telemetry
from supervisors._errors import CallTimeoutError
from supervisors._future import CallFuture, running
from supervisors._log import log
from supervisors._mailbox import Call, Cast, Info
from supervisors._reasons import KILLED, NO_PROCESS, Crash, check_reason, is_abnormal
from supervisors._signals import Down, Exit, MonitorRef, StopRequest, SystemCall

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pykka._envelope import Envelope

    from supervisors._mailbox import Mailbox
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._threads import ActorThread
    from supervisors._tree import Entry
    from supervisors._types import Message, Reply


class Pid:
    """One incarnation; made by the package, never by users.

    Equality is identity. `generation` counts the incarnations of one child, from 1; `since` is when this one
    was made, on the clock of its system.
    """

    __slots__ = (
        "__weakref__",
        "_counted",
        "_dead",
        "_ended",
        "_links",
        "_lock",
        "_monitors",
        "_on_thread_end",
        "_reason",
        "_releases",
        "_thread_ended",
        "actor_class",
        "current",
        "directory",
        "generation",
        "held",
        "mailbox",
        "name",
        "parent",
        "since",
        "suspended",
        "system",
        "thread",
        "waiting_for",
    )

    def __init__(
        self, name: str, generation: int, *, actor_class: type, system: System, mailbox: Mailbox
    ) -> None:
        self.name = name
        self.generation = generation
        self.actor_class = actor_class
        self.system = system
        mailbox.name = name
        mailbox.on_drop = system.count_dropped
        self.mailbox = mailbox
        self.directory: dict[Hashable, Entry] | None = None  # of a supervisor: what it publishes
        self.parent: Pid | None = None
        self.thread: ActorThread | None = None
        self.current: Envelope[Any] | None = None  # being handled
        self.held: dict[int, CallFuture] = {}  # replies owed by handlers that returned NO_REPLY
        self.waiting_for: CallFuture | None = None
        self.since = system.clock.now()
        self.suspended = False  # written by its own thread
        self._lock = threading.Lock()
        self._reason: ExitReason | None = None
        self._dead = False
        self._counted = False  # by the system, among those that live
        self._ended = threading.Lock()  # held until the end, then released for good: an event
        self._ended.acquire()
        self._thread_ended = False
        self._monitors: dict[MonitorRef, Callable[[Down], object]] = {}
        self._links: set[Pid] = set()
        self._releases: list[Callable[[], object]] = []
        self._on_thread_end: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        return f"<Pid {self.name}#{self.generation}{'' if self.alive else ' ended'}>"

    @property
    def alive(self) -> bool:
        """Whether this incarnation still takes messages. Its thread may outlive it, see `kill`."""
        return not self._dead

    @property
    def exit_reason(self) -> ExitReason | None:
        """Why it ended; None while it is alive."""
        return self._reason if self._dead else None

    # -- messages

    def cast(self, message: Message) -> None:
        """Send without a reply; never fails, a dead actor's casts are dropped and counted."""
        self.mailbox.post(Cast(message))

    def send_info(self, message: Message) -> None:
        """Send a message that arrives in `handle_info`."""
        self.mailbox.post(Info(message))

    def call_async(self, message: Message) -> CallFuture:
        """Send and return the reply's future at once."""
        future = CallFuture()
        future.target = self
        future.caller = running.pid
        self.mailbox.post(Call(message, future))
        return future

    def call(self, message: Message, timeout: float | None = 5.0) -> Reply:
        """Send and wait for the reply.

        Args:
            message: anything; not copied.
            timeout: seconds, None waits for ever. After it the reply is dropped, but the actor may still
                do the work.

        Raises:
            CallTimeoutError: no reply in time.
            CallCycleError: the calling actor would wait for itself; the message was not sent.
            ActorExitedError: the actor is dead, or ended before it replied.
            Exception: what the handler raised or refused with.
        """
        future = CallFuture()
        future.target = self
        me = running.pid
        if me is None:
            self.mailbox.post(Call(message, future))
            return future.get_or_abandon(timeout)
        future.caller = me
        future.watch_for_cycle(me)
        try:
            self.mailbox.post(Call(message, future))
            return future.get_or_abandon(timeout)
        finally:
            me.waiting_for = None

    async def acall(self, message: Message, timeout: float | None = 5.0) -> Reply:  # noqa: ASYNC109 -- part of the call's contract, as in call()
        """Like `call`, awaited; the loop goes on meanwhile, and cancelling abandons the call."""
        import asyncio  # noqa: PLC0415 -- 30 ms that only asyncio users should pay

        future = self.call_async(message)
        if timeout is None:
            return await future
        late = CallTimeoutError(self.name, timeout)
        handle = asyncio.get_running_loop().call_later(timeout, future.abandon, late)
        try:
            return await future
        finally:
            handle.cancel()

    def system_call(self, act: Callable[[Any], Any], timeout: float | None = 5.0) -> Reply:
        """Run `act(actor)` in the actor's thread between two messages, ahead of its queue; also suspended.

        Raises:
            CallTimeoutError: it was not done in time; if it has not begun by then, it never will.
            CallCycleError: the calling actor would wait for itself.
            ActorExitedError: the actor is dead, or ended before.
            Exception: what `act` raised.
        """
        return self.system_call_async(act).get_or_abandon(timeout)

    def system_call_async(self, act: Callable[[Any], Any]) -> CallFuture:
        """Like `system_call`, but return the future at once; abandoned before it begins it never will."""
        future = CallFuture()
        future.target = self
        future.caller = running.pid
        if not self.mailbox.post_system(SystemCall(act, future)):
            future.exited(self.mailbox.reason)
        return future

    # -- watching

    def wait_exit(self, timeout: float | None = None) -> ExitReason | None:
        """Block until this incarnation has ended.

        Returns:
            The reason, or None if it was still alive after `timeout` seconds.
        """
        if not self._ended.acquire(timeout=-1 if timeout is None else timeout):
            return None
        self._ended.release()
        return self._reason

    def monitor(self, ref: MonitorRef, notify: Callable[[Down], object]) -> None:
        """Call `notify` once at the end, in the ending thread; at once when that was before."""
        with self._lock:
            if not self._dead:
                self._monitors[ref] = notify
                return
        notify(Down(ref, ref.target, self, self._reason or NO_PROCESS))

    def demonitor(self, ref: MonitorRef) -> None:
        """Forget a monitor; nothing happens if it has fired or is unknown."""
        with self._lock:
            self._monitors.pop(ref, None)

    def link_one_way(self, other: Pid) -> None:
        """Send `other` an Exit when this one ends; at once when it has."""
        with self._lock:
            if not self._dead:
                self._links.add(other)
                return
        other.mailbox.post_system(Exit(self, self._reason or NO_PROCESS))

    def unlink_one_way(self, other: Pid) -> None:
        """Undo `link_one_way`."""
        with self._lock:
            self._links.discard(other)

    def ties(self) -> tuple[int, int]:
        """Count the links and the monitors that this end will be told to."""
        with self._lock:
            return len(self._links), len(self._monitors)

    def on_release(self, release: Callable[[], object]) -> None:
        """Run `release` at the end, after the last reply and before anybody is told; names use it."""
        with self._lock:
            if self._reason is None:
                self._releases.append(release)
                return
        release()

    # -- the end

    def begin(self, thread: ActorThread) -> None:
        """Note the thread, before it starts; from now on the system counts this actor until it ends."""
        with self._lock:
            self.thread = thread
            if self._reason is None:
                self._counted = True
                self.system.actor_begun()

    def request_stop(self, reason: ExitReason) -> None:
        """Ask for an orderly end, ahead of queued messages; nothing happens to a dead actor.

        Raises:
            TypeError: `reason` is no exit reason.
        """
        self.mailbox.post_system(StopRequest(check_reason(reason)))

    def signal(self, sender: Pid | None, reason: ExitReason) -> None:
        """Deliver an exit signal of `sender`."""
        self.mailbox.post_system(Exit(sender, reason))

    def exit(self, reason: ExitReason) -> None:
        """Send an exit signal from the calling actor, as the end of a linked actor does.

        One that traps exits finds an `Exit` in `handle_info`. Another one ends with the reason, without
        `terminate`, unless that is `NORMAL`. From its parent it is a request to end in order, whatever the
        reason. `KILLED` cannot be trapped; see `kill`.

        Raises:
            TypeError: `reason` is no exit reason.
        """
        if check_reason(reason) == KILLED:
            self.kill()
        else:
            self.signal(running.pid, reason)

    def kill(self, on_settled: Callable[[], object] | None = None) -> None:
        """Fence the incarnation off at once, without its `terminate`.

        Its calls fail, its monitors hear `KILLED`, its thread ends with the message it is at. A thread that
        is still there after `system.kill_grace_s` is recorded in `system.abandoned`.

        Args:
            on_settled: called once, when the thread has ended or was recorded.
        """
        self.finish(KILLED)
        self.system.abandoned.watch(self, on_settled)

    def finish(self, reason: ExitReason, error: BaseException | None = None) -> bool:
        """End this incarnation, exactly once whoever calls.

        In this order: reason, close the mailbox, answer what is left, release names, mark dead, Exit to
        links and Down to monitors.

        Args:
            reason: why.
            error: what the caller whose message is being handled gets instead of `ActorExitedError`.

        Returns:
            Whether this call was the one that ended it.
        """
        with self._lock:
            if self._reason is not None:
                return False
            self._reason = check_reason(reason)
        self.mailbox.close(reason)
        self._answer_current(reason, error)
        for future in list(self.held.values()):
            future.exited(reason)
        for release in self._releases:
            try:
                release()
            except Exception as failure:  # noqa: BLE001 -- the end must reach those who watch
                log("error", "actor.release_failed", actor=self.name, error=failure)
        with self._lock:
            self._dead = True
            monitors, self._monitors = self._monitors, {}
            links, self._links = self._links, set()
            self._releases.clear()
        self._ended.release()
        self.system.published()
        for other in links:
            other.unlink_one_way(self)
            other.signal(self, reason)
        for ref, notify in monitors.items():
            notify(Down(ref, ref.target, self, reason))
        self._report(reason)
        if self._counted:
            self.system.actor_ended()
        return True

    def _report(self, reason: ExitReason) -> None:
        self.system.telemetry.emit(telemetry.ACTOR_EXITED, {}, {"pid": self, "reason": reason})
        level = "debug" if self.parent is not None or not is_abnormal(reason) else "error"
        trace = {"traceback": reason.traceback} if level == "error" and isinstance(reason, Crash) else {}
        log(level, "actor.exited", actor=self.name, reason=reason, **trace)

    def _answer_current(self, reason: ExitReason, error: BaseException | None) -> None:
        envelope = self.current
        if envelope is None or not isinstance(envelope.reply_to, CallFuture):
            return
        if error is not None:
            envelope.reply_to.fail(error)
        else:
            envelope.reply_to.exited(reason)

    # -- the thread

    def on_thread_end(self, callback: Callable[[], object]) -> None:
        """Run `callback` when the actor's thread is through with everything; at once if it is."""
        with self._lock:
            if not self._thread_ended:
                self._on_thread_end.append(callback)
                return
        callback()

    @property
    def has_thread_ended(self) -> bool:
        """Whether the actor's thread is through with everything."""
        return self._thread_ended

    def join(self) -> None:
        """Wait for the actor's thread, unless it was abandoned or is the caller's own; then for idle ones.

        Those end with their tree.
        """
        if self.thread is not None and running.pid is not self and self._reason is not KILLED:
            self.thread.join()
        self.system.threads.join()

    def thread_ended(self) -> None:
        """Say that the actor's thread is through with everything; it does so last."""
        with self._lock:
            self._thread_ended = True
            callbacks, self._on_thread_end = self._on_thread_end, []
        for callback in callbacks:
            callback()
