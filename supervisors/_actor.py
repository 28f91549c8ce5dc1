"""The actor under everything here: pykka's thread actor with OTP's rules for its life.

This file, `_mailbox` and `_future` are the only ones that touch pykka's underscore names. What they rely
on is listed in `PYKKA_HOOKS` of the tests, which fail when one moves.

pykka's own loop is replaced, not extended: there a failing `ask` leaves the actor alive, a failing start is
seen by nobody, and SystemExit in one handler stops every actor of the process. Actors are not entered in
pykka's global registry either, so nobody else's `stop_all` reaches them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar

import pykka

from supervisors import telemetry
from supervisors._address import Address
from supervisors._boot import NO_REPLY, Boot, End, Stop, start_error
from supervisors._child_spec import ChildSpec, ChildType, Restart, Start
from supervisors._errors import ActorExitedError, Refuse, StartError
from supervisors._future import CallFuture, Sender, running
from supervisors._log import log
from supervisors._mailbox import WAKE, Call, Info, Mailbox
from supervisors._pid import Pid
from supervisors._reasons import KILLED, NO_PROCESS, NORMAL, Crash, Normal
from supervisors._signals import Down, Exit, InitAck, MonitorRef, StopRequest
from supervisors._system import System

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from pykka._envelope import Envelope

    from supervisors._reasons import ExitReason
    from supervisors._types import Argument, Message, Reply


class GenActor(pykka.ThreadingActor):
    """Base of `GenServer` and `Supervisor`; subclass those.

    Everything but construction runs in the actor's own thread. Handlers are called one at a time, system
    messages first.
    """

    use_daemon_thread = True  # pykka's switch; a stuck actor must not keep the interpreter from ending
    trap_exit: bool = False
    child_type: ClassVar[ChildType] = ChildType.WORKER
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
        self._monitored: dict[MonitorRef, Pid | None] = {}

    # -- starting

    @classmethod
    def start(  # type: ignore[override]  # pykka returns its ActorRef, which is never handed out here
        cls,
        *args: Argument,
        name: str | None = None,
        system: System | None = None,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> Address:
        """Start an actor outside any tree and wait until its `init` is through.

        Args:
            args: for `init`.
            name: for people; the class's name by default.
            system: shared with other roots; by default a new one that ends with this actor.
            start_timeout_s: seconds `init` may take; None means no limit.
            kwargs: for `init`.

        Returns:
            Its address, a context manager that stops it.

        Raises:
            StartError: `init` raised, stopped, ignored or took too long.
        """
        shared = system or System()
        boot = Boot(name or cls.__name__, shared, args=args, kwargs=kwargs)
        acknowledged = CallFuture()
        boot.on_ack = acknowledged.reply
        actor = cls(boot)
        pid, address = actor.pid, actor.address
        pid.monitor(MonitorRef(pid), acknowledged.reply)
        pid.monitor(MonitorRef(pid), lambda _: shared.published())
        if system is None:
            pid.on_thread_end(shared.close)
        actor._start_actor_loop()
        del actor
        try:
            answer = acknowledged.get(timeout=start_timeout_s)
        except BaseException as error:
            pid.kill()
            if isinstance(error, TimeoutError):
                raise StartError(
                    boot.name, Crash("TimeoutError", f"init took over {start_timeout_s} s")
                ) from None
            raise
        if not isinstance(answer, InitAck) or answer.ignored:
            raise start_error(boot.name, answer.reason if isinstance(answer, Down) else NORMAL)
        return address

    @classmethod
    def child_spec(
        cls,
        *args: Argument,
        id: Hashable = None,  # noqa: A002 -- OTP's name for it
        restart: Restart | str = Restart.PERMANENT,
        shutdown_s: float | None = None,
        type: ChildType | str | None = None,  # noqa: A002 -- OTP's name for it
        start_timeout_s: float | None = None,
        speaker: tuple[Hashable, ...] = (),
        **kwargs: Argument,
    ) -> ChildSpec:
        """Describe a child of this class; see `ChildSpec`. Other arguments go to `init`.

        Raises:
            ChildSpecError: an option is wrong.
        """
        return ChildSpec(
            id=cls.__name__ if id is None else id,
            start=Start(cls, args, kwargs),
            restart=restart,  # type: ignore[arg-type]  # ChildSpec turns strings into members
            shutdown_s=shutdown_s,
            type=type or cls.child_type,  # type: ignore[arg-type]  # as above
            start_timeout_s=start_timeout_s,
            speaker=speaker,
        )

    # -- for handlers

    def monitor(self, target: Address | Pid) -> MonitorRef:
        """Ask for one `Down` in `handle_info` when `target` ends; at once if it has or never was."""
        ref = MonitorRef(target)
        pid = target if isinstance(target, Pid) else target.find()
        self._monitored[ref] = pid
        if pid is None:
            self.pid.mailbox.post_system(Down(ref, target, None, NO_PROCESS))
        else:
            pid.monitor(ref, self.pid.mailbox.post_system)
        return ref

    def demonitor(self, ref: MonitorRef) -> None:
        """Drop a monitor; its `Down` will not arrive, even if it is queued already."""
        pid = self._monitored.pop(ref, None)
        if pid is not None:
            pid.demonitor(ref)

    def link(self, target: Address | Pid) -> None:
        """Tie two lives together: when one ends, the other gets an `Exit`.

        An actor without `trap_exit` ends by it, without `terminate`, unless the reason is normal; one with
        `trap_exit` finds it in `handle_info`.
        """
        pid = target if isinstance(target, Pid) else target.find()
        if pid is None:
            self.pid.mailbox.post_system(Exit(None, NO_PROCESS))
            return
        self.pid.link_one_way(pid)
        pid.link_one_way(self.pid)

    def unlink(self, target: Address | Pid) -> None:
        """Undo `link`."""
        pid = target if isinstance(target, Pid) else target.find()
        if pid is not None:
            self.pid.unlink_one_way(pid)
            pid.unlink_one_way(self.pid)

    def forward(self, target: Address | Pid, message: Message, sender: Sender) -> None:
        """Hand a call over: `target` gets `message` in its `handle_call` and owes the reply from now on.

        The handler that forwards returns `NO_REPLY`. If the target is not there, or ends before it replies,
        the caller gets `ActorExitedError`.
        """
        future = sender._future  # noqa: SLF001 -- the two are one mechanism
        current = self.pid.current
        if current is not None and current.reply_to is future:
            self.pid.current = None
        self.pid.held.pop(id(future), None)
        pid = target if isinstance(target, Pid) else target.pid
        if pid is None:
            future.fail(ActorExitedError(target.name, NO_PROCESS))
            return
        future.target = pid
        pid.mailbox.post(Call(message, future))

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

    def terminate(self, reason: ExitReason) -> None:
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
        thread = threading.Thread(target=self._actor_loop, name=f"{pid.name}#{pid.generation}", daemon=True)
        pid.begin(thread)
        try:
            thread.start()
        except BaseException as error:
            pid.finish(Crash.from_exception(error))
            pid.thread_ended()
            raise

    def _actor_loop(self) -> None:
        """Live from `init` to the last signal; nothing a handler raises gets out of here."""
        pid = self.pid
        running.pid = pid
        try:
            end = self._live()
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: our own code failed
            end = self._crashed(error)
        self._finish(end)
        self.actor_stopped.set()  # what pykka's ActorRef.is_alive looks at
        pid.thread_ended()

    # -- the life

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        """Run `init` and acknowledge it.

        Returns:
            None to serve; a function to run before the first message; an End when there is nothing to serve.
        """
        raise NotImplementedError

    def _live(self) -> End:
        boot, self._boot = self._boot, None
        assert boot is not None  # noqa: S101 -- a loop runs once
        self._on_ack = boot.on_ack
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

    def _acknowledge(self, *, ignored: bool = False) -> None:
        acknowledge, self._on_ack = self._on_ack, None
        if not ignored:
            self.system.telemetry.emit(telemetry.ACTOR_STARTED, {}, {"pid": self.pid})
        if acknowledge is not None:
            acknowledge(InitAck(self.pid, ignored))

    def _serve(self) -> End:
        pid, mailbox = self.pid, self.pid.mailbox
        take, system, deliver = mailbox.take, mailbox.system, self._deliver
        while True:
            pid.current = envelope = take()
            if system:
                end = self._serve_system()
                if end is not None:
                    return end
            if mailbox.closed:
                return End(KILLED, orderly=False)  # fenced off; the reason is set already
            if envelope is not WAKE:
                end = deliver(envelope)
                if end is not None:
                    return end
            pid.current = envelope = None  # type: ignore[assignment]  # an idle actor keeps no message alive

    def _deliver(self, envelope: Envelope[Any]) -> End | None:
        reply_to = envelope.reply_to
        try:
            if reply_to is None:
                handle = self.handle_info if envelope.__class__ is Info else self.handle_cast
                outcome = handle(envelope.message)
                return End(outcome.reason) if outcome.__class__ is Stop else None
            outcome = self.handle_call(envelope.message, Sender(reply_to))  # type: ignore[arg-type]  # _create_future makes them
        except Refuse as refusal:
            if isinstance(reply_to, CallFuture):
                reply_to.fail(refusal.error)
            return None
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: SystemExit must end this actor only
            return self._crashed(error)
        if outcome.__class__ is Stop:
            if outcome.reply is not NO_REPLY:
                reply_to.set(outcome.reply)
            return End(outcome.reason)
        if outcome is NO_REPLY:
            self._hold(reply_to)  # type: ignore[arg-type]  # as above
        else:
            reply_to.set(outcome)
        return None

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

    def _run(self, handler: Callable[[], Any]) -> End | None:
        """Run one handler outside a user message."""
        try:
            outcome = handler()
        except Refuse:
            return None  # nobody asked
        except BaseException as error:  # noqa: BLE001 -- the actor boundary
            return self._crashed(error)
        return End(outcome.reason) if outcome.__class__ is Stop else None

    def _serve_system(self) -> End | None:
        system = self.pid.mailbox.system
        while system:
            try:
                message = system.popleft()
            except IndexError:
                return None  # a drain was faster
            end = self._on_signal(message)
            if end is not None:
                return end
        return None

    def _on_signal(self, message: Message) -> End | None:
        """Act on one system message; supervisors extend this."""
        match message:
            case Exit(pid, reason) if pid is not None and pid is self._parent_pid:
                return self._asked_to_stop(reason)
            case Exit(_, reason) if not self.trap_exit:
                return None if isinstance(reason, Normal) else End(reason, orderly=False)
            case StopRequest(reason, reply_to):
                if reply_to is not None:
                    self.pid.monitor(MonitorRef(self.pid), lambda _: reply_to.set(None))
                return self._asked_to_stop(reason)
            case Down(ref) if self._monitored.pop(ref, self) is self:
                return None  # demonitored
        return self._run(lambda: self.handle_info(message))

    def _asked_to_stop(self, reason: ExitReason) -> End | None:
        return End(reason)

    def _crashed(self, error: BaseException) -> End:
        return End(Crash.from_exception(error), error=error)

    def _finish(self, end: End) -> None:
        reason, pid = end.reason, self.pid
        if end.orderly and not pid.mailbox.closed:  # closed: killed while it was busy
            try:
                self.terminate(reason)
            except BaseException as error:  # noqa: BLE001 -- the actor boundary
                reason = Crash.from_exception(error)
        undelivered = pid.current
        pid.finish(reason, end.error)
        if undelivered is not None and undelivered is not WAKE:
            if not end.error:
                pid.mailbox.reject(undelivered)
            pid.current = None
