"""The life of an actor: pykka's thread actor with OTP's rules, from `init` to the last signal.

This file, `_mailbox` and `_future` are the only ones that touch pykka's underscore names. What they rely
on is listed in `PYKKA_HOOKS` of the tests, which fail when one moves.

pykka's own loop is replaced, not extended: there a failing `ask` leaves the actor alive, a failing start is
seen by nobody, and SystemExit in one handler stops every actor of the process. Actors are not entered in
pykka's global registry either, so nobody else's `stop_all` reaches them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pykka

from supervisors import telemetry
from supervisors._address import Address
from supervisors._boot import NO_REPLY, VERDICTS, Boot, Continue, End, Ended, Stop, Timeout
from supervisors._errors import Refuse
from supervisors._future import CallFuture, Sender, running
from supervisors._log import log
from supervisors._mailbox import WAKE, Call, Cast, IdleTick, Info, Mailbox
from supervisors._pid import Pid
from supervisors._reasons import KILLED, Crash
from supervisors._signals import InitAck, MonitorRef
from supervisors._threads import ActorThread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context
    from typing import TypeAlias

    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._types import Message, Reply

    Deliver: TypeAlias = Callable[[Any], "End | None"]


class LivingActor(pykka.ThreadingActor):
    """The loop below `GenActor`. Everything but construction runs in the actor's own thread."""

    use_daemon_thread = True  # pykka's switch; a stuck actor must not keep the interpreter from ending
    trap_exit: bool = False
    address_class: ClassVar[type[Address]] = Address

    pid: Pid
    address: Address
    parent: Address | None
    system: System

    def __init__(self, boot: Boot) -> None:
        super().__init__()
        mailbox = self.actor_inbox
        if not isinstance(mailbox, Mailbox):
            raise TypeError(f"pykka made the inbox {mailbox!r} although _create_actor_inbox is overridden")
        self.system = boot.system
        self.pid = Pid(
            boot.name, boot.generation, actor_class=type(self), system=boot.system, mailbox=mailbox
        )
        self.pid.parent = boot.parent
        self.address = self.address_class(boot.root or self.pid, boot.path, self.pid)
        self.parent = boot.parent_address
        self._parent_pid = boot.parent
        self._boot: Boot | None = boot
        self._on_ack: Callable[[InitAck], object] | None = boot.on_ack
        self._monitored: dict[MonitorRef, Pid | None] = {}
        self._idle: IdleTick | None = None  # armed by the Timeout the last handler returned
        self._framework: frozenset[str] = frozenset()  # the attributes above; the others are the user's state

    # -- handlers

    def handle_call(self, message: Message, sender: Sender) -> Reply:
        """Answer a call; see `GenServer.handle_call`."""
        raise NotImplementedError

    def handle_cast(self, message: Message) -> Reply:
        """Take a cast; see `GenServer.handle_cast`."""
        raise NotImplementedError

    def handle_info(self, message: Message) -> Reply:
        """Take any other message; see `GenServer.handle_info`."""
        log("warning", "actor.message_unexpected", actor=self.pid.name, message_type=type(message).__name__)

    def handle_continue(self, term: Message) -> Reply:
        """Go on after a `Continue`; see `GenServer.handle_continue`."""
        raise NotImplementedError

    def terminate(self, reason: ExitReason) -> Reply:
        """Clean up; see `GenServer.terminate`."""

    # -- pykka's hooks

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> CallFuture:
        return CallFuture()

    def _start_actor_loop(self) -> None:
        pid = self.pid
        thread = ActorThread(f"{pid.name}#{pid.generation}")
        pid.begin(thread)
        try:
            self.system.threads.run(thread, self._actor_loop)
        except BaseException as error:
            pid.finish(Crash.from_exception(error))
            pid.thread_ended()
            raise

    def _actor_loop(self) -> None:
        """Live from `init` to the last signal; nothing a handler raises gets out of here."""
        pid = self.pid
        running.pid, running.address, running.actor = pid, self.address, self
        try:
            end = self._live()
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: our own code failed
            end = self._crashed(error)
        self._finish(end)
        running.pid = running.address = running.actor = None  # the thread may wait long for another actor
        self.actor_stopped.set()  # what pykka's ActorRef.is_alive looks at
        pid.thread_ended()

    # -- the life

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        """Run `init` and acknowledge it.

        Returns:
            None to serve; a function to run before the first message; an End when there is nothing to serve.
        """
        raise NotImplementedError

    def _serve_system(self) -> End | None:
        """Act on the system messages there are, before the next user message."""
        raise NotImplementedError

    def _live(self) -> End:
        boot, self._boot = self._boot, None
        assert boot is not None  # noqa: S101 -- a loop runs once
        self._framework = frozenset(vars(self))
        try:
            first = self._begin(boot)
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: init raised
            return self._crashed(error)._replace(orderly=False)
        del boot  # the arguments of init are not kept
        if isinstance(first, End):
            return first
        if self.pid.mailbox.closed:
            return End(KILLED, orderly=False)  # fenced off during init
        end = None if first is None else self._run(first)
        del first
        return end or self._serve()

    def _acknowledge(self, *, ignored: bool = False, info: Any = None) -> None:  # noqa: ANN401 -- any value
        acknowledge, self._on_ack = self._on_ack, None
        if not ignored:
            self.system.telemetry.emit(telemetry.ACTOR_STARTED, {}, {"pid": self.pid})
        if acknowledge is not None:
            acknowledge(InitAck(self.pid, ignored, info))

    def _serve(self) -> End:
        pid, mailbox = self.pid, self.pid.mailbox
        take, system = mailbox.take, mailbox.system
        deliver: dict[type, Deliver] = {
            Cast: self._deliver_cast,
            Call: self._deliver_call,
            Info: self._deliver_info,
            IdleTick: self._deliver_tick,
        }
        while True:
            pid.current = envelope = take()
            if system:
                end = self._serve_system()
                if end is None and mailbox.parked:  # it has been suspended, and resumed
                    mailbox.parked.appendleft(envelope)
                    pid.current = envelope = WAKE
                    end = self._deliver_parked(mailbox, deliver)
                if end is not None:
                    return end
            if mailbox.closed:
                return End(KILLED, orderly=False)  # fenced off; the reason is set already
            if envelope is not WAKE:
                end = deliver[envelope.__class__](envelope)
                if end is not None:
                    return self._last_was_handled(end)
            pid.current = envelope = None  # type: ignore[assignment]  # an idle actor keeps no message alive

    def _deliver_parked(self, mailbox: Mailbox, deliver: Mapping[type, Deliver]) -> End | None:
        """Handle what came while the actor was suspended, oldest first."""
        while mailbox.parked:
            try:
                self.pid.current = envelope = mailbox.parked.popleft()
            except IndexError:
                break  # closed meanwhile; `_serve` will see that
            if mailbox.closed:
                return End(KILLED, orderly=False)
            end = deliver[envelope.__class__](envelope) if envelope is not WAKE else None
            if end is not None:
                return self._last_was_handled(end)
            self.pid.current = WAKE
            if mailbox.system and (end := self._serve_system()) is not None:
                return end
        self.pid.current = None
        return None

    def _last_was_handled(self, end: End) -> End:
        """Let go of the message whose handler ended the actor, unless its sender waits for a reply."""
        current = self.pid.current
        if current is not None and current.reply_to is None:
            self.pid.current = None
        return end

    def _deliver_call(self, envelope: Call) -> End | None:
        if self._idle is not None:
            self._take_back_timeout()
        reply_to, context = envelope.reply_to, envelope.context
        try:
            if context is None:
                outcome = self.handle_call(envelope.message, Sender(reply_to))  # type: ignore[arg-type]  # _create_future makes them
            else:
                outcome = context.run(self.handle_call, envelope.message, Sender(reply_to))  # type: ignore[arg-type]  # as above
        except Refuse as refusal:
            reply_to.fail(refusal.error)  # type: ignore[union-attr]  # as above
            return None
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: SystemExit must end this actor only
            return self._crashed(error)
        if outcome is NO_REPLY:
            self._hold(reply_to)  # type: ignore[arg-type]  # as above
        elif outcome.__class__ not in VERDICTS:
            reply_to.set(outcome)  # type: ignore[union-attr]  # as above
        else:
            return self._follow_call(outcome, reply_to, context)  # type: ignore[arg-type]  # as above
        return None

    def _follow_call(
        self, verdict: Stop | Continue | Timeout, reply_to: CallFuture, context: Context | None
    ) -> End | None:
        if verdict.reply is not NO_REPLY:
            reply_to.set(verdict.reply)
        elif not isinstance(verdict, Stop):
            self._hold(reply_to)
        return self._follow(verdict, context)

    def _deliver_cast(self, envelope: Cast) -> End | None:
        if self._idle is not None:
            self._take_back_timeout()
        message, context = envelope.message, envelope.context
        try:
            outcome = self.handle_cast(message) if context is None else context.run(self.handle_cast, message)
        except Refuse:
            return None  # nobody asked
        except BaseException as error:  # noqa: BLE001 -- the actor boundary, as above
            return self._crashed(error)
        return None if outcome is None else self._follow(outcome, context)

    def _deliver_info(self, envelope: Info) -> End | None:
        self._take_back_timeout()
        message = envelope.message
        return self._run(lambda: self.handle_info(message), envelope.context)

    def _deliver_tick(self, envelope: IdleTick) -> End | None:
        return self._deliver_info(envelope) if envelope is self._idle else None  # None: a message came before

    def _take_back_timeout(self) -> None:
        """Disarm the `Timeout` of the last handler: a message has come."""
        idle, self._idle = self._idle, None
        if idle is not None:
            idle.timer.cancel()

    def _hold(self, future: CallFuture) -> None:
        """Remember a reply that is owed, until it is given or the actor ends."""
        pid = self.pid
        if future.done or (future.target is not pid and future.target is not None):
            return  # answered, or forwarded
        held, key = pid.held, id(future)
        held[key] = future
        future.add_done_callback(lambda _: held.pop(key, None))
        if pid.mailbox.closed:
            future.exited(pid.mailbox.reason)

    def _follow(self, verdict: object, context: Context | None = None) -> End | None:
        """Do what a handler returned: end, go on with a term, or wait for a message that must not be late.

        `context` is what the handler ran in; what it continues with does so too.
        """
        while isinstance(verdict, Continue):
            go_on, term = self.handle_continue, verdict.term
            try:
                verdict = go_on(term) if context is None else context.run(go_on, term)
            except Refuse:
                return None  # nobody asked
            except BaseException as error:  # noqa: BLE001 -- the actor boundary
                return self._crashed(error)
        if isinstance(verdict, Timeout):
            self._idle = tick = IdleTick(verdict)
            post = self.pid.mailbox.post
            tick.timer = self.system.timers.arm(verdict.seconds, lambda: post(tick))
        elif isinstance(verdict, Stop):
            return End(verdict.reason)
        elif verdict is not None:
            name = type(self).__name__
            allowed = "None, Continue, Timeout and Stop"
            return self._crashed(TypeError(f"{name}'s handler returned {verdict!r}; allowed are {allowed}"))
        return None

    def _run(self, handler: Callable[[], Any], context: Context | None = None) -> End | None:
        """Run one handler that owes nobody a reply."""
        try:
            outcome = handler() if context is None else context.run(handler)
        except Refuse:
            return None  # nobody asked
        except BaseException as error:  # noqa: BLE001 -- the actor boundary
            return self._crashed(error)
        return self._follow(outcome, context)

    # -- the end

    def _crashed(self, error: BaseException) -> End:
        return error.end if isinstance(error, Ended) else End(Crash.from_exception(error), error=error)

    def _finish(self, end: End) -> None:
        reason, pid = end.reason, self.pid
        if end.orderly and not pid.mailbox.closed:  # closed: killed while it was busy
            try:
                outcome = self.terminate(reason)
            except BaseException as error:  # noqa: BLE001 -- the actor boundary
                reason = self._crashed(error).reason
            else:
                reason = outcome.reason if isinstance(outcome, Stop) else reason
        undelivered = pid.current
        pid.finish(reason, end.error)
        if undelivered is not None and undelivered is not WAKE:
            if not end.error:
                pid.mailbox.reject(undelivered)
            pid.current = None
