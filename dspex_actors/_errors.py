"""The errors dspex_actors raises, under one root; those of `serialization` stand in its package.

Split by whose fault it is: a setting of yours (`ConfigError`), the guest's code (`GuestError`, raised only by
`ExecutionResult.unwrap`), the worker's process or what it sent (`WorkerLostError`, `ProtocolError`), the
machine (`SandboxUnavailableError`, `RollbackUnavailableError`, `WritePathError`), or the load
(`ExecutorBusyError`, `SessionLimitError`). All are picklable and carry their data as attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class DspexError(Exception):
    """Root of every error this package raises.

    The positional arguments of a subclass are its attributes, which is what makes it picklable; `str()` is
    the sentence made from them.
    """

    def _sentence(self) -> str:
        return " ".join(str(arg) for arg in self.args)

    def __str__(self) -> str:
        return self._sentence()


class ConfigError(DspexError, ValueError):
    """A setting is wrong: `field` was `value`, and `allowed` says what would be right."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(field, value, allowed)
        self.field = field
        self.value = value
        self.allowed = allowed

    def _sentence(self) -> str:
        return f"{self.field} must be {self.allowed}, got {_shown(self.value)}"

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, object, str]]:
        # The value may be anything, an unpicklable object too: its text is what the reader needs.
        plain = isinstance(self.value, (str, int, float, type(None)))
        return type(self), (self.field, self.value if plain else _Shown(_shown(self.value)), self.allowed)


class UnknownLanguageError(ConfigError, LookupError):
    """No engine has this name."""


class EngineError(DspexError):
    """The engine of a language cannot be used on this machine.

    Attributes:
        language: name of the language.
        reason: what was looked for, and what was seen.
        install: the command that installs one that will do.
    """

    def __init__(self, language: str, reason: str, install: str) -> None:
        super().__init__(language, reason, install)
        self.language = language
        self.reason = reason
        self.install = install

    def _sentence(self) -> str:
        return f"no engine for {self.language}: {self.reason}; to install one: {self.install}"


class EngineNotFoundError(EngineError, LookupError):
    """There is no engine for the language."""


class EngineVersionError(EngineError):
    """The engine that was found is too old, or of an unknown version."""


class EngineStartError(EngineError):
    """The engine that was found does not start, or not in time."""

    def _sentence(self) -> str:
        return f"the engine for {self.language} does not start: {self.reason}; to install one: {self.install}"


class SandboxUnavailableError(DspexError):
    """A protection that the policy requires cannot be had on this machine.

    Attributes:
        layer: name of the missing layer, as in the sandbox report.
        reason: what happened when it was tried.
        fix: what to change.
    """

    def __init__(self, layer: str, reason: str, fix: str) -> None:
        super().__init__(layer, reason, fix)
        self.layer = layer
        self.reason = reason
        self.fix = fix

    def _sentence(self) -> str:
        return f"the sandbox layer {self.layer!r} is required and not active: {self.reason}; {self.fix}"


class GuestError(DspexError):
    """Guest code failed. Raised only by `ExecutionResult.unwrap`.

    Attributes:
        error_type: name of the guest's exception class.
        message: its text.
        traceback: its traceback, cut to guest lines.
    """

    def __init__(self, error_type: str, message: str, traceback: str = "") -> None:
        super().__init__(error_type, message, traceback)
        self.error_type = error_type
        self.message = message
        self.traceback = traceback

    def _sentence(self) -> str:
        return f"{self.error_type}: {self.message}" if self.message else self.error_type


class ToolError(DspexError):
    """A tool failed. Raised in guest code, where this class is bound to its name beside the tools.

    Attributes:
        tool: name of the tool.
        error_type: name of the exception class that the tool raised in the host.
        message: its text.
    """

    def __init__(self, tool: str, error_type: str, message: str = "") -> None:
        super().__init__(tool, error_type, message)
        self.tool = tool
        self.error_type = error_type
        self.message = message

    def _sentence(self) -> str:
        return f"{self.tool}: {self.error_type}" + (f": {self.message}" if self.message else "")


class LimitExceededError(GuestError):
    """The guest used more than it was allowed; `used` is None where it cannot be told."""

    def __init__(self, limit: str, allowed: float, used: float | None = None) -> None:
        # Three arguments as for the root of guest errors, so that pickle rebuilds it from `args`.
        DspexError.__init__(self, limit, allowed, used)
        self.error_type = "LimitExceeded"
        self.limit = limit
        self.allowed = allowed
        self.used = used
        self.message = f"the guest exceeded its {limit} limit of {describe_limit(limit, allowed)}"
        self.traceback = ""

    def _sentence(self) -> str:
        return self.message


class WorkerDiedError(GuestError):
    """The guest ended its own worker process (segfault, `os._exit`, a signal) before it gave a result."""

    def __init__(self, exit_code: int | None, signal: int | None) -> None:
        DspexError.__init__(self, exit_code, signal)
        self.error_type = "WorkerDied"
        self.exit_code = exit_code
        self.signal = signal
        how = f"was ended by signal {signal}" if signal is not None else f"exited with code {exit_code}"
        self.message = f"the worker process {how} before it gave a result"
        self.traceback = ""

    def _sentence(self) -> str:
        return self.message


class WorkerLostError(DspexError):
    """A worker could not be started or was lost for a reason that is not the guest's."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProtocolError(DspexError):
    """A worker sent what the protocol forbids."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FramingError(ProtocolError):
    """The bytes on the socket are not frames: oversized, truncated or inconsistent."""


class ValueDecodeError(ProtocolError):
    """Bytes that claim to be a value are not one, or exceed the budget."""


class ValueEncodeError(DspexError, ValueError):
    """A value cannot cross the boundary.

    Attributes:
        path: where in the value, for example `value['rows'][3]`.
        type_name: the type found there.
        reason: why it cannot cross.
    """

    def __init__(self, path: str, type_name: str, reason: str) -> None:
        super().__init__(path, type_name, reason)
        self.path = path
        self.type_name = type_name
        self.reason = reason

    def _sentence(self) -> str:
        return f"{self.path} ({self.type_name}) cannot cross: {self.reason}"


class ExecutorBusyError(DspexError):
    """The executor's queue is full, or a request waited in it for too long.

    Attributes:
        waiting: requests in the queue.
        max_queue: how many may wait.
        waited_s: seconds this request waited, 0 if it was refused at once.
    """

    def __init__(self, waiting: int, max_queue: int, waited_s: float = 0.0) -> None:
        super().__init__(waiting, max_queue, waited_s)
        self.waiting = waiting
        self.max_queue = max_queue
        self.waited_s = waited_s

    def _sentence(self) -> str:
        if self.waited_s:
            return f"no worker became free within {self.waited_s:g} s; {self.waiting} requests are waiting"
        return f"the queue is full: {self.waiting} of {self.max_queue} requests are waiting"


class ExecutorUnavailableError(DspexError):
    """The executor ended or is being restarted; the request may have been under way.

    Attributes:
        reason: why it ended, as text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"the executor is not available: {self.reason}"


class SessionClosedError(DspexError):
    """The session has ended and its state is gone.

    Attributes:
        reason: why: it was closed, was idle for too long, or its sandbox ended.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"the session is closed: {self.reason}"


class SessionLimitError(DspexError):
    """As many sessions are open as the runtime allows; `allowed` is `RuntimeConfig.max_sessions`."""

    def __init__(self, allowed: int) -> None:
        super().__init__(allowed)
        self.allowed = allowed

    def _sentence(self) -> str:
        return f"{self.allowed} sessions are open, which is all that RuntimeConfig.max_sessions allows"


class RollbackUnavailableError(DspexError):
    """A session cannot be copied or rolled back now.

    Attributes:
        reason: why not, for example what this machine lacks.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"the session's state cannot be copied: {self.reason}"


class WritePathError(DspexError):
    """A folder that a policy names as a write path cannot be copied for the guest; its code was not run.

    Attributes:
        path: the folder of the host.
        reason: why not.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def _sentence(self) -> str:
        return f"the write path {self.path} cannot be copied for a guest: {self.reason}"


class RuntimeClosedError(DspexError):
    """The runtime was closed, or is closing and takes no new work."""

    def _sentence(self) -> str:
        return "the runtime is closed; create a new Runtime"


class _Shown(str):
    """A value that has become its own text."""

    __slots__ = ()
    __repr__ = str.__str__


def describe_limit(limit: str, allowed: float) -> str:
    """Return `allowed` with its unit: seconds for time limits, counts, MiB or KiB or bytes for sizes.

    Args:
        limit: name of the limit, for example `"time"` or `"memory"`.
        allowed: its value, in seconds, calls, connections or bytes.
    """
    limit = limit.removeprefix("build_")
    if limit in {"time", "cpu"}:
        return f"{allowed:g} s"
    if limit == "tool_calls":
        return f"{allowed:.0f} calls"
    if limit == "connections":
        return f"{allowed:.0f} connections"
    if limit == "fuel":
        return f"{allowed:.0f} units of fuel"
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if allowed >= size:
            return f"{allowed / size:g} {unit}"
    return f"{allowed:g} bytes"


def one_of(names: Iterable[str]) -> str:
    """Return the names as the `allowed` part of a `ConfigError`: `one of 'a', 'b'`."""
    return "one of " + ", ".join(repr(name) for name in names)


def _shown(value: object) -> str:
    """Return a short repr of a wrong value; its own `__repr__` may raise."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 -- user code in an error path; the type is still worth telling
        text = f"<{type(value).__name__} whose repr raises>"
    return text if len(text) <= 80 else text[:77] + "..."
