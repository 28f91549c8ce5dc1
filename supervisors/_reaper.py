"""Operating system processes: a handle on each, and one thread that sees them end.

The thread waits on pidfds, so an exit is seen within a millisecond, no signal handler is involved and no
thread is spent per process. It also reads what the processes write to stderr, of which the end is kept.
A process is reaped only after its group has been killed: until then the dead leader pins the group's
number, so the kill cannot hit a stranger.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from supervisors._log import log

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

STDERR_KEPT: Final = 64 * 1024  # bytes
_CHUNK: Final = 16 * 1024


class ChildProcess:
    """One started process that leads its own session, until it is reaped.

    `returncode` is None until then; after that Popen's: the exit code, or the negative signal number.
    """

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.popen = popen
        self.pid = popen.pid
        self.pidfd = os.pidfd_open(popen.pid) if hasattr(os, "pidfd_open") else -1
        self.returncode: int | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._on_exit: Callable[[int], object] | None = None
        self._tail: deque[bytes] = deque()
        self._kept = 0
        self.stderr_fd = -1
        if popen.stderr is not None:
            self.stderr_fd = popen.stderr.fileno()
            os.set_blocking(self.stderr_fd, False)

    def signal_group(self, number: int) -> bool:
        """Send a signal to the process and all of its group; False when it has been reaped."""
        with self._lock:
            if self.returncode is not None:
                return False
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)  # start_new_session: the group has the leader's number
            return True

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until it is reaped; None when that took longer than `timeout` seconds."""
        self._ended.wait(timeout)
        return self.returncode

    def has_ended(self) -> bool:
        """Say whether it has ended, even if it was not reaped yet where there are pidfds."""
        with self._lock:
            return self.returncode is not None or (self.pidfd >= 0 and _has_ended(self.pidfd))

    def end(self, limit_s: float) -> None:
        """Send SIGTERM to the group, SIGKILL `limit_s` seconds later, and wait until it is reaped."""
        if self.signal_group(signal.SIGTERM) and self.wait(limit_s) is None:
            self.signal_group(signal.SIGKILL)
            self.wait()

    def tell(self, on_exit: Callable[[int], object]) -> bool:
        """Call `on_exit(returncode)` when it has been reaped, instead of what was to be called before.

        Returns:
            False when it has been reaped: what was to be called before is, or was, called.
        """
        with self._lock:
            if self.returncode is not None:
                return False
            self._on_exit = on_exit
            return True

    def stderr_tail(self) -> str:
        """Return the last 64 KiB it wrote to stderr."""
        return b"".join(list(self._tail)).decode(errors="replace")

    # -- for the reaper's thread

    def read_stderr(self) -> bool:
        """Take what is there; False when no more will come."""
        while True:
            try:
                chunk = os.read(self.stderr_fd, _CHUNK)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not chunk:
                return False
            self._tail.append(chunk)
            self._kept += len(chunk)
            while self._kept - len(self._tail[0]) >= STDERR_KEPT:
                self._kept -= len(self._tail.popleft())

    def reap(self) -> int:
        """End the group, collect the exit status, close what the handle owns."""
        self.signal_group(signal.SIGKILL)
        if self.stderr_fd >= 0:
            self.read_stderr()
        with self._lock:
            self.returncode = self.popen.wait()
            if self.popen.stderr is not None:
                self.popen.stderr.close()
            if self.pidfd >= 0:
                os.close(self.pidfd)
        self._ended.set()
        return self.returncode

    def exited(self, returncode: int) -> None:
        """Call what `tell` was given last; to be called once it has been reaped."""
        if self._on_exit is not None:
            self._on_exit(returncode)


class StrangerWatch:
    """One watch on a process that is not our child."""

    __slots__ = ("_pidfd", "_reaper")

    def __init__(self, reaper: Reaper, pidfd: int) -> None:
        self._reaper: Reaper | None = reaper
        self._pidfd = pidfd

    def cancel(self) -> None:
        """Forget it; quiet when it has fired or was cancelled before."""
        reaper, self._reaper = self._reaper, None
        if reaper is not None:
            reaper.forget_stranger(self._pidfd)


class Reaper:
    """The thread, started by the first `watch`.

    After `close` it goes on for the processes that are left, and for one that is started in spite of that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exits: dict[int, tuple[ChildProcess, Callable[[int], object]]] = {}  # by pidfd
        self._outputs: dict[int, ChildProcess] = {}  # by stderr
        self._strangers: dict[int, Callable[[], object]] = {}  # by pidfd
        self._thread: threading.Thread | None = None
        self._closing = False

    def watch(self, process: ChildProcess, on_exit: Callable[[int], object]) -> None:
        """Reap `process` when it ends, then call `on_exit(returncode)` in the reaper's thread."""
        with self._lock:
            self._start()
            self._exits[process.pidfd] = (process, on_exit)
            if process.stderr_fd >= 0:
                self._outputs[process.stderr_fd] = process
                self._epoll.register(process.stderr_fd, select.EPOLLIN)
            self._epoll.register(process.pidfd, select.EPOLLIN)  # seen by a running epoll_wait, too

    def watch_stranger(self, pidfd: int, on_exit: Callable[[], object]) -> StrangerWatch:
        """Call `on_exit()` in the reaper's thread when a process ends that is not ours to reap.

        Args:
            pidfd: its descriptor; owned, and closed, by the watch from now on.
            on_exit: must be short. Not called once the reaper is closed.
        """
        watch = StrangerWatch(self, pidfd)
        with self._lock:
            if self._closing:
                os.close(pidfd)
                return watch
            self._start()
            self._strangers[pidfd] = on_exit
            self._epoll.register(pidfd, select.EPOLLIN)
        return watch

    def forget_stranger(self, pidfd: int) -> None:
        """See `StrangerWatch.cancel`."""
        with self._lock:
            if self._strangers.pop(pidfd, None) is not None:
                self._epoll.unregister(pidfd)
                os.close(pidfd)

    def close(self) -> None:
        """End the thread once no process is left."""
        with self._lock:
            self._closing = True
            if self._thread is not None:
                os.eventfd_write(self._wake, 1)

    def _start(self) -> None:
        """Start the thread if there is none. Called with the lock held."""
        if self._thread is None:
            self._epoll = select.epoll()
            self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
            self._epoll.register(self._wake, select.EPOLLIN)
            self._thread = threading.Thread(target=self._run, name="supervisors-reaper", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if fd in self._outputs:
                    self._read(fd)
                elif fd in self._exits:
                    self._reap(fd)
                elif fd in self._strangers:
                    self._tell(fd)
                elif fd == self._wake:
                    os.eventfd_read(self._wake)
            with self._lock:
                if self._closing and not self._exits:
                    self._dispose()
                    return

    def _read(self, fd: int) -> None:
        if not self._outputs[fd].read_stderr():
            self._epoll.unregister(fd)
            del self._outputs[fd]

    def _reap(self, fd: int) -> None:
        if not _has_ended(fd):
            return  # the event was of a stranger's descriptor with the same number, closed since
        with self._lock:
            process, on_exit = self._exits.pop(fd)
        self._epoll.unregister(fd)
        if self._outputs.pop(process.stderr_fd, None) is not None:
            self._epoll.unregister(process.stderr_fd)
        returncode = process.reap()
        self._call(lambda: on_exit(returncode), process.pid)

    def _call(self, callback: Callable[[], object], process: int) -> None:
        try:
            callback()
        except Exception as error:  # noqa: BLE001 -- one bad callback must not end everybody's reaper
            log("error", "reaper.callback_failed", process=process, error=error)

    def _tell(self, fd: int) -> None:
        with self._lock:
            # Cancelled since the poll, and the descriptor perhaps given to a new watch?
            if fd not in self._strangers or not _has_ended(fd):
                return
            on_exit = self._strangers.pop(fd)
            self._epoll.unregister(fd)
            os.close(fd)
        self._call(on_exit, fd)

    def _dispose(self) -> None:
        """Give everything back; the thread is about to end. Called with the lock held."""
        self._thread = None
        for pidfd in self._strangers:
            os.close(pidfd)
        self._strangers.clear()
        self._epoll.close()
        os.close(self._wake)


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))
