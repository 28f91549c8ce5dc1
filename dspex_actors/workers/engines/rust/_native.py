"""The engine of Rust as native code: rustc and a linker make a program, which is a child of the worker.

Programs come from the host, which keeps them and checks their digest. This worker, which has run nothing
else, writes one into its own scratch folder, opens it to be read and removes its name: nobody can reach the
file any more, so what runs is what was compiled. The boundary is the sandbox around both. A program has the
socket of a driver (see `_driver`), and the crate `dspex` talks on it, see `host.rs`:

    program -> worker   TOOL_CALL  name                     the value of a variable is asked for
                        TOOL_CALL  name, arguments          a tool is called
                        FINAL      value                    the value of the execution; the last one counts
                        FINAL      nothing, u64             how long a large value will be
                        FINAL      kind, message, place     the execution has failed
    worker -> program   TOOL_RESULT  value                  for each TOOL_CALL; no part for no such variable

Values are JSON. The program's end is the execution's.
"""

from __future__ import annotations

import os
import resource
import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ToolError
from dspex_actors.workers._protocol import Footprint, FrameType
from dspex_actors.workers.engines._driver import (
    NO_EXEC,
    NOT_STARTED,
    Driver,
    DriverEndedError,
    Inherited,
)
from dspex_actors.workers.engines._driver_engine import end_like, limits_of
from dspex_actors.workers.engines._engine import (
    EngineFailureError,
    GuestFailedError,
    ResultTooBigError,
    Usage,
)
from dspex_actors.workers.engines._json import JSON_PER_BYTE, as_json, from_json
from dspex_actors.workers.engines.rust._compiler import Compiler
from dspex_actors.workers.engines.rust._endings import ending_of
from dspex_actors.workers.engines.rust._view import ruleset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dspex_actors.workers._protocol import EngineConfig
    from dspex_actors.workers.engines._driver import Limit
    from dspex_actors.workers.engines._engine import Call

_NAME = "guest"
_PROGRAM_FILE, _STDIN_FILE = ".dspex-program", ".dspex-stdin"
_ITSELF = Footprint(data_bytes=2**20)
"""What a program uses before its first line: the C library's data, a heap of 132 KiB and a stack."""

# The kernel counts CPU time against the limit in ticks, and was seen to end a program at 0.98 of 1.0 seconds.
_CPU_SLACK_S = 1.0
# Addresses beyond the limit of memory: libraries, and what the C library's allocator reserves for a thread.
_ADDRESSES = 256 * 2**20
_LONGEST = 2**61  # a number that the host takes
_HOSTS_AFFAIR = frozenset({signal.SIGKILL, signal.SIGXCPU})  # it knows what these mean


class NativeEngine:
    """See the module.

    Args:
        config: what the zygote was told of the engine: as for `Compiler`, and `guest_paths`, what any program
            reads.
    """

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self._compiler = Compiler(config, _NAME)

    def rehearse(self) -> None:
        """Nothing is to be loaded; see `Engine`."""

    def look(self) -> Footprint:
        """Try the compiler; see `Compiler.look`.

        Raises:
            EngineFailureError: it does not work.
        """
        return self._compiler.look()

    def start(self) -> None:
        """Nothing is left to do; see `Engine`."""

    def run(self, call: Call) -> Any:  # noqa: ANN401 -- a guest's value is any plain data
        """Compile a program, or run one that was compiled; see `Engine`.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, ResultTooBigError: a limit was exceeded.
            EngineFailureError: it cannot be run.
        """
        if call.request.step:
            return self._compiler.compile(call)
        variables, invocation = call.inputs()
        if call.module is None:
            return None  # there is no code
        command = _command(invocation.get("args", ()))
        stdin = invocation.get("stdin")
        if stdin is None:
            stdin = as_json(variables) if variables else b""
        paths = (*self.config.options["guest_paths"].split("\n"), *self.config.read_paths)
        with (
            _unnamed(_PROGRAM_FILE, call.module, 0o500) as program,
            _unnamed(_STDIN_FILE, stdin, 0o400) as given,
        ):
            ruleset = ruleset_of(self.config, paths)
            driver = Driver(command, dict(os.environ), _limits_of(call), Inherited(program, given, ruleset))
            if ruleset is not None:
                os.close(ruleset)
        try:
            return _Conversation(driver, call, variables).value()
        finally:
            driver.close()

    def usage(self) -> Usage:
        """Return what compilers and programs have used that have ended.

        A fork has what the worker has, so only what is beyond that is known to be a program's.
        """
        used, own = (resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
        return Usage(used.ru_utime + used.ru_stime, max(0, used.ru_maxrss - own.ru_maxrss) * 1024)


class _Conversation:
    """What a program and its worker say to each other, until the program's end.

    Args:
        driver: the program.
        call: which it runs for.
        variables: of that.
    """

    def __init__(self, driver: Driver, call: Call, variables: dict[str, Any]) -> None:
        self._driver = driver
        self._call = call
        self._variables = variables
        self._value: Any = None

    def value(self) -> Any:  # noqa: ANN401 -- as `NativeEngine.run`
        """Return the value that the program has given when it ends.

        Raises:
            GuestFailedError: it failed.
            OutOfMemoryError, ResultTooBigError: a limit was exceeded.
            EngineFailureError: it does not start, or what it sends is no message.
        """
        self._driver.listen(self._call.stdout.write, self._call.stderr.write)
        self._driver.expect(self._call.request.result_bytes, 0)
        try:
            while True:
                kind, parts = self._driver.receive()
                if kind == FrameType.FINAL:
                    self._take(parts)
                elif kind == FrameType.TOOL_CALL:
                    self._driver.send(FrameType.TOOL_RESULT, self._answer([_text(part) for part in parts]))
                else:
                    raise EngineFailureError("the program sent what is no message of its own")
        except DriverEndedError as ended:
            self._end(ended)
        return self._value

    def _answer(self, texts: list[str]) -> list[bytes]:
        """Return the parts of the answer to what a program asks.

        Raises:
            EngineFailureError: that is nothing.
            GuestFailedError: there is no such tool, or it failed.
        """
        match texts:
            case [name] if name in self._variables:
                return [as_json(self._variables[name], f"value[{name!r}]")]
            case [""]:
                return [as_json(self._variables)]
            case [_]:
                return []
            case [name, arguments]:
                return [as_json(self._called(name, from_json(arguments)), f"{name}()")]
        raise EngineFailureError("the program asked for nothing")

    def _called(self, name: str, args: object) -> Any:  # noqa: ANN401 -- plain data of the host's
        """Call a tool. One that raises ends the execution.

        Raises:
            GuestFailedError: see `_answer`.
        """
        tool = self._call.tools.get(name)
        if tool is None:
            raise GuestFailedError("LookupError", f"the execution has no tool {name!r}")
        if not isinstance(args, list):
            raise GuestFailedError("TypeError", "dspex::call takes a tuple or a list of arguments")
        try:
            return tool(*args)
        except ToolError as error:
            raise GuestFailedError("ToolError", str(error)) from error

    def _take(self, parts: list[memoryview]) -> None:
        """Take the value of the execution, the length of one that will come, or a failure.

        Raises:
            GuestFailedError: it is one.
            ResultTooBigError: it is longer than the value may be, in any form.
            EngineFailureError: it is none of those.
        """
        most = self._call.request.result_bytes
        match parts:
            case [text]:
                self._value = from_json(_text(text))
            case [_, length]:
                size = min(int.from_bytes(length, "little"), _LONGEST)
                if most is not None and size > most * JSON_PER_BYTE:
                    raise ResultTooBigError(size)
            case [kind, message, place]:
                raise GuestFailedError(_text(kind), _text(message), _text(place))
            case _:
                raise EngineFailureError("the program sent no value")

    def _end(self, ended: DriverEndedError) -> None:
        """Look at how the program has ended; this worker ends with it where the host knows better.

        Raises:
            GuestFailedError, OutOfMemoryError, EngineFailureError: not well.
        """
        words = ended.last_words.decode("utf-8", "replace")
        if ended.exit_code == NO_EXEC and words.startswith(NOT_STARTED):
            raise EngineFailureError(f"the compiled program: {words.strip()}") from None
        if -ended.exit_code in _HOSTS_AFFAIR:
            for output in (self._call.stdout, self._call.stderr):
                output.flush_now()
            self._call.notes.flush_now()
            end_like(ended)
        if ended.exit_code:
            raise ending_of(ended.exit_code, words, self._call.request.code) from None


def _command(args: object) -> list[str]:
    """Return a program's command line.

    Raises:
        GuestFailedError: an argument is no text.
    """
    given = list(args) if isinstance(args, list | tuple) else []
    wrong = [each for each in given if not isinstance(each, str) or "\0" in each]
    if wrong:
        message = f"a program takes text as arguments, not {wrong[0]!r:.100}"
        raise GuestFailedError("ArgumentError", message)
    return [_NAME, *given]


def _limits_of(call: Call) -> list[Limit]:
    """Return what a program may use. Beside its memory its addresses are bounded; see `RequestWatch`."""
    limits = limits_of(call, _ITSELF, _CPU_SLACK_S)
    if call.request.memory_bytes is not None:
        addresses = call.request.memory_bytes + _ADDRESSES
        limits.append((resource.RLIMIT_AS, (addresses, addresses)))
    return limits


@contextmanager
def _unnamed(name: str, content: bytes | memoryview, mode: int) -> Iterator[int]:
    """Give a descriptor of a file that is open to be read and has no name any more.

    Raises:
        EngineFailureError: the scratch folder takes no more.
    """
    try:
        writing = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with open(writing, "wb") as file:  # noqa: PTH123 -- a descriptor
                file.write(content)
            reading = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        finally:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108 -- pathlib is not loaded here
    except OSError as error:
        raise EngineFailureError(f"no room for the program and its input: {error}") from error
    try:
        yield reading
    finally:
        os.close(reading)


def _text(part: memoryview) -> str:
    """Read a text of the program's.

    Raises:
        GuestFailedError: it is no UTF-8.
    """
    try:
        return str(part, "utf-8")
    except UnicodeDecodeError as error:
        message = f"a text of the guest's is not UTF-8: {error}"
        raise GuestFailedError("UnicodeDecodeError", message) from error


def make(config: EngineConfig) -> NativeEngine:
    """Return the engine. Runs in the zygote.

    Args:
        config: what the zygote was told of the engine.
    """
    return NativeEngine(config)
