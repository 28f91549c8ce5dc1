"""The runtime: a supervision tree with stores and executors, with doors for threads and event loops."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, Unpack

from dspex_actors._checks import check_seconds
from dspex_actors._errors import RuntimeClosedError
from dspex_actors._execution import PYTHON, Execute, ExecutionContext
from dspex_actors._policy import Profile
from dspex_actors.executors import GetReport, ToolLoop
from dspex_actors.runtime._executors import Executors
from dspex_actors.runtime._failures import settle, unavailable
from dspex_actors.runtime._modules import RuntimeModules
from dspex_actors.runtime._parts import Parts
from dspex_actors.runtime._report import SandboxReport, StopReport
from dspex_actors.runtime._root import STORES, start_root
from dspex_actors.runtime._sessions import Sessions, session_config
from dspex_actors.runtime._settings import config_of
from dspex_actors.runtime._signals import SignalWatch
from dspex_actors.runtime._stop import stop_tree
from dspex_actors.runtime._stores import Stores
from supervisors import ActorExitedError, CallTimeoutError, SupervisorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from dspex_actors._config import RuntimeConfig
    from dspex_actors._execution import ExecutionResult, Options
    from dspex_actors._limits import Limits
    from dspex_actors._policy import Policy
    from dspex_actors.runtime._session import Session
    from dspex_actors.runtime._sessions import SessionOptions
    from dspex_actors.state import Backend, StoreSpec
    from supervisors import Address, Telemetry, TreeNode

_GRACE_S = 10.0  # beyond queue wait and time limit, until a caller is told that the executor is silent


class Runtime(Parts):
    """Runs guest code under supervision. Any thread may use it; so may event loops.

    Args:
        config: how it is set up.
        policy: short for a config whose executors use this policy.
        limits: short for a config with these limits.
        state: where `state` keeps states, a backend or a `StoreSpec`; None for memory, as long as the runtime
            lives.
        stores: other state stores by name, for `store`.
        control: short for a config with this control socket.

    Raises:
        ConfigError: both a config and single settings were given, or a setting is wrong; the path of the
            control socket belongs to another runtime, or its folder is open to others.
        StorageError: the database of a store is there and cannot be used.
        SandboxUnavailableError: a protection that the policy requires cannot be had here.
        ExecutorUnavailableError: the tree could not be started for another reason.
    """

    def __init__(
        self,
        config: RuntimeConfig | None = None,
        *,
        policy: Policy | None = None,
        limits: Limits | None = None,
        state: Backend | StoreSpec | None = None,
        stores: Mapping[str, Backend | StoreSpec] | None = None,
        control: str | Path | None = None,
    ) -> None:
        self._config = config_of(config, policy, limits, control)
        self._stores = Stores(state, stores)
        self._sessions = Sessions(self._config.max_sessions)
        self._closed = threading.Event()
        self._report: StopReport | None = None
        self._root = start_root(self._stores.child_specs())
        self._stores.attach(self._root.supervisor(STORES))
        self._modules = RuntimeModules(
            self._root, hot_reload=self._config.hot_reload, open_session=self._session_for_a_module
        )
        self._tool_loop = ToolLoop()
        self._executors = Executors(self._config, self._root, self._tool_loop)
        self._signals: SignalWatch | None = None
        try:
            self._executors.start(self._executors.wanted(PYTHON, None))
            if self._config.control is not None:
                self._open_control(self._config.control)
            if self._config.handle_signals:
                self._signals = SignalWatch(self.close)
        except BaseException:
            self.stop(timeout_s=1.0)
            raise

    # -- executing

    def execute(
        self, code: str | bytes, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> ExecutionResult:
        """Run code and wait for its result. A failure of the guest is a result, not an exception.

        Args:
            code: source text; its value is that of the last expression, in Python else of the variable
                `result`. Bytes in a language that has modules.
            policy: what it may do; by default the runtime's own for Python, the language's for others. Each
                new one gets a zygote of its own.
            options: `variables`, `tools`, `loop`, `limits`, `language`, `when_full`, `queue_wait_s`,
                `on_output`, `tag`, `export`, `args`, `stdin`; see `ExecutionContext`.

        Raises:
            ConfigError: an argument is wrong.
            ValueEncodeError: a variable cannot cross.
            EngineError: the engine of the language cannot be used.
            WritePathError: a write path of the policy cannot be copied for the guest.
            ExecutorBusyError: the queue is full or no worker became free in time.
            ExecutorUnavailableError: the executor ended while it had the request.
            RuntimeClosedError: the runtime is closed or closing.
        """
        request = Execute(code, **options)
        address = self._available(request, policy)
        try:
            result: ExecutionResult = address.call(request, timeout=self._deadline_s(request))
        except (ActorExitedError, CallTimeoutError) as error:
            unavailable(error)
        return result

    async def aexecute(
        self, code: str | bytes, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> ExecutionResult:
        """Like `execute`, awaited: the event loop goes on meanwhile, and cancelling kills the guest.

        Async tools run in this loop unless `loop` names another one.
        """
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        if options.get("tools") and options.get("loop") is None:
            options["loop"] = asyncio.get_running_loop()
        request = Execute(code, **options)
        address = self._executors.find(self._executors.wanted(request.context.language, policy))
        if address is None or not address.alive:
            address = await asyncio.to_thread(self._available, request, policy)
        try:
            result: ExecutionResult = await address.acall(request, timeout=self._deadline_s(request))
        except (ActorExitedError, CallTimeoutError) as error:
            unavailable(error)
        return result

    def submit(
        self, code: str | bytes, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> Future[ExecutionResult]:
        """Like `execute`, but return a `concurrent.futures.Future` at once; cancelling it kills the guest."""
        request = Execute(code, **options)
        address = self._available(request, policy)
        future: Future[ExecutionResult] = Future()
        reply = address.call_async(request)
        reply.add_done_callback(lambda reply: settle(future, reply))
        future.add_done_callback(lambda future: reply.abandon() if future.cancelled() else None)
        return future

    def execute_async(
        self, code: str | bytes, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> None:
        """Run code that nobody waits for. Its end is the telemetry event `execution.finished`.

        Give it a `tag` to know the event by.
        """
        request = Execute(code, **options)
        self._available(request, policy).cast(request)

    # -- sessions

    def session(
        self,
        *,
        policy: Policy | None = None,
        limits: Limits | None = None,
        tools: Mapping[str, Callable[..., Any]] | None = None,
        language: str = "python",
        **options: Unpack[SessionOptions],
    ) -> Session:
        """Open a session: calls that share their variables.

        Args:
            policy: what its code may do; the runtime's own by default.
            limits: what its calls may use, in all as far as memory and files are concerned; the runtime's own
                by default. A call can lower them, and set other ones of time and output.
            tools: functions of the host's that all its calls may call; see `ExecutionContext`.
            language: of its code.
            options: `checkpoint`, `on_error`, `idle_timeout_s`, `reseed`, `history`; see `SessionConfig`.

        Raises:
            ConfigError: an argument is wrong.
            SessionLimitError: `RuntimeConfig.max_sessions` are open.
            ExecutorUnavailableError: it could not be started.
            RuntimeClosedError: the runtime is closed or closing.
        """
        wanted = self._executors.wanted(language, policy)
        own = self._executors.limits_of(wanted)
        defaults = ExecutionContext(limits=limits or own, tools=tools or {}, language=language)
        wanted.language.check_session(limits or own)
        config = session_config(options)
        executor = self._executors.available(wanted, self._config.executor.start_timeout_s)
        return self._sessions.open(executor, config, defaults)

    # -- looking

    def sandbox_report(self, policy: Policy | None = None, *, language: str = PYTHON) -> SandboxReport:
        """Return which protections of a policy are active here, each found out by a real attempt.

        Args:
            policy: None for the one that a request without a policy gets.
            language: of the guests, which decides about their engine and its files.

        Raises:
            UnknownLanguageError: there is no such language.
            EngineError: its engine cannot be used.
            ExecutorUnavailableError: the sandbox is being restarted.
            RuntimeClosedError: the runtime is closed or closing.
        """
        wanted = self._executors.wanted(language, policy)
        self._executors.start(wanted)
        try:
            found = self._executors.zygote(wanted).call(GetReport())
            return SandboxReport(Profile(wanted.policy.profile).value, found.layers, found.no_copies)
        except (SupervisorError, CallTimeoutError) as error:
            unavailable(error)

    def tree(self) -> TreeNode:
        """Return the live supervision tree as plain data.

        Raises:
            RuntimeClosedError: the runtime is closed.
        """
        try:
            return self._root.snapshot()
        except ActorExitedError:
            raise RuntimeClosedError from None

    @property
    def telemetry(self) -> Telemetry:
        """Where handlers for this runtime's events are attached."""
        return self._root.system.telemetry

    @property
    def executor(self) -> Address:
        """The address of the executor of the runtime's own policy, for messages and monitors."""
        return self._executors.start(self._executors.wanted(PYTHON, None))

    @property
    def closed(self) -> bool:
        """Whether `stop` has begun."""
        return self._executors.closing

    def wait_closed(self, timeout: float | None = None) -> bool:
        """Block until the runtime is closed, by whoever; False after `timeout` seconds."""
        return self._closed.wait(timeout)

    # -- stopping

    def stop(self, timeout_s: float | None = None) -> StopReport:
        """Take no more work, finish what is under way, end the tree.

        Args:
            timeout_s: seconds for the work under way, after which it is killed; None takes the config's
                `stop_timeout_s`. A second call waits for the first and returns its report.

        Returns:
            What was finished, what was killed, and whether anything is left.

        Raises:
            ConfigError: the timeout is not a number of seconds.
            RuntimeClosedError: it was stopped before, and that stop failed.
        """
        limit = self._config.stop_timeout_s if timeout_s is None else timeout_s
        check_seconds("timeout_s", limit)
        if self._executors.close():
            try:
                self._report = stop_tree(
                    self._root, self._executors.all(), self._sessions.all(), self._tool_loop, limit
                )
            finally:
                self._modules.close()
                if self._signals is not None:
                    self._signals.close()
                self._closed.set()
        self._closed.wait()
        if self._report is None:
            raise RuntimeClosedError
        return self._report

    async def astop(self, timeout_s: float | None = None) -> StopReport:
        """Like `stop`, awaited: the event loop goes on meanwhile."""
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        return await asyncio.to_thread(self.stop, timeout_s)

    def close(self) -> None:
        """Stop, for those who want no report."""
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.astop()

    # -- inside

    def _session_for_a_module(self, policy: Policy | None, limits: Limits | None) -> Session:
        return self.session(policy=policy, limits=limits, checkpoint="never", idle_timeout_s=None)

    def _available(self, request: Execute, policy: Policy | None) -> Address:
        """Return the address of the executor that a request is for; see `Executors.available`."""
        context = request.context
        return self._executors.available(
            self._executors.wanted(context.language, policy), context.queue_wait_s
        )

    def _deadline_s(self, request: Execute) -> float | None:
        """Return how long to wait for an executor that should long have answered."""
        context = request.context
        wanted = self._executors.wanted(context.language, None)
        limits, build = context.limits or self._executors.limits_of(wanted), wanted.language.build_limits
        build_s = 0.0 if build is None else build.time_s
        if limits.time_s is None or build_s is None:
            return None
        return context.queue_wait_s + build_s + limits.time_s + _GRACE_S
