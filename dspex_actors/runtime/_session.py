"""A session as its user holds it: calls that share their variables."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

from dspex_actors._checks import check_names
from dspex_actors._errors import (
    ConfigError,
    SessionClosedError,
    one_of,
)
from dspex_actors._execution import Execute, ExecutionContext, Failed
from dspex_actors.executors import (
    BranchOff,
    Drain,
    GetRollbackState,
    GoBack,
    MakeCheckpoint,
    OpenedSession,
    ReadVariable,
    SessionCall,
    StartOver,
)
from dspex_actors.runtime._failures import settle
from dspex_actors.workers import Cause
from supervisors import ActorExitedError, CallTimeoutError, Crash, Shutdown

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from types import TracebackType

    from dspex_actors._execution import ExecutionResult
    from dspex_actors._limits import Limits
    from dspex_actors._session import RollbackState
    from dspex_actors.runtime._sessions import Sessions
    from supervisors import CallFuture, ExitReason

_CLOSED = "it was closed"
_COMPARED = ("memory_bytes", "file_bytes", "open_files")


class CallOptions(TypedDict, total=False):
    """The keyword arguments of a call in a session; see `ExecutionContext`."""

    variables: Mapping[str, Any]
    tools: Mapping[str, Callable[..., Any]]
    loop: AbstractEventLoop | None
    limits: Limits | None
    on_output: Callable[[str, str], None] | None
    tag: object
    export: str
    args: tuple[Any, ...] | list[Any]
    stdin: bytes | str


_CALL_OPTIONS = tuple(CallOptions.__annotations__)


class Session:
    """A stateful run of guest code: variables live from call to call.

    Made by `Runtime.session`. Any thread may use it, and event loops; calls are served one after the other,
    in the order in which they came. It is a context manager that closes itself.

        with rt.session() as s:
            s.execute("x = 41")
            s.execute("x + 1").value  # 42

    A call that is killed, for its time limit or because its caller cancelled it, or whose guest ends its own
    worker, does not count: the session goes back to its last checkpoint. Where there is none, the state is
    lost, and the result says so; see `SessionState`. What the code did to files is not undone, but its copies
    of the policy's write paths are made anew.
    """

    def __init__(self, sessions: Sessions, opened: OpenedSession, defaults: ExecutionContext) -> None:
        self._sessions = sessions
        self._number = opened.number
        self._address = opened.address
        self._lifeline = opened.lifeline
        self._defaults = defaults

    def __repr__(self) -> str:
        return f"<Session {self._number}{' closed' if self.closed else ''}>"

    @property
    def number(self) -> int:
        """Its number, unique in its runtime; events carry it."""
        return self._number

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return not self._address.alive

    # -- calls

    def execute(self, code: str | bytes, **options: Unpack[CallOptions]) -> ExecutionResult:
        """Run code in the session and wait for its result. A failure of the guest is a result.

        Args:
            code: Python source; its value is that of the last expression, else of the variable `result` if
                this call assigned it.
            options: `variables`, `tools` (beside the session's own), `loop`, `limits`, `on_output`, `tag`,
                `export`, `args`, `stdin`; see `ExecutionContext`. Limits of memory and files can be at most
                the session's own.

        Raises:
            ConfigError: an argument is wrong.
            ValueEncodeError: a variable cannot cross.
            WritePathError: a write path of the policy cannot be copied for the guest.
            SessionClosedError: the session has ended, or ended under this call.
        """
        message = self._message(code, options)
        result: ExecutionResult = self._ask(message)
        return result

    def submit(self, code: str | bytes, **options: Unpack[CallOptions]) -> Future[ExecutionResult]:
        """Like `execute`, but return a future at once.

        Cancelling it kills the guest and rolls the session back; a call that waits is never run.
        """
        message = self._message(code, options)
        future: Future[ExecutionResult] = Future()
        reply = self._address.call_async(message)
        reply.add_done_callback(lambda reply: settle(future, reply, self._ended))
        future.add_done_callback(lambda future: reply.abandon() if future.cancelled() else None)
        return future

    async def aexecute(self, code: str | bytes, **options: Unpack[CallOptions]) -> ExecutionResult:
        """Like `execute`, awaited: the event loop goes on meanwhile, and cancelling is as for `submit`.

        Raises:
            ConfigError: an argument is wrong.
            ValueEncodeError: a variable cannot cross.
            WritePathError: a write path of the policy cannot be copied for the guest.
            SessionClosedError: the session has ended, or ended under this call.
        """
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        if options.get("loop") is None:
            options["loop"] = asyncio.get_running_loop()  # for async tools
        message = self._message(code, options)
        try:
            result: ExecutionResult = await self._address.acall(message, timeout=None)
        except ActorExitedError as error:
            raise self._ended(error) from error
        return result

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 -- guest values are any plain data
        """Return a copy of a variable's value.

        Raises:
            KeyError: there is no such variable.
            ConfigError: it is no name.
            GuestError: the value cannot cross, or exceeds the session's limits.
            SessionClosedError: the session has ended.
        """
        try:
            check_names("name", {name: None})
        except (ConfigError, TypeError) as error:  # what cannot be hashed is no name either
            allowed = "a Python identifier that is no keyword and does not start with two underscores"
            raise ConfigError("name", name, allowed) from error
        result: ExecutionResult = self._ask(ReadVariable(name))
        if isinstance(result, Failed) and result.error.type == "KeyError":
            raise KeyError(name)
        return result.unwrap()

    # -- the state

    @property
    def rollback_state(self) -> RollbackState:
        """Whether the present state would survive a call that is killed; asked behind the calls under way.

        Raises:
            SessionClosedError: the session has ended.
        """
        state: RollbackState = self._ask(GetRollbackState())
        return state

    def checkpoint(self) -> None:
        """Make a checkpoint of the present state, unless there is one.

        Raises:
            RollbackUnavailableError: it cannot be made now; the error says why.
            SessionClosedError: the session has ended.
        """
        self._ask(MakeCheckpoint())

    def rollback(self, n: int = 1) -> None:
        """Go back to an earlier state that has a checkpoint: with one after every call, undo `n` calls.

        Args:
            n: how many checkpoints back, from 1; `SessionConfig.history` says how many there are at most.

        Raises:
            ConfigError: `n` is no whole number above zero.
            RollbackUnavailableError: there is no checkpoint so old.
            SessionClosedError: the session has ended.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ConfigError("n", n, "a whole number >= 1")
        self._ask(GoBack(n))

    def reset(self) -> None:
        """Forget everything: the session goes on in a fresh sandbox.

        Raises:
            SessionClosedError: the session has ended.
        """
        self._ask(StartOver())

    def fork(self) -> Session:
        """Return a second session that starts from the present state; each goes its own way from there.

        The two share the scratch folder.

        Raises:
            RollbackUnavailableError: the state cannot be copied, or the policy has write paths.
            SessionLimitError: as many sessions are open as the runtime allows.
            SessionClosedError: the session has ended.
        """
        return self._sessions.add(lambda: self._ask(BranchOff()), self._defaults)

    # -- the end

    def close(self) -> None:
        """End the session and its processes; a call under way is killed. Quiet the second time."""
        self._lifeline.cut(Cause.CLOSED, _CLOSED)
        self._address.stop(Shutdown(_CLOSED))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        await asyncio.to_thread(self.close)

    def end(self, why: str) -> None:
        """Like `close`, for its runtime: begin it, and do not wait."""
        self._lifeline.cut(Cause.STOPPED, why)
        pid = self._address.pid
        if pid is not None:
            pid.request_stop(Shutdown(why))

    def drain(self) -> CallFuture:
        """Let it take no more calls; the future is done when those under way are."""
        return self._address.call_async(Drain())

    @property
    def owed(self) -> int:
        """How many calls are not answered yet."""
        return self._lifeline.owed

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of what it runs."""
        return self._lifeline.pids()

    # -- inside

    def _message(self, code: str | bytes, options: CallOptions) -> SessionCall:
        """Check a call and count it as owed.

        Raises:
            ConfigError: an argument is wrong.
        """
        unknown = [name for name in options if name not in _CALL_OPTIONS]
        if unknown:
            raise ConfigError("option of a call in a session", unknown[0], one_of(_CALL_OPTIONS))
        tools = options.get("tools", {})
        if isinstance(tools, Mapping):  # else it is refused below
            options["tools"] = {**self._defaults.tools, **tools}
        if options.get("loop") is None:
            options["loop"] = self._defaults.loop
        request = Execute(code, language=self._defaults.language, **options)
        if request.context.limits is not None:
            self._check_limits(request.context.limits)
        self._lifeline.owe(1)
        return SessionCall(request, self._address.system.clock.now())

    def _check_limits(self, limits: Limits) -> None:
        """Refuse limits above those that the kernel holds the whole session to.

        Raises:
            ConfigError: one of them is.
        """
        for name in _COMPARED:
            own, asked = getattr(self._defaults.limits, name), getattr(limits, name)
            if own is not None and (asked is None or asked > own):
                raise ConfigError(f"Limits.{name}", asked, f"at most {own}, the session's own")

    def _ask(self, message: object) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Send a message and wait; a session's calls are ended by their own limits.

        Raises:
            SessionClosedError: the session has ended.
        """
        try:
            return self._address.call(message, timeout=None)
        except ActorExitedError as error:
            raise self._ended(error) from error

    def _ended(self, error: ActorExitedError | CallTimeoutError) -> Exception:
        """Return what the end of its actor means to a user."""
        return SessionClosedError(_why(getattr(error, "reason", None)))


def _why(reason: ExitReason | None) -> str:
    """Say why a session ended."""
    if isinstance(reason, Shutdown):
        return str(reason.detail) if reason.detail is not None else "its sandbox was stopped or started anew"
    return f"{reason.error_type}: {reason.message}" if isinstance(reason, Crash) else "its actor was killed"
