"""The runtime: a supervision tree with stores and executors, with doors for threads and event loops."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, Unpack

from dspex_actors._checks import check_seconds
from dspex_actors._errors import ConfigError, ExecutorUnavailableError, RuntimeClosedError
from dspex_actors._execution import Execute, ExecutionContext
from dspex_actors._policy import Profile
from dspex_actors.executors import GetReport, PythonExecutor, ToolLoop
from dspex_actors.runtime._failures import settle, start_failed, unavailable
from dspex_actors.runtime._modules import RuntimeModules
from dspex_actors.runtime._parts import Parts
from dspex_actors.runtime._report import SandboxReport, StopReport
from dspex_actors.runtime._root import SANDBOXES, STORES, start_root
from dspex_actors.runtime._sessions import Sessions, session_config
from dspex_actors.runtime._settings import check_apart, config_of
from dspex_actors.runtime._signals import SignalWatch
from dspex_actors.runtime._stop import stop_tree
from dspex_actors.runtime._stores import Stores
from supervisors import ActorExitedError, CallTimeoutError, StartError, SupervisorError

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
        self._lock = threading.Lock()
        self._executors: dict[str, Address] = {}  # by the policy's key
        self._ids: dict[str, str] = {}
        self._sessions = Sessions(self._config.max_sessions)
        self._closed = threading.Event()
        self._closing = False
        self._report: StopReport | None = None
        self._root = start_root(self._stores.child_specs())
        self._stores.attach(self._root.supervisor(STORES))
        self._sandboxes = self._root.supervisor(SANDBOXES)
        self._modules = RuntimeModules(
            self._root, hot_reload=self._config.hot_reload, open_session=self._session_for_a_module
        )
        self._tool_loop = ToolLoop()
        self._signals: SignalWatch | None = None
        try:
            self._executor(self._config.executor.policy)
            if self._config.control is not None:
                self._open_control(self._config.control)
            if self._config.handle_signals:
                self._signals = SignalWatch(self.close)
        except BaseException:
            self.stop(timeout_s=1.0)
            raise

    # -- executing

    def execute(
        self, code: str, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> ExecutionResult:
        """Run code and wait for its result. A failure of the guest is a result, not an exception.

        Args:
            code: Python source; its value is that of the last expression, else of the variable `result`.
            policy: what it may do; the runtime's own by default. Each new policy gets a zygote of its own.
            options: `variables`, `tools`, `loop`, `limits`, `language`, `when_full`, `queue_wait_s`,
                `on_output`, `tag`; see `ExecutionContext`.

        Raises:
            ConfigError: an argument is wrong.
            ValueEncodeError: a variable cannot cross.
            WritePathError: a write path of the policy cannot be copied for the guest.
            ExecutorBusyError: the queue is full or no worker became free in time.
            ExecutorUnavailableError: the executor ended while it had the request.
            RuntimeClosedError: the runtime is closed or closing.
        """
        request = Execute(code, **options)
        address = self._available(policy, request.context.queue_wait_s)
        try:
            result: ExecutionResult = address.call(request, timeout=self._deadline_s(request))
        except (ActorExitedError, CallTimeoutError) as error:
            unavailable(error)
        return result

    async def aexecute(
        self, code: str, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> ExecutionResult:
        """Like `execute`, awaited: the event loop goes on meanwhile, and cancelling kills the guest.

        Async tools run in this loop unless `loop` names another one.
        """
        import asyncio  # noqa: PLC0415 -- callers without a loop should not pay for it

        if options.get("tools") and options.get("loop") is None:
            options["loop"] = asyncio.get_running_loop()
        request = Execute(code, **options)
        address = self._known(policy)
        if address is None or not address.alive:
            address = await asyncio.to_thread(self._available, policy, request.context.queue_wait_s)
        try:
            result: ExecutionResult = await address.acall(request, timeout=self._deadline_s(request))
        except (ActorExitedError, CallTimeoutError) as error:
            unavailable(error)
        return result

    def submit(
        self, code: str, *, policy: Policy | None = None, **options: Unpack[Options]
    ) -> Future[ExecutionResult]:
        """Like `execute`, but return a `concurrent.futures.Future` at once; cancelling it kills the guest."""
        request = Execute(code, **options)
        address = self._available(policy, request.context.queue_wait_s)
        future: Future[ExecutionResult] = Future()
        reply = address.call_async(request)
        reply.add_done_callback(lambda reply: settle(future, reply))
        future.add_done_callback(lambda future: reply.abandon() if future.cancelled() else None)
        return future

    def execute_async(self, code: str, *, policy: Policy | None = None, **options: Unpack[Options]) -> None:
        """Run code that nobody waits for. Its end is the telemetry event `execution.finished`.

        Give it a `tag` to know the event by.
        """
        request = Execute(code, **options)
        self._available(policy, request.context.queue_wait_s).cast(request)

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
            language: name of the engine.
            options: `checkpoint`, `on_error`, `idle_timeout_s`, `reseed`, `history`; see `SessionConfig`.

        Raises:
            ConfigError: an argument is wrong.
            SessionLimitError: `RuntimeConfig.max_sessions` are open.
            ExecutorUnavailableError: it could not be started.
            RuntimeClosedError: the runtime is closed or closing.
        """
        defaults = ExecutionContext(
            limits=limits or self._config.executor.limits, tools=tools or {}, language=language
        )
        config = session_config(options)
        executor = self._available(policy, self._config.executor.start_timeout_s)
        return self._sessions.open(executor, config, defaults)

    # -- looking

    def sandbox_report(self, policy: Policy | None = None) -> SandboxReport:
        """Return which protections of a policy are active here, each found out by a real attempt.

        Raises:
            ExecutorUnavailableError: the sandbox is being restarted.
            RuntimeClosedError: the runtime is closed or closing.
        """
        chosen = policy or self._config.executor.policy
        self._executor(chosen)
        try:
            zygote = self._sandboxes.supervisor(self._ids[chosen.key]).child("zygote")
            found = zygote.call(GetReport())
            return SandboxReport(Profile(chosen.profile).value, found.layers, found.no_copies)
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
        return self._executor(self._config.executor.policy)

    @property
    def closed(self) -> bool:
        """Whether `stop` has begun."""
        return self._closing

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
        with self._lock:
            first, self._closing = not self._closing, True
        if first:
            try:
                self._report = stop_tree(
                    self._root, self._executors.values(), self._sessions.all(), self._tool_loop, limit
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

    def _known(self, policy: Policy | None) -> Address | None:
        """Return the address of a policy's executor, None if it was not started yet.

        Raises:
            RuntimeClosedError: the runtime is closed or closing.
        """
        if self._closing:
            raise RuntimeClosedError
        return self._executors.get((policy or self._config.executor.policy).key)

    def _available(self, policy: Policy | None, wait_s: float) -> Address:
        """Return the address of a policy's executor, which may be started for it, when it is there.

        Nothing has been sent to it, so waiting for its restart is safe.

        Raises:
            ExecutorUnavailableError: it is being restarted for longer than `wait_s` seconds, or the tree
                ended.
        """
        chosen = policy or self._config.executor.policy
        address = self._known(chosen) or self._executor(chosen)
        if not address.alive:
            self._root.system.wait_published(
                lambda: address.alive or not self._root.alive or self._is_lost(chosen.key), wait_s
            )
            address = self._executor(chosen)
        if not self._root.alive:
            raise ExecutorUnavailableError("its supervision tree has ended; create a new Runtime")
        if not address.alive:
            raise ExecutorUnavailableError("it is being restarted")
        return address

    def _is_lost(self, key: str) -> bool:
        """Whether an executor was lost in a restart of its supervisor, which forgets what it was given."""
        return self._sandboxes.alive and self._sandboxes.at(self._ids[key]) is None

    def _executor(self, policy: Policy) -> Address:
        """Return the address of a policy's executor; start it the first time.

        Raises:
            SandboxUnavailableError: the policy requires what cannot be had.
            ConfigError: the policy names what is not installed, shows the control socket, or is one too many.
            ExecutorUnavailableError: it could not be started for another reason.
            RuntimeClosedError: the runtime is closed or closing.
        """
        key = policy.key
        with self._lock:
            if self._closing:
                raise RuntimeClosedError
            if key in self._executors and not self._is_lost(key):
                return self._executors[key]
            if key not in self._executors and len(self._executors) >= self._config.max_policies:
                raise ConfigError(
                    "policy", policy, f"one of at most {self._config.max_policies} different ones"
                )
            check_apart(self._config.control, policy)
            name = self._ids.get(key) or f"{Profile(policy.profile).value}-{len(self._ids) + 1}"
            config = dataclasses.replace(self._config.executor, policy=policy)
            try:
                spec = PythonExecutor.child_spec(config, id=name, tool_loop=self._tool_loop)
                self._executors[key] = self._sandboxes.start_child(spec)
            except (StartError, ActorExitedError) as error:
                start_failed(error)
            self._ids[key] = name
            return self._executors[key]

    def _deadline_s(self, request: Execute) -> float | None:
        """Return how long to wait for an executor that should long have answered."""
        limits = request.context.limits or self._config.executor.limits
        if limits.time_s is None:
            return None
        return request.context.queue_wait_s + limits.time_s + _GRACE_S
