"""An engine whose language runs in a driver: a child process of the worker.

The worker says EXECUTE to the driver, and it answers with any number of TOOL_CALL, each of which gets a
TOOL_RESULT, and one FINAL. Part 0 of each is a `Head`, in JSON; the rest is a value, in this package's
encoding. A language may have both in an encoding of its own. A driver that is ready to take requests has
said READY. What it writes to its descriptors 1 and 2 is the guest's output; it may send OUTPUT as well, whose
parts are the number of the stream as one byte, and bytes: they stay in order with what else it sends. What
else it has to tell while a call goes on it sends as NOTES, whose one part is a `DriverNotes`.

The driver is started before there is a request, so the limits of the kernel are put on it afterwards, from
outside. Where the sandbox refuses that, it is started anew with them.
"""

from __future__ import annotations

import math
import os
import resource
import signal
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from dspex_actors import values
from dspex_actors._errors import ToolError, ValueEncodeError
from dspex_actors.workers._protocol import REHEARSAL, FrameType, Request
from dspex_actors.workers.engines._driver import Driver, DriverEndedError
from dspex_actors.workers.engines._driver_messages import (
    DriverNotes,
    Head,
    decode_head,
    decode_notes,
    encode_head,
    head_of,
    note,
    pass_on,
)
from dspex_actors.workers.engines._engine import (
    EngineFailureError,
    GuestFailedError,
    OutOfMemoryError,
    OutOfTimeError,
    ResultTooBigError,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dspex_actors.workers import _framing
    from dspex_actors.workers._protocol import EngineConfig, Footprint
    from dspex_actors.workers.engines._driver import Limit
    from dspex_actors.workers.engines._engine import Call

_T = TypeVar("_T")

_CPU_GRACE_S = 1
_REHEARSALS = 2
_OWN_PROCESSES = 1  # the worker

# What ends a runtime that the kernel gives no more memory, besides an exit code of its own.
_DEATHS_OF_HUNGER = frozenset({signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGSEGV, signal.SIGBUS})


class DriverEngine:
    """See the module. A language gives it a command line and, where its driver needs that, other values.

    Args:
        config: what the zygote was told of the engine.

    Attributes:
        memory_slack: bytes beyond the limit of memory that the runtime itself may need to keep a program
            within it, as its collector does.
        rehearsed: code that an idle driver runs a few times, with a variable `x`, to be quicker later.
            Of a call whose head has `rehearsal` set nothing may stay. Empty for none.
    """

    memory_slack = 0
    rehearsed = ""

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self._driver: Driver | None = None
        self._used = Usage()

    # -- what a language says

    def command(self) -> list[str]:
        """Return the driver's command line; the working directory is the guest's scratch folder."""
        raise NotImplementedError

    def whole_command(self) -> list[str]:
        """Return the command line with what all drivers of a program need; for classes in between."""
        return self.command()

    def environment(self) -> dict[str, str]:
        """Return the driver's environment: what the policy gives its guests."""
        return dict(os.environ)

    def boot(self, driver: Driver) -> None:
        """Tell a driver that was just started what it needs before it can say READY."""

    def execute_parts(self, call: Call) -> list[_framing.Block]:
        """Return the parts of the frame that asks for a call."""
        return [self.write_head(head_of(call.request)), *call.parts[1:]]

    def write_head(self, head: Head) -> _framing.Block:
        """Return part 0 of a frame for the driver."""
        return encode_head(head)

    def read_head(self, part: memoryview) -> Head:
        """Read part 0 of a frame of the driver's.

        Raises:
            ValueError: it is none.
        """
        return decode_head(part)

    def read_notes(self, part: memoryview) -> DriverNotes:
        """Read the part of NOTES.

        Raises:
            ValueError: it is none.
        """
        return decode_notes(part)

    def arguments_of(self, parts: list[memoryview]) -> tuple[list[Any], dict[str, Any]]:
        """Return what a tool is called with, from the parts of a frame.

        Raises:
            ValueError: there are no arguments.
        """
        if len(parts) < 2:
            raise ValueError("a call of a tool without its arguments")
        values.prepare(parts[1])
        args, kwargs = values.decode(parts[1], parts[2:])
        return args, kwargs

    def result_parts(self, value: object) -> list[_framing.Block]:
        """Return the parts of a frame with what a tool has returned.

        Raises:
            ValueEncodeError: it cannot cross.
        """
        encoded = values.encode(value)
        return [self.write_head(Head()), encoded.structure, *encoded.buffers]

    def value_of(self, parts: list[memoryview]) -> Any:  # noqa: ANN401 -- plain data, or encoded
        """Return the value of a final frame.

        Raises:
            GuestFailedError: it has none.
        """
        if len(parts) < 2:
            raise GuestFailedError("ProtocolError", "the driver sent no value")
        return values.Encoded(bytes(parts[1]), tuple(parts[2:]))

    def out_of_memory(self, ended: DriverEndedError) -> bool:
        """Whether a driver that has ended by itself did so for want of memory, from what it wrote last."""
        return -ended.exit_code in _DEATHS_OF_HUNGER and b"memory" in ended.last_words

    # -- the contract

    def rehearse(self) -> None:
        """Nothing is to be loaded; see `Engine`. Whether the driver starts is tried by `look`."""

    def look(self) -> Footprint:
        """Start a driver for nothing, look at it while it is idle, and end it.

        Runs unconfined, in a child of the zygote and beside it.

        Raises:
            EngineFailureError: it does not start.
        """
        driver = self._started([])
        try:
            return driver.footprint()
        except OSError as error:
            raise EngineFailureError(f"its memory cannot be seen: {error}") from error
        finally:
            driver.close()

    def start(self) -> None:
        """Start the driver of this worker; see `Engine`.

        Raises:
            EngineFailureError: it does not start.
        """
        self._driver = self._started([])

    def rehearsals(self, *, builds: bool) -> Iterator[list[_framing.Block]]:
        """Yield the parts of requests that the driver answers for nothing.

        Args:
            builds: whether this worker has no driver, for it is there to be tried.
        """
        variables = values.encode({"x": [1, "x", {"y": 0.5}]})
        request = msgspec.msgpack.encode(Request(self.rehearsed, step=REHEARSAL))
        for _ in range(_REHEARSALS if self.rehearsed and not builds else 0):
            yield [request, variables.structure, *variables.buffers]

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Have the driver run a request; see `Engine`.

        Raises:
            GuestFailedError: the code failed.
            OutOfMemoryError, OutOfTimeError, ResultTooBigError: a limit was exceeded.
            KeyError: there is no such variable.
            EngineFailureError: the driver broke the rules.
        """
        try:
            driver = self._limited(call)
            driver.listen(call.stdout.write, call.stderr.write)
            driver.expect(call.request.result_bytes, call.request.output_bytes)
            driver.send(FrameType.EXECUTE, self.execute_parts(call))
            while True:
                kind, parts = driver.receive()
                if kind == FrameType.OUTPUT:
                    pass_on(parts, call)
                    continue
                if kind == FrameType.NOTES:
                    note(self._read(self.read_notes, parts), call)
                    continue
                head = self._head(parts)
                if kind == FrameType.FINAL:
                    self._used = Usage(head.cpu_s, head.memory_peak_bytes)
                    note(head, call)
                    return self._finished(head, parts, call.request)
                driver.send(FrameType.TOOL_RESULT, self._called(head, parts, call))
        except DriverEndedError as ended:
            if self.out_of_memory(ended):
                raise OutOfMemoryError(is_last=True) from None
            for output in (call.stdout, call.stderr):
                output.flush_now()
            call.notes.flush_now()
            end_like(ended)

    def usage(self) -> Usage:
        """Return what the driver has used, as it says itself."""
        return self._used

    # -- inside

    def _started(self, limits: list[Limit]) -> Driver:
        """Start a driver and wait until it takes requests.

        Raises:
            EngineFailureError: it does not start.
        """
        driver = Driver(self.whole_command(), self.environment(), limits)
        try:
            self.boot(driver)
            head = self._ready(*driver.receive(self.config.start_timeout_s))
        except DriverEndedError as ended:
            said = ended.last_words.decode("utf-8", "replace").strip()
            raise EngineFailureError(f"its driver ended with {ended.exit_code}: {said}") from None
        except EngineFailureError:
            driver.close()
            raise
        self._used = Usage(head.cpu_s, head.memory_peak_bytes)
        return driver

    def _ready(self, kind: int, parts: list[memoryview]) -> Head:
        """Read a driver's first frame.

        Raises:
            EngineFailureError: it does not say that the driver is ready.
        """
        if kind != FrameType.READY:
            raise EngineFailureError("its driver did not say that it is ready")
        return self._head(parts)

    def _head(self, parts: list[memoryview]) -> Head:
        """Read part 0 of a frame.

        Raises:
            EngineFailureError: it is none; guest code has got at the driver's socket.
        """
        return self._read(self.read_head, parts)

    def _read(self, read: Callable[[memoryview], _T], parts: list[memoryview]) -> _T:
        """Read part 0 of a frame; see `_head`.

        Raises:
            EngineFailureError: it is none.
        """
        try:
            return read(parts[0])
        except (IndexError, ValueError) as error:  # msgspec's errors are ValueErrors
            raise EngineFailureError(f"the driver sent what is no message: {error}") from error

    def _called(self, head: Head, parts: list[memoryview], call: Call) -> list[_framing.Block]:
        """Call a tool; return the parts of the answer."""
        tool = call.tools.get(head.tool)
        if tool is None:
            missing = "the execution has no such tool"
            return [self.write_head(Head(error_type=LookupError.__name__, message=missing))]
        try:
            args, kwargs = self.arguments_of(parts)
            return self.result_parts(tool(*args, **kwargs))
        except ToolError as error:
            failed = Head(error_type=error.error_type, message=error.message)
        except (ValueEncodeError, ValueError, TypeError) as error:
            failed = Head(error_type=type(error).__name__, message=str(error))
        return [self.write_head(failed)]

    def _limited(self, call: Call) -> Driver:
        """Return the driver, under the limits of a call."""
        assert self._driver is not None  # noqa: S101 -- it was started before the worker said ready
        limits = limits_of(call, call.request.idle, self._used.cpu_s, self.memory_slack)
        try:
            self._driver.limit(limits)
        except PermissionError:
            self._driver.close()
            self._driver = self._started(limits)
        return self._driver

    def _finished(self, head: Head, parts: list[memoryview], request: Request) -> Any:  # noqa: ANN401 -- see `run`
        """Return what a call came to.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, OutOfTimeError, ResultTooBigError: a limit was exceeded.
            KeyError: there is no such variable.
        """
        if head.outcome == "completed":
            return self.value_of(parts)
        if head.outcome == "missing":
            raise KeyError(request.read)
        if head.outcome == "memory":
            raise OutOfMemoryError(is_last=False)
        if head.outcome == "time":
            raise OutOfTimeError(is_last=True)
        if head.outcome == "result":
            raise ResultTooBigError(head.used)
        raise GuestFailedError(head.error_type, head.message, head.traceback)


def limits_of(call: Call, idle: Footprint, spent_s: float = 0.0, slack: int = 0) -> list[Limit]:
    """Return what a driver may use in a call, for `setrlimit`.

    Args:
        call: with its limits.
        idle: what a driver uses by itself.
        spent_s: CPU seconds that it has used before.
        slack: bytes of memory beyond the limit.
    """
    request = call.request
    limits: list[Limit] = []
    if request.cpu_s is not None:
        seconds = math.ceil(spent_s + request.cpu_s)
        limits.append((resource.RLIMIT_CPU, (seconds, seconds + _CPU_GRACE_S)))
    if request.memory_bytes is not None:
        data = idle.data_bytes + request.memory_bytes + slack
        limits.append((resource.RLIMIT_DATA, (data, data)))
    if request.file_bytes is not None:
        limits.append((resource.RLIMIT_FSIZE, (request.file_bytes, request.file_bytes)))
    if request.open_files is not None:
        files = idle.files + request.open_files
        limits.append((resource.RLIMIT_NOFILE, (files, files)))
    if request.processes is not None and call.counted_beside is not None:
        most = request.processes + call.counted_beside + _OWN_PROCESSES + idle.threads
        limits.append((resource.RLIMIT_NPROC, (most, most)))
    return limits


def end_like(ended: DriverEndedError) -> NoReturn:
    """End this worker as its driver has ended, so that the host sees what became of the guest."""
    if ended.exit_code < 0:
        number = -ended.exit_code
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(max(0, ended.exit_code))
