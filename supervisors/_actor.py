"""What all actors of the package share: how they are started and described, and their ties to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from supervisors._boot import Boot, start_error
from supervisors._child_spec import ChildSpec, ChildType, Restart, Start
from supervisors._errors import ActorExitedError, NotAnActorError, StartError
from supervisors._future import CallFuture, Sender, running
from supervisors._inspected import InspectedActor
from supervisors._mailbox import Call
from supervisors._pid import Pid
from supervisors._reasons import NO_PROCESS, NORMAL, Crash
from supervisors._signals import Down, Exit, InitAck, MonitorRef
from supervisors._system import System

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._address import Address
    from supervisors._types import Argument, Message


class GenActor(InspectedActor):
    """Base of `GenServer` and `Supervisor`; subclass those.

    Everything but construction runs in the actor's own thread. Handlers are called one at a time, system
    messages first.
    """

    child_type: ClassVar[ChildType] = ChildType.WORKER

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
            StartError: `init` raised, stopped, ignored (the reason is `NORMAL` then) or took too long.
        """
        shared = system or System()
        boot = Boot(name or cls.__name__, shared, args=args, kwargs=kwargs)
        return cls._start_and_wait(boot, start_timeout_s, owned=shared if system is None else None)

    @classmethod
    def start_link(
        cls,
        *args: Argument,
        name: str | None = None,
        start_timeout_s: float | None = None,
        **kwargs: Argument,
    ) -> Address:
        """Like `start`, called by an actor that becomes the parent: the two are linked before `init` runs.

        The parent's end, whatever the reason, ends the new actor in order; the other way round the parent
        gets an `Exit`, also when the start fails. Clock, timers and telemetry are the parent's. A call from
        the new actor's `init` to its parent is refused, since that waits.

        Raises:
            NotAnActorError: the calling thread is no actor's.
            StartError: as in `start`.
        """
        parent = running.pid
        if parent is None:
            raise NotAnActorError(f"{cls.__name__}.start_link()")
        boot = Boot(name or cls.__name__, parent.system, parent=parent, args=args, kwargs=kwargs)
        boot.parent_address = running.address
        return cls._start_and_wait(boot, start_timeout_s, owned=None)

    @classmethod
    def _start_and_wait(cls, boot: Boot, limit_s: float | None, *, owned: System | None) -> Address:
        acknowledged = CallFuture()
        boot.on_ack = acknowledged.reply
        actor = cls(boot)
        pid, address, parent = actor.pid, actor.address, boot.parent
        acknowledged.target = pid
        early_end = MonitorRef(pid)
        pid.monitor(early_end, acknowledged.reply)
        if owned is not None:
            pid.on_thread_end(owned.close)
        if parent is not None:
            parent.link_one_way(pid)
            pid.link_one_way(parent)
        me = running.pid
        if me is not None:
            acknowledged.watch_for_cycle(me)  # before `init` runs, whose call to this actor is to be refused
        try:
            actor._start_actor_loop()
            del actor
            answer = acknowledged.get(timeout=limit_s)
        except BaseException as error:
            pid.kill()
            if isinstance(error, TimeoutError):
                reason = Crash("TimeoutError", f"init took over {limit_s} s")
                raise StartError(boot.name, reason) from None
            raise
        finally:
            if me is not None:
                me.waiting_for = None
        pid.demonitor(early_end)
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
        significant: bool = False,
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
            significant=significant,
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
