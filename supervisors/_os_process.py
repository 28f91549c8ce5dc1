"""An actor that owns one operating system process."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from supervisors._errors import OsProcessExitedError
from supervisors._gen_server import GenServer
from supervisors._signals import ProcessExited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisors._boot import End
    from supervisors._reaper import ChildProcess
    from supervisors._reasons import ExitReason
    from supervisors._types import Argument, Message, Reply

_EXIT_AFTER_EOF_S: Final = (
    0.25  # seconds; a guess, an exiting Python closes its descriptors 1 ms before its end
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What an `OsProcess` runs.

    `argv[0]` is looked up on the host's PATH; the process itself gets exactly `env`, the descriptors
    `pass_fds` under their own numbers, and /dev/null for stdin and stdout.
    """

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    pass_fds: Sequence[int] = ()
    cwd: str | None = None


class OsProcess(GenServer):
    """A GenServer whose life is that of one process, of which it is the only owner.

    Subclasses give `command`, and may extend `on_spawned` (a handshake) and `on_exit`. One that needs
    arguments overrides `init`, keeps what `command` will want, and then returns `super().init()`.

    The process leads a session of its own. Whatever ends the actor ends the process and its whole group:
    asked to end, `terminate` sends SIGTERM, and SIGKILL after `stop_timeout_s`; a killed actor's process is
    killed at once. A process that ends although nobody asked crashes the actor with
    `OsProcessExitedError`, so its supervisor counts it and starts the next generation.
    """

    stop_timeout_s: float = 2.0

    process: ChildProcess
    """The process; set before `on_spawned`."""

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
        """Spawn the process.

        Raises:
            OSError: the command cannot be run.
            OsProcessExitedError: the process ended during `on_spawned`.
        """
        process = self._spawn()
        try:
            self.on_spawned()
        except BaseException as error:
            broken = isinstance(
                error, EOFError | OSError
            )  # its end closes what we talk over a little earlier
            ended = process.wait(_EXIT_AFTER_EOF_S if broken else 0) is not None
            process.signal_group(signal.SIGKILL)
            process.wait()
            if ended and isinstance(error, Exception):
                raise self._exited_error() from error
            raise

    def terminate(self, reason: ExitReason) -> Reply:  # noqa: ARG002 -- the process ends for any reason
        """End the process and its group, and wait until it is reaped.

        A subclass that overrides this calls it last.
        """
        process = self.process
        if process.signal_group(signal.SIGTERM) and process.wait(self.stop_timeout_s) is None:
            process.signal_group(signal.SIGKILL)
            process.wait()

    def _spawn(self) -> ChildProcess:
        import subprocess  # noqa: PLC0415 -- 5 ms that trees without processes should not pay

        from supervisors._reaper import ChildProcess  # noqa: PLC0415 -- as above

        self._command = command = self.command()
        popen = subprocess.Popen(
            list(command.argv),
            env=dict(command.env),
            cwd=command.cwd,
            pass_fds=tuple(command.pass_fds),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.process = process = ChildProcess(popen)
        post, generation = self.pid.mailbox.post_system, self.pid.generation
        self.system.process_watcher.watch(
            process, lambda code: post(ProcessExited(process.pid, generation, code))
        )
        self.pid.on_release(lambda: process.signal_group(signal.SIGKILL))
        return process

    def _exited_error(self) -> OsProcessExitedError:
        code = self.process.returncode or 0
        return OsProcessExitedError(
            self._command.argv[0],
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stderr_tail=self.process.stderr_tail(),
        )

    def _on_signal(self, message: Message) -> End | None:
        if isinstance(message, ProcessExited) and message.generation == self.pid.generation:
            return self._run(lambda: self.on_exit(self._exited_error()))
        return super()._on_signal(message)
