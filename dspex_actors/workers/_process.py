"""The host's handle on one worker process.

Assumption: everything that arrives on the data socket was written by an enemy. A frame is checked for its
size before memory is taken, for its nonce and its kind before it is looked into, and decoded as data.
Whatever is not exactly what the protocol allows ends the worker. The pidfd and the exit status come from the
zygote, on a socket that the worker never holds.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors._errors import ProtocolError, WorkerLostError
from dspex_actors._execution import ExecutionResult, LimitExceeded, WorkerFacts
from dspex_actors.workers import _framing, _pidfds, _protocol
from dspex_actors.workers._asks import Asks
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._decoding import decode_message, why_not_ready
from dspex_actors.workers._guest_files import NO_RULES, GuestFiles, take
from dspex_actors.workers._lateness import NoticingReader
from dspex_actors.workers._network_calls import DescriptorStream, part_listener
from dspex_actors.workers._output import OutputCollector
from dspex_actors.workers._protocol import Final, FrameType
from dspex_actors.workers._request import Program, parts_of
from dspex_actors.workers._request_watch import RequestWatch, memory_beyond
from dspex_actors.workers._result import answer_caps, death_of, final_of, limit_of, result_of
from dspex_actors.workers._zygote_news import birth_of, end_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors import values
    from dspex_actors._limits import Limits
    from dspex_actors.workers._causes import Timers
    from dspex_actors.workers._driver_watch import DriverWatch
    from dspex_actors.workers._groups import WorkerGroup
    from dspex_actors.workers._network_calls import Network
    from dspex_actors.workers._tool_calls import Tools

_decode_ready = msgspec.msgpack.Decoder(_protocol.Ready).decode

_DEATH_WAIT_S = 5.0
"""How long a killed process may take to be gone before it is reported; measured 1 to 13 ms."""


class WorkerProcess:
    """One worker: run code in it, kill it, learn how it ended.

    `execute` is for one thread at a time; `kill` and `close` are for any.

    Args:
        data: the socket that the worker holds the other end of.
        control: the socket that the zygote holds the other end of.
        worker_id: its number.
        profile: name of its profile.
        sandbox: which layers its zygote's probe found active.
        control_group: its control group, owned from now on; None without one.

    Attributes:
        file_rules: what its policy says about its scratch folder.
        files: that folder, once the worker is born; None if the policy says nothing about it.
        driver: the watch over the child in which guest code runs; None if it runs in the worker.
    """

    file_rules = NO_RULES
    files: GuestFiles | None = None
    driver: DriverWatch | None = None
    grace_s = 0.0  # that a call may take beyond its time
    _descriptors: DescriptorStream | None = None
    zygote_pid = 0  # process id; 0 if it is not known

    def __init__(
        self,
        data: socket.socket,
        control: socket.socket,
        worker_id: int,
        profile: str,
        sandbox: Mapping[str, bool],
        control_group: WorkerGroup | None = None,
    ) -> None:
        self._control_group = control_group
        self._control = control
        self._network: Network | None = None
        self._caps: dict[int, int] = {FrameType.READY: _protocol.READY_CAP}
        self._attach(data)
        self._lock = threading.Lock()
        self._pidfd = -1
        self._nanny = -1  # pidfd; killing her kills all that the guest has started
        self._cause: Cause | None = None
        # Not to be guessed by a worker before its first request; it sees each later one anyway.
        self._nonce = int.from_bytes(os.urandom(7), "little")
        self._running = 0  # the nonce of the request under way
        self._id = worker_id
        self._profile = profile
        self._sandbox = sandbox
        self.facts = WorkerFacts(worker_id, 0, profile)

    def use_network(self, network: Network | None) -> None:
        """Say what makes its connections, None for nothing; before it is ready."""
        self._network = network
        self._attach(self._data)

    def _attach(self, data: socket.socket) -> None:
        """Take the socket that the worker holds the other end of."""
        self._drop_descriptors()
        self._data = data
        self._descriptors = None if self._network is None else DescriptorStream(data, self._network)
        self._reader = NoticingReader(data, self._caps, self._descriptors)

    def _drop_descriptors(self) -> None:
        if self._descriptors is not None:
            self._descriptors.close()

    def wait_ready(self, timeout_s: float, timers: Timers) -> None:
        """Wait until the worker is confined and warm.

        Args:
            timeout_s: seconds it may take.
            timers: arms the timeout.

        Raises:
            WorkerLostError: it ended or was not ready in time; it is killed.
        """
        born, fds = self._be_born(timeout_s)
        fds, self.files = take(fds, self.file_rules)
        fds = part_listener(born, fds, self._descriptors)
        self._pidfd, self._nanny = (*fds, -1)[:2]
        self.facts = WorkerFacts(self._id, getattr(born, "pid", 0), self._profile)
        if self._control_group is not None:
            self._control_group.admit(self)
        self._wait_confined(timeout_s, timers)

    def _be_born(self, timeout_s: float) -> tuple[object, list[int]]:
        """Wait for what the zygote tells of the fork; see `birth_of`."""
        try:
            return birth_of(self._control, timeout_s)
        except WorkerLostError:
            self.close()
            raise

    def _wait_confined(self, timeout_s: float, timers: Timers) -> None:
        """Wait until the worker says that it is ready.

        Raises:
            WorkerLostError: it ended or was not ready in time; it is killed.
        """
        if self._cause is not None:
            self.kill(self._cause)  # that came before there was anything to kill
        timer = timers.arm(timeout_s, lambda: self.kill(Cause.START))
        try:
            frame = self._reader.read()
            ready = None if frame is None else decode_message(_decode_ready, [frame.payload])
        except (ProtocolError, OSError) as error:
            self.close()
            raise WorkerLostError(f"the worker's handshake failed: {error}") from error
        finally:
            timer.cancel()
        if why := why_not_ready(ready):
            why = Cause.START.value if self._cause is Cause.START else why
            self.close()
            raise WorkerLostError(f"the worker did not get ready: {why}")
        if self.driver is not None:
            self.driver.begin(self.facts.pid, self._control_group)

    def tell_when_late(self, seconds: float, on_late: Callable[[], object]) -> None:
        """Have the next request call `on_late` if it takes long; see `NoticingReader.tell_when_late`."""
        self._reader.tell_when_late(seconds, on_late)

    def execute(
        self,
        code: str | Program,
        variables: values.Encoded | None,
        limits: Limits,
        timers: Timers,
        on_output: Callable[[str, str], None] | None = None,
        *,
        keep: bool = False,
        tools: Tools | None = None,
        read: str = "",
    ) -> ExecutionResult:
        """Run code and return how it ended. Blocks until then; at most `limits.time_s` and the time to kill.

        Args:
            code: the source text, or a program.
            variables: an encoded dict of names, None for none.
            limits: what the code may use.
            timers: arms the deadline.
            on_output: called with stream name and text as output arrives, in this thread.
            keep: whether the names it binds stay for the next call; a worker that was not kept is good for
                one call.
            tools: runs what the code may call in the host; closed when this request is over.
            read: name of a variable; its value is the result, and no code is run.

        Raises:
            WorkerLostError: the worker was lost for a reason that is not the guest's: its zygote ended.
        """
        nonce = self._begin(limits, timers)
        output = OutputCollector(limits.output_bytes, on_output)
        asks = Asks(tools, self._descriptors, limits, self._data, nonce, partial(self.kill_request, nonce))
        idle = None if self.driver is None else self.driver.footprint
        parts = parts_of(code, variables, limits, keep=keep, tools=asks.tools, read=read, idle=idle)
        started = time.monotonic()
        watch = RequestWatch(limits, timers, partial(self.kill_request, nonce), self._memory, self.grace_s)
        detail, final, value = "", None, None
        try:
            if self._control_group is not None:
                self._control_group.limit(limits, self.driver)
            _framing.send_frame(self._data, FrameType.EXECUTE, nonce, _framing.pack_parts(parts))
            final, value = self._receive(nonce, limits, output, asks)
        except ProtocolError as error:
            detail = f"the worker broke the protocol: {error}"
            self.kill(Cause.PROTOCOL)
        except MemoryError:
            detail = "the host has no memory for what the worker sent"
            self.kill(Cause.PROTOCOL)
        except OSError as error:
            detail = f"the worker's socket failed: {error}"
        finally:
            watch.cancel()
        if not self._end_request():
            final = None
        output.finish()
        asks.end_connections()
        common = {
            **output.kept(code),
            "duration_s": time.monotonic() - started,
            "worker": self.facts,
            "sandbox": self._sandbox,
            "usage": asks.usage(final),
        }
        try:
            if final is None:
                return self._ended(limits, detail, common)
            if final.is_last:
                self.kill(Cause.SPENT)  # so that a session knows that its state is gone
            return result_of(final, value, limits, common)
        finally:
            asks.close()

    def _memory(self) -> int | None:
        own = self._descriptors is not None and self._descriptors.listener is not None
        return memory_beyond(self.facts.pid, self._pidfd, self.zygote_pid, self.driver, own_network=own)

    def _begin(self, limits: Limits, timers: Timers) -> int:  # noqa: ARG002 -- for a worker that counts itself
        """Note that a request is under way; return its nonce."""
        with self._lock:
            self._nonce += 1
            self._running = self._nonce
            return self._nonce

    def _end_request(self) -> bool:
        """Note the end of the request; False if the worker was killed before, whatever it has sent."""
        with self._lock:
            self._running = 0
            return self._cause is None

    def _receive(
        self, nonce: int, limits: Limits, output: OutputCollector, asks: Asks
    ) -> tuple[Final | None, Any]:
        """Read frames up to the final one; (None, None) if the worker ends before.

        Raises:
            ProtocolError: a frame that is not allowed.
        """
        self._caps.clear()
        self._caps.update(answer_caps(limits))
        self._caps.update(asks.caps)
        while (frame := self._reader.read()) is not None:
            if frame.nonce != nonce:
                raise ProtocolError("a frame that belongs to no request")
            if frame.type == FrameType.OUTPUT:
                output.add(memoryview(frame.payload))
            elif frame.type == FrameType.NOTES:
                output.note(frame.payload)
            elif frame.type == FrameType.FINAL:
                asks.finish()
                return final_of(frame.payload, limits.result_bytes)
            elif (cause := asks.take(frame)) is not None:
                self.kill(cause)
                break
        return None, None

    def _ended(self, limits: Limits, detail: str, common: dict[str, Any]) -> ExecutionResult:
        """Say how a worker ended that gave no final frame.

        Raises:
            WorkerLostError: its zygote ended with it.
        """
        cause = self._cause
        if (exceeded := limit_of(cause, limits, common)) is not None:
            return exceeded
        if cause is None:
            # Its socket is closed but it may live on: a guest can close its own descriptors.
            alive = not self._wait_dead(0.05)
            self.kill(Cause.PROTOCOL)
            detail = detail or ("the guest closed its channel to the host" if alive else "")
        exited = self._exited()
        if exited is None:
            raise WorkerLostError("the worker's zygote ended")
        if cause is None and limits.cpu_s is not None and self._ran_out_of_cpu(exited, limits.cpu_s):
            return LimitExceeded(limit="cpu", allowed=limits.cpu_s, used=exited.cpu_s, **common)
        group = self._control_group if cause is None else None
        too_much = cause is Cause.MEMORY or (group is not None and group.ran_out_of_memory())
        if too_much and limits.memory_bytes is not None:
            return LimitExceeded(limit="memory", allowed=limits.memory_bytes, **common)
        return death_of(exited.status, cause, detail, common)

    def _ran_out_of_cpu(self, exited: _protocol.Exited, allowed_s: float) -> bool:
        """Whether the kernel ended it for the CPU time it has used in all."""
        return os.WIFSIGNALED(exited.status) and exited.cpu_s >= allowed_s

    def _exited(self) -> _protocol.Exited | None:
        """Return what the zygote tells of the worker's end, None if it ended without telling."""
        return end_of(self._control, _DEATH_WAIT_S)

    def kill(self, cause: Cause) -> None:
        """Kill the worker process; quiet if it is dead. The first cause is the one remembered."""
        with self._lock:
            self._kill(cause)

    def kill_request(self, nonce: int, cause: Cause) -> None:
        """Kill the worker if this request is under way; one that has ended keeps its result."""
        with self._lock:
            if self._running == nonce:
                self._kill(cause)

    def _kill(self, cause: Cause) -> None:
        """Kill the worker process; called with the lock held."""
        self._cause = self._cause or cause
        for pidfd in (self._nanny, self._pidfd):
            _pidfds.kill(pidfd)
        if self._control_group is not None:
            self._control_group.kill()
        with suppress(OSError):  # closed already; what has arrived can still be read
            self._data.shutdown(socket.SHUT_RDWR)  # a child of a trusted guest may hold the other end

    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self._wait_dead(0)

    def zygote_is_alive(self) -> bool:
        """Whether the exit status of an ended worker arrives, which only a living zygote sends."""
        return self._exited() is not None

    @property
    def cause(self) -> Cause | None:
        """Why the host killed it, None if it did not."""
        return self._cause

    def pidfd(self) -> int:
        """Return a new descriptor of the process, for a caller who wants to watch it; the caller closes it.

        Raises:
            WorkerLostError: the worker is closed or was never born.
        """
        with self._lock:
            if self._pidfd < 0:
                raise WorkerLostError("the worker is closed")
            return os.dup(self._pidfd)

    def finish(self) -> bool:
        """Kill the worker; True when it is seen dead. What it has left stays as it is until `close`."""
        self.kill(Cause.SPENT)
        dead = True
        for pidfd in (self._pidfd, self._nanny):  # the nanny's end waits for the worker to be collected
            dead = _pidfds.wait_ended(pidfd, _DEATH_WAIT_S) and dead
            if pidfd >= 0 and _pidfds.is_hung_up(self._control):
                _pidfds.reap_if_adopted(pidfd)
        return dead

    def close(self) -> bool:
        """Kill the worker and give its descriptors back; True when it is seen dead. Quiet the second time."""
        dead = self.finish()
        if self.files is not None:
            self.files.close()
        with self._lock:
            for pidfd in (self._pidfd, self._nanny):
                if pidfd >= 0:
                    os.close(pidfd)
            self._pidfd = self._nanny = -1
            if self._control_group is not None:
                self._control_group.close()
        self._drop_descriptors()
        self._data.close()
        self._control.close()
        return dead

    def _wait_dead(self, seconds: float) -> bool:
        """Wait until the process is gone; True if it is, or was never born."""
        return _pidfds.wait_ended(self._pidfd, seconds)
