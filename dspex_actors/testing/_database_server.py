"""Database servers as processes of a test or a bench: started, killed as by a loss of power, and removed.

A server has a folder of its own and no port, and ends with the process that started it, whatever ends that.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

SHORT_FOLDER: Final = "/tmp"  # noqa: S108 -- a socket's path has 107 bytes at most, and everybody may pass through here
MEMORY_FOLDER: Final = "/dev/shm"  # noqa: S108 -- a server that is killed loses nothing of it, and nobody waits for a disk
ENOUGH: Final = 2 * 2**30  # bytes
CEILING_S: Final = 60.0  # seconds; only a failure sees it
TICK_S: Final = 0.01  # that a server is ready is no event one could wait for
NOBODY: Final = 65534


class ServerUnavailableError(Exception):
    """There is no such server on this machine; says what to install."""


class ServerFailedError(Exception):
    """A server did not start; says what it wrote."""


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait until something is true of a server that is starting.

    Raises:
        ServerFailedError: it ended, or a minute has passed.
    """
    tick = threading.Event()
    for _ in range(int(CEILING_S / TICK_S)):
        if condition():
            return
        if process.poll() is not None:
            raise ServerFailedError(f"the server ended with {process.returncode}")
        tick.wait(TICK_S)
    raise ServerFailedError(f"the server was not ready within {CEILING_S} s")


def descendants(pid: int) -> list[int]:
    """Return the living descendants of a process."""
    found: list[int] = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split():
            found += [int(child), *descendants(int(child))]
    return found


def folder_for_data() -> str:
    """Return where servers keep their data: in memory, if there is enough of it."""
    if Path(MEMORY_FOLDER).is_dir() and shutil.disk_usage(MEMORY_FOLDER).free >= ENOUGH:
        return MEMORY_FOLDER
    return SHORT_FOLDER


class Server:
    """A server in a folder of its own, started when it is made.

    Args:
        parent: where to make the folder; None for memory, if there is enough of it. Its path has to be short.

    Raises:
        ServerUnavailableError: its programs are not on this machine.
        ServerFailedError: it did not start.
    """

    user: int | None = None
    """Who runs it; None for whoever runs this process."""

    environment: ClassVar[dict[str, str]] = {"LC_ALL": "C.UTF-8"}

    def __init__(self, *, parent: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dspex-db-", dir=parent or folder_for_data()))
        self.process: subprocess.Popen[bytes] | None = None
        if self.user is not None:
            os.chown(self.folder, self.user, self.user)
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.close()
            raise

    def prepare(self) -> None:
        """Make what the server needs before its first start."""

    def command(self) -> Sequence[str | Path]:
        """Return what starts it."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Return whether it answers."""
        raise NotImplementedError

    def unavailable(self, what: str) -> NoReturn:
        """Say that its programs are missing."""
        raise ServerUnavailableError(what)

    def as_user(self, command: Iterable[str | Path]) -> list[str]:
        """Return the command that runs another one without rights, and ends it when this process ends."""
        rights = ["--pdeathsig", "QUIT"]
        if self.user is not None:
            rights += [f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        return ["setpriv", *rights, "--", *map(str, command)]

    def start(self) -> None:
        """Start it, and wait until it answers.

        Raises:
            ServerFailedError: it does not.
        """
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.as_user(self.command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], **self.environment},
            )
        try:
            wait_until(self.is_ready, self.process)
        except ServerFailedError as error:
            told = (self.folder / "log").read_text("utf-8", "replace")
            raise ServerFailedError(f"{error}\n{told[-2000:]}") from None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise ServerFailedError("the server was not started")
        return self.process

    def kill(self) -> None:
        """End it and all that it started, without a warning."""
        process = self._running
        family = descendants(process.pid)
        process.kill()
        process.wait(CEILING_S)
        self._end(family)

    def pause(self) -> None:
        """Let it answer nothing any more, though its connections stay."""
        pid = self._running.pid
        for each in (pid, *descendants(pid)):
            os.kill(each, signal.SIGSTOP)

    def resume(self) -> None:
        """Undo `pause`."""
        pid = self._running.pid
        for each in (*descendants(pid), pid):
            os.kill(each, signal.SIGCONT)

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        process = self._running
        family = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(CEILING_S)
        self._end(family)

    @staticmethod
    def _end(family: list[int]) -> None:
        """Kill what a server left, and wait for it: who adopts orphans has to collect them."""
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in family:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def close(self) -> None:
        """Kill it if it runs, and remove its data."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
