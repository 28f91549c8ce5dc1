"""One operating system process: how it is started and spoken to, and which actor answers for it."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from supervisors._errors import OsProcessExitedError
from supervisors._signals import ProcessExited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisors._pid import Pid
    from supervisors._reaper import ChildProcess
    from supervisors._system import System

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


class Launch:
    """One process, and the host's end of what connects the two; what a `WarmSpare` keeps ready.

        class Echo(Launch):
            def command(self):
                self.channel, self.theirs = socket.socketpair()
                number = self.theirs.fileno()
                return Command(argv=[sys.executable, "echo.py", str(number)], pass_fds=[number])

            def on_spawned(self):
                self.theirs.close()
                if self.channel.recv(1) != b"R":  # it says that it is ready
                    raise EOFError

            def close(self):
                self.channel.close()

    Made anew for each process. It belongs to no actor, so that it can be handed over with the process.
    """

    process: ChildProcess
    """The process; set before `on_spawned`."""

    def command(self) -> Command:
        """Say what to run; called once, in the thread of the actor that starts the process."""
        raise NotImplementedError

    def on_spawned(self) -> None:
        """Talk to the new process until it is ready, in the thread of the actor that started it.

        Raising kills the process and fails the start. With `EOFError` or an `OSError` it has a moment to end
        by itself; if it does, the start fails with `OsProcessExitedError`, which knows its last words.
        """

    def close(self) -> None:
        """Give back what was opened here; called once, after the process was killed or has ended.

        Runs in whichever thread ends the owning actor. Also called if the command cannot be run.
        """

    def start(self, owner: Owner, system: System) -> None:
        """Spawn the process for an actor and wait until it is ready; for this package.

        Nothing is left of one that does not become ready.

        Raises:
            OSError: the command cannot be run.
            OsProcessExitedError: the process ended during `on_spawned`.
            Exception: what `on_spawned` raised.
        """
        import subprocess  # noqa: PLC0415 -- 5 ms that trees without processes should not pay

        from supervisors._reaper import ChildProcess  # noqa: PLC0415 -- as above

        command = self.command()
        self._program = command.argv[0]
        try:
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
        except BaseException:
            self.close()
            raise
        self.process = process = ChildProcess(popen)
        owner.adopt(self)
        system.process_watcher.watch(process, process.exited)
        try:
            self.on_spawned()
        except BaseException as error:
            broken = isinstance(
                error, EOFError | OSError
            )  # its end closes what we talk over a little earlier
            ended = process.wait(_EXIT_AFTER_EOF_S if broken else 0) is not None
            owner.end(self)
            process.wait()
            if ended and isinstance(error, Exception):
                raise self.exited_error() from error
            raise

    def exited_error(self) -> OsProcessExitedError:
        """Describe the end of the process, which has been reaped; for this package."""
        code = self.process.returncode or 0
        return OsProcessExitedError(
            self._program,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stderr_tail=self.process.stderr_tail(),
        )


class Owner:
    """The processes that one incarnation of an actor answers for: it hears of their ends, they end with it.

    Guarantee: a process that was adopted has one owner at any time, so it is killed and its launch closed
    exactly once, also when owners end while it is handed over.
    """

    def __init__(self, pid: Pid) -> None:
        self._pid = pid
        self._lock = threading.Lock()  # when two are held, that of the giving owner first
        self._launches: set[Launch] = set()
        self._over = False
        pid.on_release(self._release)

    def adopt(self, launch: Launch) -> bool:
        """Answer for a process from now on; it is killed at once if the actor has ended.

        Returns:
            False when it has been reaped already, which whoever answered for it before is told.
        """
        process, generation = launch.process, self._pid.generation
        post = self._pid.mailbox.post_system
        if not process.tell(lambda code: post(ProcessExited(process.pid, generation, code))):
            return False
        with self._lock:
            over = self._over
            if not over:
                self._launches.add(launch)
        if over:
            _end(launch)
        return True

    def give(self, launch: Launch, other: Owner) -> bool:
        """Let another actor answer for a process; False when it has been reaped or is not owned here."""
        with self._lock:
            given = launch in self._launches and other.adopt(launch)
            if given:
                self._launches.remove(launch)
            return given

    def end(self, launch: Launch) -> None:
        """Kill a process and close its launch; quiet if it is not owned here."""
        with self._lock:
            owned = launch in self._launches
            self._launches.discard(launch)
        if owned:
            _end(launch)

    def _release(self) -> None:
        with self._lock:
            self._over = True
            launches, self._launches = self._launches, set()
        for launch in launches:
            _end(launch)


def _end(launch: Launch) -> None:
    launch.process.signal_group(signal.SIGKILL)
    launch.close()
