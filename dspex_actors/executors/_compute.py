"""The executor of numeric work: the functions of `dspex_actors.compute`, each in a sandboxed worker.

    compute          one_for_all    5 in 10 s
    ├─ python        the sandbox of one policy: zygote, workers, executor
    └─ numbers       permanent; turns requests into executions and plain data into results

The workers are forked from a zygote that has numpy and scipy loaded.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.executors._compute_request import Compute, executor_config, request_of, result_of
from dspex_actors.executors._executor import PythonExecutor
from supervisors import (
    NO_REPLY,
    ChildSpec,
    GenServer,
    Refuse,
    Restart,
    Start,
    Strategy,
    Supervisor,
    SupervisorAddress,
    SupervisorFlags,
    SupervisorInit,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dspex_actors._config import ExecutorConfig
    from dspex_actors.compute import ComputeConfig
    from supervisors import CallFuture, Sender

_INTENSITY, _PERIOD_S = 5, 10


class ComputeExecutor(GenServer):
    """Runs the functions of `dspex_actors.compute` in sandboxed workers, with limits.

    Messages: call or cast `Compute(name, ...)`; a call's reply is one of the four results, with the record
    that the function returns as its value. An objective that never ends, or eats memory, is killed as any
    guest is, and costs its worker.

        with Supervisor.start([ComputeExecutor.child_spec(id="compute")], strategy="one_for_one") as tree:
            result = tree.child("compute").call(Compute("matrix_analysis", [[2, 1], [1, 3]]), timeout=None)
            result.unwrap().determinant

    Give the call no timeout of its own, as with a `PythonExecutor`.
    """

    @classmethod
    def child_spec(  # type: ignore[override]  # describes the supervisor around it; see below
        cls,
        config: ComputeConfig | None = None,
        executor: ExecutorConfig | None = None,
        *,
        id: Hashable = "compute",  # noqa: A002 -- OTP's name for it
        restart: Restart | str = Restart.PERMANENT,
    ) -> ChildSpec:
        """Describe an executor with its zygote and workers: a small supervisor, addressed as the executor.

        Args:
            config: of computations that name none; its `performance.memory_limit_mb` is what a guest may add
                to its worker unless `executor` says so.
            executor: how the workers are set up: 60 s for each computation, results up to 64 MiB and one
                spare by default. The policy's packages are completed by numpy, scipy, autograd if it is
                installed, and this library, and loaded before workers are forked.
            id: its id among its siblings.
            restart: when its parent starts it again.

        Raises:
            ConfigError: the policy's profile is `strict`.
            MissingPackageError: scipy is not installed.
        """
        complete = executor_config(config, executor)
        return ComputeSandbox.child_spec(config, complete, id=id, restart=restart, speaker=("numbers",))

    def init(self, config: ComputeConfig | None) -> None:
        """Find the executor beside.

        Raises:
            ConfigError: it was started without the supervisor that `child_spec` describes.
        """
        if not isinstance(self.parent, SupervisorAddress):
            raise ConfigError(
                "ComputeExecutor", "started alone", "started through ComputeExecutor.child_spec()"
            )
        self._config = config
        self._python = self.parent.child("python")

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- NO_REPLY
        """Hand a request on; it is answered in the thread of the worker's actor.

        Raises:
            Refuse: it is no request.
        """
        if not isinstance(message, Compute):
            raise Refuse(ConfigError("message", message, "Compute(...)"))
        reply = self._python.call_async(request_of(message, self._config))
        sender.on_abandoned(reply.abandon)
        reply.add_done_callback(partial(_answer, sender))
        return NO_REPLY

    def handle_cast(self, message: object) -> None:
        """Hand a request on that nobody waits for; its end is the event `execution.finished`."""
        if isinstance(message, Compute):
            self._python.cast(request_of(message, self._config))


class ComputeSandbox(Supervisor):
    """Supervises a compute executor and the sandbox that it computes in."""

    def init(self, config: ComputeConfig | None, executor: ExecutorConfig) -> SupervisorInit:  # type: ignore[override]  # other arguments, same role
        """Return the children, in the order in which they depend on each other."""
        flags = SupervisorFlags(strategy=Strategy.ONE_FOR_ALL, intensity=_INTENSITY, period=_PERIOD_S)
        return SupervisorInit(
            flags,
            (
                PythonExecutor.child_spec(executor, id="python"),
                ChildSpec(id="numbers", start=Start(ComputeExecutor, (config,))),
            ),
        )


def _answer(sender: Sender, reply: CallFuture) -> None:
    """Answer whoever waits, with the result or with what the executor refused it for."""
    try:
        result = result_of(reply.get(timeout=0))
    except Exception as error:  # noqa: BLE001 -- whatever it was is the caller's to know
        sender.fail(error)
    else:
        sender.reply(result)
