"""The actor that takes requests, gives each a worker, and answers for what it accepted.

It never waits: requests that find no worker are queued, workers are started beside, and a worker's actor
answers the caller directly.
"""

from __future__ import annotations

import os
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from dspex_actors._config import ExecutorConfig
from dspex_actors._errors import (
    ConfigError,
    ExecutorBusyError,
    RuntimeClosedError,
    WorkerLostError,
)
from dspex_actors._execution import Execute, WhenFull
from dspex_actors.executors._language_check import check_language
from dspex_actors.executors._lifeline import Lifeline
from dspex_actors.executors._messages import (
    Drain,
    GetHandle,
    GetProcesses,
    GetStats,
    QueueTimeout,
    Run,
    StartFailed,
    Stats,
    StillBusy,
    Withdraw,
    WorkerReady,
)
from dspex_actors.executors._pool import Pool
from dspex_actors.executors._report import report_finished
from dspex_actors.executors._session_actor import SessionActor
from dspex_actors.executors._session_body import SessionSetup
from dspex_actors.executors._session_messages import OpenSession
from dspex_actors.executors._session_start import start_session
from dspex_actors.executors._tool_loop import ToolLoop
from dspex_actors.executors._worker_actor import WorkerActor
from dspex_actors.workers import Cause
from supervisors import (
    NO_REPLY,
    ChildSpec,
    Down,
    GenServer,
    Refuse,
    Restart,
    Start,
    SupervisorAddress,
    is_abnormal,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dspex_actors.workers import WorkerProcess
    from supervisors import Address, CallFuture, ExitReason, Pid, Sender, Timer

_MOST_START_FAILURES = 3
"""Starts that may fail in a row before the executor gives up and lets its supervisor decide."""


_RETRY_S = 0.1
"""Pause after a start that failed, times the failures in a row."""

_WORKER_STOP_S = 1.0
"""A worker's actor may be blocked in its guest; after this it is fenced off, which kills the process."""


class _Refill:
    """Tells the executor to try again to start workers."""


class _Waiting:
    """A request from its arrival until a worker has it."""

    __slots__ = ("arrived", "context", "request", "sender", "timer")

    def __init__(self, request: Execute, sender: Sender | None, arrived: float) -> None:
        self.request = request
        self.sender = sender
        self.arrived = arrived
        self.context = copy_context()  # the caller's variables; a worker may take the request much later
        self.timer: Timer | None = None


class PythonExecutor(GenServer):
    """Runs Python code, each execution in a fresh sandboxed worker.

    Messages: call or cast `Execute(code, ...)`; a call's reply is one of the four results.

    In a tree of your own:

        with Supervisor.start([PythonExecutor.child_spec(id="py")], strategy="one_for_one") as tree:
            tree.child("py").call(Execute("1 + 1"), timeout=None)

    Give the call no timeout of its own: the execution's limits and `queue_wait_s` end it. Abandoning the
    call kills the guest.
    """

    @classmethod
    def child_spec(  # type: ignore[override]  # describes the supervisor around it; see below
        cls,
        config: ExecutorConfig | None = None,
        *,
        id: Hashable = "python",  # noqa: A002 -- OTP's name for it
        restart: Restart | str = Restart.PERMANENT,
        tool_loop: ToolLoop | None = None,
    ) -> ChildSpec:
        """Describe an executor with its zygote and workers: a small supervisor, addressed as the executor.

        Args:
            config: how it is set up.
            id: its id among its siblings.
            restart: when its parent starts it again.
            tool_loop: runs the async tools of requests that name no loop; None makes one that ends with the
                executor.
        """
        from dspex_actors.executors._sandbox import Sandbox  # noqa: PLC0415 -- the supervisor starts this class

        config = config or ExecutorConfig()
        return Sandbox.child_spec(config, tool_loop, id=id, restart=restart, speaker=("executor",))

    def init(self, config: ExecutorConfig, tool_loop: ToolLoop | None = None) -> None:
        """Find the siblings and start the spares.

        Raises:
            ConfigError: it was started without the supervisor that `child_spec` describes.
        """
        self._config = config
        if not isinstance(self.parent, SupervisorAddress):
            raise ConfigError(
                "PythonExecutor", "started alone", "started through PythonExecutor.child_spec()"
            )
        self._workers = self.parent.supervisor("workers")
        self._zygote = self.parent.child("zygote").call(GetHandle())
        self._pool: Pool[Pid, int] = Pool(config.spares, config.max_workers, config.max_queue)
        self._waiting: dict[int, _Waiting] = {}
        self._processes: dict[Pid, WorkerProcess] = {}
        self._tokens: dict[Pid, int] = {}
        self._serial = 0
        self._start_failures = 0
        self._draining: list[Sender] | None = None
        self._tool_loop = tool_loop or ToolLoop()
        self.pid.on_release(self._kill_all)  # runs at every end, also of an actor that was fenced off
        if tool_loop is None:
            self.pid.on_release(partial(self._tool_loop.close_in, self.system, self.pid.name))
        self._dismiss_strangers()
        self._refill()

    # -- requests

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Take a request or a question.

        Raises:
            Refuse: the request is not taken.
        """
        match message:
            case Execute():
                self._accept(message, sender)
            case Drain():
                self._draining = [*(self._draining or []), sender]
                self._pool.spares = 0
                self._answer_drained()
            case OpenSession():
                self._open_session(message, sender)
            case GetStats():
                return self._stats()
            case GetProcesses():
                return self._pidfds()
            case _:
                raise Refuse(ConfigError("message", message, "Execute(...)"))
        return NO_REPLY

    def handle_cast(self, message: object) -> None:
        """Take a request that nobody waits for, or news from a worker."""
        match message:
            case Execute():
                self._accept_cast(message)
            case WorkerReady():
                self._worker_ready(message)
            case StartFailed():
                self._start_failed(message)
            case Withdraw(number):
                self._withdraw(number)
            case StillBusy():
                self._refill()

    def handle_info(self, message: object) -> None:
        """Take the end of a worker, or of a request's patience."""
        match message:
            case Down(pid=pid, reason=reason):
                self._worker_gone(pid, reason)
            case _Refill():
                self._refill()
            case QueueTimeout(number):
                self._give_up(number)
            case _:
                super().handle_info(message)

    def _accept(self, request: Execute, sender: Sender | None) -> None:
        context = request.context
        if self._draining is not None:
            raise Refuse(RuntimeClosedError())
        check_language(request, self._config.language)
        if context.when_full is WhenFull.ERROR and self._pool.full:
            raise Refuse(ExecutorBusyError(len(self._pool.queue), self._config.max_queue))
        self._serial += 1
        number = self._serial
        self._waiting[number] = waiting = _Waiting(request, sender, self.system.clock.now())
        worker = self._pool.request(number)
        if worker is not None:
            self._dispatch(number, worker)
            return
        waiting.timer = self.send_after(context.queue_wait_s, QueueTimeout(number))
        if sender is not None:
            sender.on_abandoned(lambda: self.address.cast(Withdraw(number)))
        self._refill()

    def _accept_cast(self, request: Execute) -> None:
        """Take a request that nobody waits for; one that is not taken is told by its event."""
        try:
            self._accept(request, None)
        except Refuse as refusal:
            self._serial += 1
            limits = request.context.limits or self._config.limits
            report_finished(self.system, Run(self._serial, request, limits, 0.0), refusal.error)

    def _dispatch(self, number: int, worker: Pid) -> None:
        """Hand a request to a worker, which answers the caller."""
        waiting = self._waiting.pop(number)
        if waiting.timer is not None:
            waiting.timer.cancel()
        limits = waiting.request.context.limits or self._config.limits
        run = Run(number, waiting.request, limits, self.system.clock.now() - waiting.arrived)
        if waiting.sender is None:
            waiting.context.run(worker.cast, run)
            return
        process = self._processes[worker]
        waiting.sender.on_abandoned(lambda: process.kill(Cause.CANCELLED))
        waiting.context.run(self.forward, worker, run, waiting.sender)

    def _withdraw(self, number: int) -> None:
        if number in self._waiting:
            self._pool.withdraw(number)
            self._forget(number)

    def _give_up(self, number: int) -> None:
        waiting = self._waiting.get(number)
        if waiting is None:
            return
        self._pool.withdraw(number)
        self._forget(number)
        waited = self.system.clock.now() - waiting.arrived
        self._fail(number, waiting, ExecutorBusyError(len(self._pool.queue), self._config.max_queue, waited))

    def _forget(self, number: int) -> None:
        waiting = self._waiting.pop(number)
        if waiting.timer is not None:
            waiting.timer.cancel()
        self._answer_drained()

    def _fail(self, number: int, waiting: _Waiting, error: Exception) -> None:
        """Tell the caller; where nobody waits, the event tells."""
        if waiting.sender is not None:
            waiting.sender.fail(error)
            return
        limits = waiting.request.context.limits or self._config.limits
        waited = self.system.clock.now() - waiting.arrived
        report_finished(self.system, Run(number, waiting.request, limits, waited), error)

    # -- sessions

    def _open_session(self, message: OpenSession, sender: Sender) -> None:
        """Start a session beside; its opener is answered when it takes calls.

        Raises:
            Refuse: the executor takes no more work.
        """
        if self._draining is not None:
            raise Refuse(RuntimeClosedError())
        setup = SessionSetup(
            number=next(self.system.serials),
            zygote=self._zygote,
            config=message.config,
            limits=message.limits or self._config.limits,
            start_timeout_s=self._config.start_timeout_s,
            lifeline=Lifeline(),
            tool_loop=self._tool_loop,
            language=self._config.language,
        )
        start_session(self._workers, SessionActor, setup, sender)

    # -- workers

    def _dismiss_strangers(self) -> None:
        """End the workers of an earlier incarnation: nobody knows any more what they were doing.

        Sessions go on: those who hold them talk to them directly.
        """
        for child in self._workers.which_children():
            if child.pid is not None and child.pid.actor_class is not SessionActor:
                self._workers.terminate_child_async(child.pid)

    def _refill(self) -> None:
        """Start as many workers as are wanted, beside."""
        me = self.address
        for token in self._pool.wanted():
            start = Start(
                WorkerActor, (self._zygote, me, token, self._config.start_timeout_s, self._tool_loop)
            )
            spec = ChildSpec(id=token, start=start, restart=Restart.TRANSIENT, shutdown_s=_WORKER_STOP_S)
            started = self._workers.start_child_async(spec)
            started.add_done_callback(partial(_tell_failure, me, token))

    def _worker_ready(self, message: WorkerReady) -> None:
        worker = message.pid
        if worker not in self._processes:
            self._start_failures = 0
            self._processes[worker] = message.process
            self._tokens[worker] = message.token
            self.monitor(worker)
        number = self._pool.started(worker, message.token)
        if number is not None:
            self._dispatch(number, worker)  # spares can wait until it has taken a while, or is over
        else:
            self._refill()

    def _worker_gone(self, worker: Pid | None, reason: ExitReason) -> None:
        if worker is None:
            return
        self._processes.pop(worker, None)
        token = self._tokens.pop(worker, None)
        self._pool.gone(worker)
        if token is not None and is_abnormal(reason):
            # Its supervisor starts it again, and it will report under this token.
            self._pool.restarting(token)
        self._refill()
        self._answer_drained()

    def _start_failed(self, message: StartFailed) -> None:
        """Answer who would wait in vain; crash when it keeps failing.

        Raises:
            WorkerLostError: several starts in a row failed.
        """
        number = self._pool.start_failed(message.token)
        if self._zygote.gone:
            return  # counted where the zygote is supervised, and this executor is started again with it
        self._start_failures += 1
        error = WorkerLostError(f"no worker could be started: {message.reason}")
        if number is not None:
            waiting = self._waiting[number]
            self._forget(number)
            self._fail(number, waiting, error)
        if self._start_failures >= _MOST_START_FAILURES:
            raise error
        self.send_after(_RETRY_S * self._start_failures, _Refill())

    # -- the end

    def _answer_drained(self) -> None:
        if self._draining and self._pool.idle:
            senders, self._draining = self._draining, []
            for sender in senders:
                sender.reply(None)

    def _kill_all(self) -> None:
        """Kill what is running or starting: the actors of the workers are blocked in that."""
        for process in (*list(self._processes.values()), *self._zygote.starts.under_way()):
            process.kill(Cause.STOPPED)

    def _stats(self) -> Stats:
        pool = self._pool
        return Stats(len(pool.ready), len(pool.busy), len(pool.starting), len(pool.queue))

    def _pidfds(self) -> dict[int, int]:
        """Return the zygote and the workers, each with a new descriptor."""
        pids = [self._zygote.pid, *(process.facts.pid for process in self._processes.values())]
        found = {}
        for pid in pids:
            with suppress(ProcessLookupError):  # it has just ended
                found[os.pidfd_open(pid)] = pid
        return found


def _tell_failure(executor: Address, token: int, started: CallFuture) -> None:
    """Tell the executor when a worker could not be started; runs in the supervisor's thread."""
    try:
        started.get(timeout=0)
    except Exception as error:  # noqa: BLE001 -- whatever it was, somebody may be waiting for that worker
        executor.cast(StartFailed(token, str(error)))
