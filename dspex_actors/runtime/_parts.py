"""What a runtime has beside its executors: state stores, modules, numeric work, and services."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import RuntimeClosedError
from dspex_actors._execution import Execute
from dspex_actors._policy import Policy
from dspex_actors.executors import Compute
from dspex_actors.executors._compute_request import limits_of, policy_of, request_of, result_of
from dspex_actors.runtime._stores import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from dspex_actors._execution import ExecutionContext, ExecutionResult
    from dspex_actors.modules import Modules
    from dspex_actors.runtime._executors import Executors
    from dspex_actors.runtime._modules import RuntimeModules
    from dspex_actors.runtime._stores import Stores
    from dspex_actors.state import States
    from supervisors import SupervisorAddress


class Parts:
    """A base of `Runtime`."""

    _stores: Stores
    _modules: RuntimeModules
    _executors: Executors
    _root: SupervisorAddress
    execute: Callable[..., ExecutionResult]
    aexecute: Callable[..., Coroutine[Any, Any, ExecutionResult]]

    @property
    def state(self) -> States:
        """The runtime's state store: `rt.state.save("agent-7", state)`, `rt.state.load("agent-7", at=then)`.

        Where it keeps states is said by the argument `state`; without it, in memory until the runtime ends.

        Raises:
            RuntimeClosedError: the runtime is closed or closing.
        """
        return self.store(DEFAULT)

    def store(self, name: str) -> States:
        """Return one of the state stores by its name in `stores`; `"state"` is that of the property.

        Raises:
            ConfigError: there is none of this name.
            StorageUnavailableError: it was to be started, and the tree has ended.
            RuntimeClosedError: the runtime is closed or closing.
        """
        if self._executors.closing:
            raise RuntimeClosedError
        return self._stores.states(name)

    @property
    def modules(self) -> Modules:
        """The runtime's modules: `rt.modules.register(...)`, `rt.modules.hot_reload("summarizer", "1.1.0")`.

        Their actors are started when this is first asked for.

        Raises:
            RuntimeClosedError: the runtime is closed or closing, or its tree has ended.
        """
        if self._executors.closing:
            raise RuntimeClosedError
        return self._modules.started()

    def compute(
        self,
        operation: str,
        *arguments: object,
        policy: Policy | None = None,
        context: ExecutionContext | None = None,
        **options: object,
    ) -> ExecutionResult:
        """Run a function of `dspex_actors.compute` in a sandboxed worker, and wait for its result.

            rt.compute("matrix_analysis", [[2, 1], [1, 3]]).unwrap().determinant

        Args:
            operation: name of the function.
            arguments: its positional arguments.
            policy: what the guest may do, completed by the packages that are needed; that of the profile
                `process` by default.
            context: limits, waiting, output and tag; 60 s, 2000 MiB and a result of 64 MiB by default.
            options: its keyword arguments.

        Returns:
            One of the four results; the value of `Completed` is the record that the function returns.

        Raises:
            ConfigError: there is no such function, or the policy's profile is `strict`.
            MissingPackageError: scipy is not installed.
            ValueEncodeError: an argument cannot cross.
            ExecutorBusyError, ExecutorUnavailableError, RuntimeClosedError: as `execute`.
        """
        request = _request(Compute(operation, *arguments, context=context, **options))
        where = policy_of(policy or Policy())
        return result_of(self.execute(request.code, policy=where, **_options(request)))

    async def acompute(
        self,
        operation: str,
        *arguments: object,
        policy: Policy | None = None,
        context: ExecutionContext | None = None,
        **options: object,
    ) -> ExecutionResult:
        """Like `compute`, awaited: the event loop goes on meanwhile, and cancelling kills the guest."""
        request = _request(Compute(operation, *arguments, context=context, **options))
        where = policy_of(policy or Policy())
        return result_of(await self.aexecute(request.code, policy=where, **_options(request)))

    def _open_control(self, path: str | Path) -> None:
        """Start the services, with a control socket among them; after the modules, which it shows.

        Raises:
            ConfigError: the path cannot be had.
        """
        from dspex_actors.runtime._services import start_services  # noqa: PLC0415 -- only who asks for it pays

        start_services(self._root, str(path), lambda: self.modules)


def _request(message: Compute) -> Execute:
    """Return the execution that computes what is asked for, with limits."""
    request = request_of(message, None)
    if request.context.limits is not None:
        return request
    context = dataclasses.replace(request.context, limits=limits_of(None))
    return Execute(request.code, context=context)


def _options(request: Execute) -> dict[str, Any]:
    """Return the context of a request as the keyword arguments of `Runtime.execute`."""
    context = request.context
    return {field.name: getattr(context, field.name) for field in dataclasses.fields(context)}
