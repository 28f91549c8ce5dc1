"""The keeper of a session: a small, trusted process beside the session's worker and its copies.

It is a child of the zygote, in a pid namespace that is the session's alone, and the parent of the worker. It
lets the worker become two when the host says so and at no other time, ends copies, and wakes one when the
worker has ended. What it does follows from its books, see `_keeping`; here it is done.

Guarantees: one thread; no guest code; ends when the host has closed all lines, and its end ends all others.
Assumption: everything on the shared socket was written by an enemy; but the kernel says who wrote it.
"""

from __future__ import annotations

import array
import os
import resource
import select
import signal
import socket
import struct
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from dspex_actors.workers import _keeping
from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._keeping import Close, Kill, Rouse, Tell
from dspex_actors.workers._keeping_protocol import What
from dspex_actors.workers._protocol import receive_with_fds, send_with_fds
from dspex_actors.workers.confine import _notify
from dspex_actors.workers.confine._syscalls import machine, number

if TYPE_CHECKING:
    from collections.abc import Iterable

_SILENCE_S = 5.0
"""How long a new process may take to say what it is; measured about a millisecond."""

_CREDENTIALS = struct.Struct("iII")  # process, user, group
_MOST_FDS = 2
_NO_LISTENER = "the kernel lets nobody decide about forks"


class Process:
    """A process of the session.

    Attributes:
        pidfd: its descriptor.
        host_pid: its process id as /proc shows it; 0 as long as nobody has looked.
        wakes: where it waits to be woken; None for a worker.
    """

    def __init__(self, pidfd: int, wakes: socket.socket | None) -> None:
        self.pidfd = pidfd
        self.host_pid = 0
        self.wakes = wakes

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.pidfd)
        if self.wakes is not None:
            self.wakes.close()


class Keeper:
    """See the module.

    Args:
        line: the socket to the host for the first line.
        meeting: the socket on which the processes report; the kernel adds who they are (SO_PASSCRED).
        proc: descriptor of the folder /proc.
    """

    def __init__(self, line: socket.socket, meeting: socket.socket, proc: int | None) -> None:
        self._meeting = meeting
        self._proc = proc
        self._books = _keeping.Books()
        self._poll = select.epoll()
        self._first = line
        self._lines: dict[int, socket.socket] = {}
        self._line_of: dict[int, int] = {}  # descriptor of the socket to line
        self._data: dict[int, int] = {}  # data socket that a line's next worker will get
        self._processes: dict[int, Process] = {}
        self._pid_of: dict[int, int] = {}  # pidfd to process id
        self._collected: dict[int, tuple[int, float]] = {}  # process id to status and CPU seconds
        self._listener = -1
        self._top = 0  # the highest process id seen
        arch = machine() or "x86_64"
        self._forks = {number("clone", arch)}

    def run(self, worker: int) -> None:
        """Serve until all lines are over.

        Args:
            worker: process id of the first line's worker, a child of ours.
        """
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._poll.register(self._meeting.fileno(), select.EPOLLIN)
        self._admit(worker, os.pidfd_open(worker), None)
        line = self._books.begin(worker)
        self._open(line, self._first)
        self._act([Tell(line, protocol.Started(line))])
        while self._books.lines:
            for descriptor, events in self._poll.poll(1.0 if self._books.awaits_any else None):
                self._handle(descriptor, events)
            if self._books.strays_due(time.monotonic(), _SILENCE_S):
                self._kill_strays()
                self._act(self._books.purged(time.monotonic(), _SILENCE_S))

    def _handle(self, descriptor: int, events: int) -> None:
        """Take what a descriptor is ready with. Its number may have got a new meaning a moment ago."""
        if descriptor in self._pid_of:
            if _has_ended(descriptor):
                self._bury(descriptor)
        elif descriptor in self._line_of:
            self._obey(self._line_of[descriptor])
        elif descriptor == self._listener:
            if events & select.EPOLLIN:
                self._decide()
            else:  # nobody is left who could ask
                self._poll.unregister(descriptor)
        elif descriptor == self._meeting.fileno():
            self._hear()

    # -- the host

    def _obey(self, line: int) -> bool:
        """Take an order of the host; False if there is none, or will be no more."""
        try:
            message, fds = receive_with_fds(self._lines[line], 1 << 16, _MOST_FDS)
        except BlockingIOError:
            return False
        except OSError:
            message, fds = b"", []
        if not message:
            self._act(self._books.end(line))
            self._forget(line)
            return False
        match protocol.decode_order(message):
            case protocol.Allow(number=copy, superfluous=superfluous):
                self._act(self._books.allow(line, copy, superfluous))
            case protocol.Wake(number=copy, newer=newer):
                self._expect_data(line, fds.pop())
                self._act(self._books.wake(line, copy, newer))
            case protocol.Split():
                data, control = fds
                fds = []
                new_line, actions = self._books.split(line)
                self._expect_data(new_line, data)
                self._open(new_line, socket.socket(fileno=control))
                self._act(actions)
            case protocol.End():
                self._act(self._books.end(line))
        return line in self._lines

    def _open(self, line: int, sock: socket.socket) -> None:
        os.set_blocking(sock.fileno(), False)
        self._lines[line] = sock
        self._line_of[sock.fileno()] = line
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _forget(self, line: int) -> None:
        """Stop listening to a line that is over, or whose host is gone."""
        sock = self._lines.pop(line, None)
        if sock is not None:
            del self._line_of[sock.fileno()]
            self._poll.unregister(sock.fileno())
            sock.close()
        self._expect_data(line, -1)

    def _expect_data(self, line: int, descriptor: int) -> None:
        """Keep a data socket for a line's next worker, in place of an older one; -1 for none."""
        older = self._data.pop(line, -1)
        if older >= 0:
            os.close(older)
        if descriptor >= 0:
            self._data[line] = descriptor

    # -- the processes

    def _decide(self) -> None:
        """Answer a process that wants to fork, or to send a signal."""
        try:
            question = _notify.receive(self._listener)
        except OSError:
            question = None
        if question is None:
            return
        asker = question.thread
        if question.number not in self._forks:
            # A signal of a main thread to its own process. Nobody else's number is any of its business.
            _notify.answer(self._listener, question, allow=question.first & 0xFFFFFFFF == asker)
            return
        # The host has told us before it told the worker; its order may be next to be read.
        for line in [line for line, each in self._books.lines.items() if each.worker == asker]:
            while line in self._lines and self._obey(line):
                continue
        threads = self._threads(asker) if asker in self._books.workers() else 1
        allow, actions = self._books.may_fork(asker, threads, time.monotonic())
        self._act(actions)
        if not _notify.answer(self._listener, question, allow=allow) and allow:
            self._books.interrupted(asker)

    def _threads(self, pid: int) -> int:
        """Count the threads of a worker; 0 if they cannot be seen."""
        process = self._processes[pid]
        process.host_pid = process.host_pid or self._host_pid(process.pidfd)
        if self._proc is None or not process.host_pid:
            return 0
        with suppress(OSError, ValueError, IndexError):
            text = _read(self._proc, f"{process.host_pid}/stat")
            return int(text.rpartition(b")")[2].split()[17])
        return 0

    def _hear(self) -> None:
        """Take a report."""
        room = socket.CMSG_SPACE(_CREDENTIALS.size) + socket.CMSG_SPACE(4 * _MOST_FDS)
        try:
            message, ancillary, _, _ = self._meeting.recvmsg(
                protocol.REPORT.size + 1, room, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
            )
        except OSError:
            return
        pid, fds = 0, array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid, _, _ = _CREDENTIALS.unpack(content)
            elif level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(content[: len(content) - len(content) % fds.itemsize])
        if len(message) != protocol.REPORT.size or not pid or not self._take_report(message, pid, list(fds)):
            for descriptor in fds:
                os.close(descriptor)

    def _take_report(self, message: bytes, pid: int, fds: list[int]) -> bool:
        """Take a report of a process; False if its descriptors are not wanted."""
        what, line, copy, errno = protocol.REPORT.unpack(message)
        if what == What.FAILED:
            reason = f"fork: {os.strerror(errno)}" if self._listener >= 0 else _NO_LISTENER
            self._act(self._books.failed(line, copy, pid, reason))
        elif len(fds) != 1:
            return False
        elif what == What.LISTENER and self._listener < 0 and pid in self._books.workers():
            self._listener = fds[0]
            self._poll.register(self._listener, select.EPOLLIN)
            return True
        elif what in {What.FROZEN, What.SPLIT}:
            return self._welcome(what, line, copy, pid, fds[0])
        return False

    def _welcome(self, what: int, line: int, copy: int, pid: int, wakes: int) -> bool:
        """Take a new process in, if it is the one that was asked for."""
        books = self._books
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._act(books.failed(line, copy, pid, "it ended at once"))
            return False
        known, actions = books.frozen(line, copy, pid) if what == What.FROZEN else books.was_split(line, pid)
        if known:
            self._admit(pid, pidfd, socket.socket(fileno=wakes))
            self._act(actions)
        else:
            os.close(pidfd)
        return known

    def _admit(self, pid: int, pidfd: int, wakes: socket.socket | None) -> None:
        """Watch a process."""
        self._top = max(self._top, pid)
        self._processes[pid] = Process(pidfd, wakes)
        self._pid_of[pidfd] = pid
        self._poll.register(pidfd, select.EPOLLIN)

    def _host_pid(self, pidfd: int) -> int:
        """Return the process id behind a pidfd, as /proc shows it."""
        if self._proc is None:
            return 0
        with suppress(OSError, ValueError):
            for line in _read(self._proc, f"self/fdinfo/{pidfd}").splitlines():
                name, _, value = line.partition(b":")
                if name == b"Pid":
                    return int(value)
        return 0

    def _bury(self, pidfd: int) -> None:
        """Note the end of a process, and collect it if it is a child of ours."""
        pid = self._pid_of.pop(pidfd)
        self._poll.unregister(pidfd)
        self._processes.pop(pid).close()
        self._collect()
        status, cpu_s = self._collected.pop(pid, (0, 0.0))
        self._act(self._books.died(pid, status, cpu_s))

    def _collect(self) -> None:
        """Reap all children that have ended: copies of an ended worker are ours, too."""
        with suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                if pid in self._processes or pid in self._books.known():
                    self._collected[pid] = status, usage.ru_utime + usage.ru_stime

    def _kill_strays(self) -> None:
        """Kill all processes of the namespace that are none of ours."""
        probe = os.fork()  # its number is higher than that of any process before, unless they started anew
        if probe == 0:
            os._exit(0)
        os.waitpid(probe, 0)
        ours = {os.getpid(), *self._processes}
        for pid in range(2, max(self._top, probe)):
            if pid in ours:
                continue
            with suppress(OSError):
                stray = os.pidfd_open(pid)
                signal.pidfd_send_signal(stray, signal.SIGKILL)
                os.close(stray)

    # -- what the books ask for

    def _act(self, actions: Iterable[_keeping.Action]) -> None:
        for action in actions:
            match action:
                case Kill(pid):
                    self._kill(pid)
                case Rouse(pid, line):
                    self._rouse(pid, line)
                case Tell(line, news):
                    self._tell(line, news)
                case Close(line):
                    self._forget(line)

    def _kill(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._processes[pid].pidfd, signal.SIGKILL)

    def _rouse(self, pid: int, line: int) -> None:
        process = self._processes[pid]
        wakes, process.wakes = process.wakes, None
        if wakes is None or line not in self._data:
            self._kill(pid)
            return
        with wakes, suppress(OSError):  # it has ended, which will be seen
            send_with_fds(wakes, protocol.WAKE, [self._data[line]])
        self._expect_data(line, -1)

    def _tell(self, line: int, news: protocol.News) -> None:
        sock = self._lines.get(line)
        if sock is None:
            return
        worker = self._books.lines[line].worker if isinstance(news, protocol.Started) else None
        fds = [self._processes[worker].pidfd] if worker is not None else []
        with suppress(OSError):  # the host is gone, or does not listen
            send_with_fds(sock, msgspec.msgpack.encode(news), fds)


def _has_ended(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _read(folder: int, path: str) -> bytes:
    """Return the beginning of a file.

    Raises:
        OSError: it is not there.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)
