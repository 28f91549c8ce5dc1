"""A driver: the child process of a worker in which one language's guest code runs.

The child has a socket for frames at descriptor 3 (see `_framing`), pipes at 1 and 2 that nobody but the guest
and its runtime write to, and the null device at 0. Nothing of it is trusted more than the guest: it is in the
same sandbox, and dies with it.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._errors import FramingError
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._protocol import Footprint, FrameType
from dspex_actors.workers.confine import _landlock, _libc
from dspex_actors.workers.engines._engine import EngineFailureError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Sink = Callable[[bytes], object]
    Limit = tuple[int, tuple[int, int]]

CHANNEL_FD = 3
"""The driver's descriptor of its socket."""

_PIPE_BYTES = 65536
_LAST_WORDS_BYTES = 4096
_FIRST_FREE_FD = 10
_PAST_ANY_FD = 1 << 16
_END_S = 0.5  # how long a driver that has closed its socket may take to end
_SMALL_CAP = 2**20
_WITH_VALUES = (FrameType.TOOL_CALL, FrameType.FINAL)
_WIDEST = 8  # a value in a driver's own encoding takes at most this many times the bytes of ours
NO_EXEC, NOT_STARTED = 127, "it cannot be run: "
"""How a driver ends, and what is on its stderr, that did not start."""


class DriverEndedError(Exception):
    """The driver has ended.

    Attributes:
        exit_code: its exit code, negative for the signal that ended it.
        last_words: the end of what it wrote to stderr.
    """

    def __init__(self, exit_code: int, last_words: bytes) -> None:
        super().__init__(exit_code, last_words)
        self.exit_code = exit_code
        self.last_words = last_words


class _Impatient:
    """A socket whose reading never waits."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.sendall = sock.sendall
        self.sendmsg = sock.sendmsg

    def recv_into(self, buffer: memoryview) -> int:
        """Put what has arrived into the buffer.

        Raises:
            BlockingIOError: nothing has.
        """
        try:
            return self._sock.recv_into(buffer, 0, socket.MSG_DONTWAIT)
        except ConnectionResetError:  # it has ended with something of ours unread
            return 0


class Inherited(NamedTuple):
    """What a driver has of its worker's, each a descriptor; None for none.

    Attributes:
        program: the file that it runs in place of the first word of its command line. It is closed then.
        stdin: its standard input; the null device without one.
        ruleset: of Landlock, which narrows the worker's own.
    """

    program: int | None = None
    stdin: int | None = None
    ruleset: int | None = None


class Driver:
    """A running driver. For one thread.

    Args:
        command: its command line.
        environment: its environment.
        limits: resource limits that it starts with: what `setrlimit` takes.
        inherited: what it has of ours.

    Attributes:
        pid: its process id.

    Raises:
        EngineFailureError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        limits: Sequence[Limit] = (),
        inherited: Inherited = Inherited(),  # noqa: B008 -- a tuple
    ) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        stdout, stdout_end = os.pipe()
        stderr, stderr_end = os.pipe()
        try:
            self.pid = os.fork()
        except OSError as error:
            raise EngineFailureError(f"no process for it: {error}") from error
        if self.pid == 0:
            _become(command, environment, (stdout_end, stderr_end, theirs.fileno()), limits, inherited)
        for descriptor in (stdout_end, stderr_end):
            os.close(descriptor)
        theirs.close()
        self._channel = ours
        self._caps: dict[int, int] = dict.fromkeys(
            (FrameType.READY, FrameType.OUTPUT, *_WITH_VALUES), _SMALL_CAP
        )
        self._reader = _framing.FrameReader(_Impatient(ours), self._caps)
        self._poll = select.poll()
        self._sinks: dict[int, Sink] = {stdout: _drop, stderr: _drop}
        self._stdout, self._stderr = stdout, stderr
        for descriptor in (ours.fileno(), stdout, stderr):
            self._poll.register(descriptor, select.POLLIN)
        for descriptor in (stdout, stderr):
            os.set_blocking(descriptor, False)
        self._last_words = b""

    def listen(self, stdout: Sink, stderr: Sink) -> None:
        """Say where its output goes from now on."""
        self._sinks = {self._stdout: stdout, self._stderr: stderr}

    def expect(self, result_bytes: int | None, output_bytes: int | None) -> None:
        """Bound the frames that it may send from now on, so that a guest cannot fill its worker's memory.

        Args:
            result_bytes: of a value; None for no limit.
            output_bytes: of a text of the console, in the same way.
        """
        self._caps.update(dict.fromkeys(_WITH_VALUES, _cap_for(result_bytes)))
        self._caps[FrameType.NOTES] = _cap_for(output_bytes)

    def send(self, kind: FrameType, parts: Sequence[_framing.Block]) -> None:
        """Send a frame.

        Raises:
            DriverEndedError: it has ended.
        """
        try:
            _framing.send_frame(self._channel, kind, 0, _framing.pack_parts(parts))
        except OSError:
            raise self._ended() from None

    def receive(self, timeout_s: float | None = None) -> tuple[int, list[memoryview]]:
        """Return the type and the parts of its next frame; its output is passed on meanwhile, and before.

        Args:
            timeout_s: seconds it may take; None to wait for ever.

        Raises:
            DriverEndedError: it has ended.
            EngineFailureError: it took too long, or what it sends is no frame.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            try:
                frame = self._reader.read()
                parts = [] if frame is None else _framing.split_parts(frame.payload)
            except BlockingIOError:
                self._wait(deadline, timeout_s)
                continue
            except FramingError as error:
                raise EngineFailureError(f"the driver sent what is no frame: {error}") from error
            self._pass_on()
            if frame is None:
                raise self._ended()
            return frame.type, parts

    def _wait(self, deadline: float | None, timeout_s: float | None) -> None:
        """Wait for a part of a frame, passing output on.

        Raises:
            EngineFailureError: none came in time.
        """
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = self._poll.poll(left)
        if not ready and deadline is not None and time.monotonic() >= deadline:
            raise EngineFailureError(f"it was not ready within {timeout_s:g} s")
        for descriptor, _ in ready:
            if descriptor != self._channel.fileno():
                self._pass_on_from(descriptor)

    def _pass_on(self) -> None:
        """Pass on all the output that is there."""
        for descriptor in tuple(self._sinks):
            while self._pass_on_from(descriptor):
                pass

    def _pass_on_from(self, descriptor: int) -> bool:
        """Pass on a piece of output; False if there is none."""
        try:
            data = os.read(descriptor, _PIPE_BYTES)
        except BlockingIOError:
            return False
        if not data:
            with suppress(KeyError):  # it is told again at each end of file
                self._poll.unregister(descriptor)
            return False
        if descriptor == self._stderr:
            self._last_words = (self._last_words + data)[-_LAST_WORDS_BYTES:]
        self._sinks[descriptor](data)
        return True

    def _ended(self) -> DriverEndedError:
        """Return how it ended; it is killed if it lives on without its socket."""
        deadline = time.monotonic() + _END_S
        with suppress(KeyError):
            self._poll.unregister(self._channel.fileno())  # it has nothing more to say
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            self._poll.poll(5)
            self._pass_on()
        self.pid = 0
        self._pass_on()
        return DriverEndedError(os.waitstatus_to_exitcode(status), self._last_words)

    def limit(self, limits: Sequence[Limit]) -> None:
        """Apply resource limits to it while it runs.

        Raises:
            PermissionError: the sandbox does not allow that.
        """
        for kind, (soft, hard) in limits:
            _, highest = resource.prlimit(self.pid, kind)
            most = hard if highest == resource.RLIM_INFINITY else min(hard, highest)
            resource.prlimit(self.pid, kind, (min(soft, most), most))

    def footprint(self) -> Footprint:
        """Return what it uses. For a process in whose root /proc is.

        Raises:
            OSError: /proc is not there.
        """
        fields = {}
        with open(f"/proc/{self.pid}/status") as status:  # noqa: PTH123 -- pathlib is not loaded here
            for line in status:
                name, _, rest = line.partition(":")
                fields[name] = rest.split()
        size = sum(int(fields[name][0]) for name in ("VmData", "VmStk"))
        files = len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 -- as above
        return Footprint(size * 1024, int(fields["Threads"][0]), files)

    def close(self) -> None:
        """Kill it and give its descriptors back. Quiet the second time."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self._channel.fileno() >= 0:
            self._channel.close()
            os.close(self._stdout)
            os.close(self._stderr)


def _cap_for(size: int | None) -> int:
    """Return how many bytes a frame may have that holds so many in this package's encoding."""
    unlimited = _protocol.REQUEST_CAP
    return unlimited if size is None else min(unlimited, _WIDEST * size + _SMALL_CAP)


def _drop(data: bytes) -> None:
    """Take output that nobody asked for."""


def _become(
    command: Sequence[str],
    environment: Mapping[str, str],
    descriptors: tuple[int, int, int],
    limits: Sequence[Limit],
    inherited: Inherited,
) -> None:
    """Be the driver. Runs in the forked child; does not return."""
    try:
        with suppress(OSError):  # in the sandbox the end of the pid namespace does it
            _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        stdin = os.open(os.devnull, os.O_RDONLY) if inherited.stdin is None else inherited.stdin
        optional = [each for each in (inherited.program, inherited.ruleset) if each is not None]
        high = [fcntl.fcntl(each, fcntl.F_DUPFD, _FIRST_FREE_FD) for each in (stdin, *descriptors, *optional)]
        for target, each in enumerate(high):
            os.dup2(each, target, inheritable=target <= CHANNEL_FD)
        os.closerange(len(high), _PAST_ANY_FD)
        for kind, values in limits:
            resource.setrlimit(kind, values)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores them, and so would its children
            signal.signal(number, signal.SIG_DFL)
        if inherited.ruleset is not None:
            _landlock.restrict_self(len(high) - 1)
        program = command[0] if inherited.program is None else CHANNEL_FD + 1
        os.execve(program, list(command), dict(environment))  # noqa: S606 -- no shell is wanted
    except OSError as error:
        os.write(2, f"{NOT_STARTED}{error}\n".encode())
    finally:
        os._exit(NO_EXEC)
