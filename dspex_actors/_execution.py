"""What is asked of an executor, and what comes back.

A request is an `Execute`. Its result is one of four values, so that guest failures are data:

    match rt.execute(code):
        case Completed(value=v): ...
        case Failed(error=e): ...
        case LimitExceeded(limit="time", allowed=a): ...
        case WorkerDied(signal=s, exit_code=c): ...
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, Unpack

from dspex_actors._checks import check_code, check_invocation, check_names, check_seconds, check_tools
from dspex_actors._errors import (
    ConfigError,
    GuestError,
    LimitExceededError,
    UnknownLanguageError,
    WorkerDiedError,
    describe_limit,
    one_of,
)
from dspex_actors._files import ReturnedFiles, WriteBack
from dspex_actors._limits import Limits

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping

    from dspex_actors._session import SessionState

PYTHON = "python"


class WhenFull(Enum):
    """What a request does when the executor's queue is full."""

    ERROR = "error"  # refuse it at once with ExecutorBusyError
    WAIT = "wait"  # let it wait for a worker, up to queue_wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionContext:
    """Everything about an execution but its code.

    Attributes:
        variables: names the code finds bound; plain data, arrays, and with the host's trust also callables
            and objects.
        tools: names the code may call, each with the function of the host's that is run for it, one call at
            a time, in a thread that this execution has for its tools. Arguments and return values are plain
            data. An async function runs in `loop`. An execution that ends does not end a function that is
            still running; it cancels an async one.
        loop: the running event loop for async tools; None takes a loop in a thread of the runtime's own, or
            of the executor's own outside a runtime. `Runtime.aexecute` fills in its caller's.
        limits: what it may use; None takes the executor's own.
        language: what it is written in; the executor knows which languages there are.
        when_full: refuse or wait when the queue is full (`"error"` or `"wait"`).
        queue_wait_s: seconds it may wait for a worker.
        tag: anything; comes back in the telemetry event of the execution's end.
        on_output: called with (`"stdout"` or `"stderr"`, text) as output arrives, in the worker actor's
            thread; it must not block. An exception in it ends the streaming of this execution, not the
            execution.
        export: which of its exports is called, where programs have some; empty for the default one.
        args: what that is called with; for a program, its command line: text.
        stdin: what a program reads as its standard input; text is sent as UTF-8.

    Raises:
        ConfigError: the name of a variable or a tool is not an identifier, a tool cannot be called, a number
            is out of range, or something has the wrong type.
        UnknownLanguageError: the language is no name.
    """

    variables: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    loop: AbstractEventLoop | None = None
    limits: Limits | None = None
    language: str = PYTHON
    when_full: WhenFull | str = WhenFull.WAIT
    queue_wait_s: float = 30.0
    on_output: Callable[[str, str], None] | None = None
    tag: object = None
    export: str = ""
    args: tuple[Any, ...] | list[Any] = ()
    stdin: bytes | str = b""

    def __post_init__(self) -> None:
        check_names("variables", self.variables)
        check_tools(self.tools, self.variables)
        if self.loop is not None and not hasattr(self.loop, "call_soon_threadsafe"):
            raise ConfigError("loop", self.loop, "an asyncio event loop or None")
        if not isinstance(self.language, str) or not self.language.isidentifier():
            raise UnknownLanguageError("language", self.language, "the name of a language")
        if self.limits is not None and not isinstance(self.limits, Limits):
            raise ConfigError("limits", self.limits, "a Limits object or None")
        if self.limits is not None and self.limits.fuel is not None and self.language == PYTHON:
            raise ConfigError("Limits.fuel", self.limits.fuel, "None for python, which does not count fuel")
        try:
            object.__setattr__(self, "when_full", WhenFull(self.when_full))
        except ValueError:
            raise ConfigError("when_full", self.when_full, one_of(w.value for w in WhenFull)) from None
        check_seconds("queue_wait_s", self.queue_wait_s)
        if self.on_output is not None and not callable(self.on_output):
            raise ConfigError("on_output", self.on_output, "a callable of (stream, text), or None")
        check_invocation(self.export, self.args, self.stdin)

    @property
    def invocation(self) -> dict[str, Any]:
        """What is said of `export`, `args` and `stdin`."""
        stdin = self.stdin.encode() if isinstance(self.stdin, str) else self.stdin
        said = {"export": self.export, "args": list(self.args), "stdin": stdin}
        return {name: value for name, value in said.items() if value}


class Options(TypedDict, total=False):
    """The keyword arguments that `Execute` and the methods of `Runtime` take; see `ExecutionContext`."""

    variables: Mapping[str, Any]
    tools: Mapping[str, Callable[..., Any]]
    loop: AbstractEventLoop | None
    limits: Limits | None
    language: str
    when_full: WhenFull | str
    queue_wait_s: float
    on_output: Callable[[str, str], None] | None
    tag: object
    export: str
    args: tuple[Any, ...] | list[Any]
    stdin: bytes | str


@dataclass(frozen=True, slots=True, init=False)
class Execute:
    """The message that asks an executor actor to run code.

    `Execute(code, variables=..., limits=...)` is short for `Execute(code, context=ExecutionContext(...))`.

    Raises:
        ConfigError: the code is neither text nor bytes, is too long or cannot be encoded; or see
            `ExecutionContext`.
    """

    code: str | bytes
    context: ExecutionContext

    def __init__(
        self, code: str | bytes, *, context: ExecutionContext | None = None, **options: Unpack[Options]
    ) -> None:
        if context is not None and options:
            raise ConfigError(
                "Execute", sorted(options), "given either a context or single options, not both"
            )
        check_code(code)
        if context is None:
            allowed = tuple(ExecutionContext.__dataclass_fields__)
            unknown = [name for name in options if name not in allowed]
            if unknown:
                raise ConfigError("Execute option", unknown[0], one_of(allowed))
            context = ExecutionContext(**options)
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "context", context)


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What a compiler has to say of one place in guest code.

    Attributes:
        level: `"error"` or `"warning"`.
        message: what is wrong.
        code: the compiler's own number for it, like `"E0308"`; empty for none.
        line, column: where it begins, from 1; 0 where the compiler does not say.
        end_line, end_column: where it ends, in the same way.
    """

    level: str
    message: str
    code: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0


@dataclass(frozen=True, slots=True)
class ConsoleMessage:
    """What one call of a method of the guest's console has written.

    Attributes:
        level: the method, as the language names it: `"log"`, `"info"`, `"debug"`, `"warn"`, `"error"`,
            `"trace"`, `"table"`, `"dir"` and so on.
        text: what it wrote, without the end of the line.
    """

    level: str
    text: str


@dataclass(frozen=True, slots=True)
class GuestFailure:
    """An exception in guest code, as text; nothing of it is an object of the guest's.

    Attributes:
        type: name of the exception class.
        message: its text.
        traceback: its traceback, cut to lines of the guest's code.
        diagnostics: of code that did not compile: those of the result; empty for code that did.
    """

    type: str
    message: str
    traceback: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an execution used, where it could be measured.

    Attributes:
        cpu_s: CPU seconds of the worker during the call; None if the worker was killed.
        memory_peak_bytes: largest resident size of the worker; None if it was killed.
        output_dropped_bytes: bytes of output beyond the limit, not kept.
        notes_dropped: diagnostics and messages of the console beyond their limits, not kept or cut; what was
            said of a program that was compiled before it ran is not counted.
        tool_calls: calls of tools that the guest made.
        connections: connections that it asked for, those that were refused included.
        network_bytes: what crossed them, both directions together.
    """

    cpu_s: float | None = None
    memory_peak_bytes: int | None = None
    output_dropped_bytes: int = 0
    tool_calls: int = 0
    connections: int = 0
    network_bytes: int = 0
    notes_dropped: int = 0


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """Which worker ran an execution.

    Attributes:
        id: number of the worker, unique within its runtime and never reused.
        pid: its process id while it lived, as the host saw it.
        profile: the profile it ran under.
    """

    id: int = 0
    pid: int = 0
    profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """What all four results have.

    Attributes:
        stdout, stderr: what the code wrote, up to the limit.
        diagnostics: what the code's compiler said of it place by place, in order, warnings of code that it
            compiled included; where the language tells. At most 100.
        console: what the code wrote by its console, in order, each with its level; where the language has
            one. It is in `stdout` and `stderr` as well. At most 10,000 messages, whose texts have at most
            `Limits.output_bytes` in UTF-8 together: the one that passes the limit is cut, and none follows.
        duration_s: seconds from the moment the guest got the code.
        usage, worker, sandbox: what it used, where it ran, which layers of the sandbox were active.
        session: what became of the session's state; None outside of sessions.
        files: what the guest left of the files that `Policy.files` asks for, whatever the end.
        write_back: what became of the policy's write paths; None without any.
    """

    stdout: str = ""
    stderr: str = ""
    diagnostics: tuple[Diagnostic, ...] = ()
    console: tuple[ConsoleMessage, ...] = ()
    duration_s: float = 0.0
    usage: Usage = Usage()
    worker: WorkerFacts = WorkerFacts()
    sandbox: Mapping[str, bool] = field(default_factory=dict)
    session: SessionState | None = None
    files: ReturnedFiles = field(default_factory=ReturnedFiles)
    write_back: WriteBack | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed(_Result):
    """The guest's code ran to its end.

    Attributes:
        value: the value of its last expression, else of its variable `result`, else None.
    """

    value: Any = None

    def unwrap(self) -> Any:  # noqa: ANN401 -- guest values are any plain data
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Result):
    """The guest's code raised or did not compile, or its value or its files cannot be taken over.

    Attributes:
        error: type, message and traceback of the failure.
    """

    error: GuestFailure

    @property
    def value(self) -> None:
        """None: there is no value."""
        return None

    def unwrap(self) -> NoReturn:
        """Raise the failure.

        Raises:
            GuestError: always.
        """
        raise GuestError(self.error.type, self.error.message, self.error.traceback)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceeded(_Result):
    """The guest used more than it was allowed and was stopped.

    Attributes:
        limit: `"time"`, `"cpu"`, `"memory"`, `"fuel"`, `"result"`, `"tool_calls"`, `"connections"` or
            `"network_bytes"`; with `"build_"` before it, where compiling the code took too much.
        allowed: the limit: seconds for time and cpu, a count for tool_calls and connections, bytes for the
            others.
        used: what it had used, None where that cannot be told.
    """

    limit: str
    allowed: float
    used: float | None = None

    @property
    def value(self) -> None:
        """None: there is no value."""
        return None

    def __str__(self) -> str:
        return f"the guest exceeded its {self.limit} limit of {describe_limit(self.limit, self.allowed)}"

    def unwrap(self) -> NoReturn:
        """Raise the failure.

        Raises:
            LimitExceededError: always.
        """
        raise LimitExceededError(self.limit, self.allowed, self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDied(_Result):
    """The guest ended its own worker: a crash of the interpreter, `os._exit`, or a forbidden message.

    Attributes:
        exit_code: the process's exit code, None if a signal ended it.
        signal: the signal that ended it, None if it exited.
        detail: what else is known, for example which rule of the protocol it broke.
    """

    exit_code: int | None = None
    signal: int | None = None
    detail: str = ""

    @property
    def value(self) -> None:
        """None: there is no value."""
        return None

    def unwrap(self) -> NoReturn:
        """Raise the failure.

        Raises:
            WorkerDiedError: always.
        """
        raise WorkerDiedError(self.exit_code, self.signal)


ExecutionResult = Completed | Failed | LimitExceeded | WorkerDied
"""Any of the four results; they share `value`, `unwrap()` and all that is in `_Result`."""
