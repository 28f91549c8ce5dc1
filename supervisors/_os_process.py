"""An actor that owns one operating system process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors._gen_server import GenServer
from supervisors._launch import Command, Launch, Owner
from supervisors._signals import ProcessExited

if TYPE_CHECKING:
    from supervisors._boot import End
    from supervisors._errors import OsProcessExitedError
    from supervisors._reaper import ChildProcess
    from supervisors._reasons import ExitReason
    from supervisors._types import Argument, Message, Reply
    from supervisors._warm_spare import WarmSpare


class OsProcess(GenServer):
    """A GenServer whose life is that of one process, of which it is the only owner.

    Subclasses give `command`, and may extend `on_spawned` (a handshake) and `on_exit`. One that needs
    arguments overrides `init`, keeps what `command` will want, and then returns `super().init()`. One with a
    `WarmSpare` returns `super().init(spare=spare)` instead and has no `command`: the spare's `Launch` has it.

    The process leads a session of its own. Whatever ends the actor ends the process and its whole group:
    asked to end, `terminate` sends SIGTERM, and SIGKILL after `stop_timeout_s`; a killed actor's process is
    killed at once. A process that ends although nobody asked crashes the actor with
    `OsProcessExitedError`, so its supervisor counts it and starts the next generation.
    """

    stop_timeout_s: float = 2.0

    process: ChildProcess
    """The process; set before `on_spawned`."""

    launch: Launch
    """How the process was started and is spoken to: of an actor with a spare, what that has made."""

    def command(self) -> Command:
        """Say what to run; called by `init`, in the actor's thread."""
        raise NotImplementedError

    def on_spawned(self) -> None:
        """Talk to the new process before `init` returns, in the actor's thread.

        Raising kills the process and fails the start. With `EOFError` or an `OSError` it has a moment to end
        by itself; if it does, the start fails with `OsProcessExitedError`, which knows its last words.
        """

    def on_exit(self, error: OsProcessExitedError) -> Reply:
        """Decide about an end nobody asked for, in the actor's thread.

        Returns:
            None to live on without a process, or `Stop(reason)`.

        Raises:
            OsProcessExitedError: `error`, unless overridden.
        """
        raise error

    def init(self, *args: Argument, **kwargs: Argument) -> Reply:  # noqa: ARG002 -- subclasses take arguments
        """Spawn the process, or take over the one that a spare keeps ready.

        Args:
            args: for subclasses.
            kwargs: `spare`, a `WarmSpare`; the others are for subclasses.

        Raises:
            OSError: the command cannot be run.
            OsProcessExitedError: the process ended during `on_spawned`.
        """
        spare: WarmSpare | None = kwargs.get("spare")
        owner = Owner(self.pid)
        launch = spare.take(owner) if spare is not None else None
        if launch is None:
            launch = spare.make() if spare is not None else _OwnLaunch(self)
            launch.start(owner, self.system)
        self.launch, self.process = launch, launch.process

    def terminate(self, reason: ExitReason) -> Reply:  # noqa: ARG002 -- the process ends for any reason
        """End the process and its group, and wait until it is reaped.

        A subclass that overrides this calls it last.
        """
        self.process.end(self.stop_timeout_s)

    def _on_signal(self, message: Message) -> End | None:
        if not isinstance(message, ProcessExited):
            return super()._on_signal(message)
        if (message.generation, message.process_id) != (self.pid.generation, self.process.pid):
            return None  # of another generation, too late
        return self._run(lambda: self.on_exit(self.launch.exited_error()))


class _OwnLaunch(Launch):
    """The launch of an actor that starts its process itself: its own hooks."""

    def __init__(self, actor: OsProcess) -> None:
        self._actor = actor

    def command(self) -> Command:
        return self._actor.command()

    def on_spawned(self) -> None:
        self._actor.process = self.process
        self._actor.on_spawned()
