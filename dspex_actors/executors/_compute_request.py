"""What is asked of a compute executor, and how that becomes an execution: decisions alone, no actor."""

from __future__ import annotations

import dataclasses
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._config import ExecutorConfig
from dspex_actors._errors import ConfigError, ProtocolError
from dspex_actors._execution import Completed, Execute, ExecutionContext, Failed, GuestFailure
from dspex_actors._limits import MIB, Limits
from dspex_actors._policy import Policy, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors._execution import ExecutionResult
    from dspex_actors.compute import ComputeConfig

# `dspex_actors.compute` brings numpy: it is imported in the functions here, so that a runtime starts without.

_CODE = "from dspex_actors.compute import answer\nanswer(operation, arguments, options)"
_NEEDED = ("numpy", "scipy", "dspex_actors")
_OPTIONAL = ("autograd",)
_PRELOADED = ("dspex_actors.compute", "scipy.special", "scipy.optimize", "scipy.stats")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_TIME_S = 60.0
_RESULT_BYTES = 64 * MIB
_START_S = 60.0  # scipy.stats takes one or two seconds to load, and many on a busy machine


@dataclass(frozen=True, slots=True, init=False)
class Compute:
    """The message that asks a `ComputeExecutor` for one of the functions of `dspex_actors.compute`.

        Compute("matrix_analysis", [[2, 1], [1, 3]])
        Compute("optimize_function", loss, [0.0, 0.0], method="bfgs")

    Data cross as arrays; an objective, a gradient, a callback or a statistic by cloudpickle, as callables do
    in `variables`, and run in the guest.

    Attributes:
        operation: name of the function.
        arguments: its positional arguments; lists of numbers have become arrays.
        options: its keyword arguments.
        context: limits, waiting, output and tag of the execution; its `variables` and `tools` are not the
            caller's to give.

    Raises:
        ConfigError: there is no such function, or the context has variables or tools.
    """

    operation: str
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    context: ExecutionContext

    def __init__(
        self, operation: str, *arguments: object, context: ExecutionContext | None = None, **options: object
    ) -> None:
        from dspex_actors import compute  # noqa: PLC0415 -- see above

        compute.operation(operation)
        context = context or ExecutionContext()
        if context.variables or context.tools:
            given = sorted({*context.variables, *context.tools})
            raise ConfigError("Compute.context", given, "without variables and tools")
        object.__setattr__(self, "operation", operation)
        object.__setattr__(self, "arguments", tuple(map(_as_array, arguments)))
        object.__setattr__(self, "options", options)
        object.__setattr__(self, "context", context)


def request_of(message: Compute, config: ComputeConfig | None) -> Execute:
    """Return the execution that computes what is asked for.

    Args:
        message: what is asked for.
        config: the executor's, where the message has none of its own.
    """
    from dspex_actors import compute  # noqa: PLC0415 -- see above

    options = dict(message.options)
    if config is not None and "config" in _parameters(compute.operation(message.operation)):
        options.setdefault("config", config)
    variables = {
        "operation": message.operation,
        "arguments": message.arguments,
        "options": options,
    }
    return Execute(_CODE, context=dataclasses.replace(message.context, variables=variables))


def result_of(result: ExecutionResult) -> ExecutionResult:
    """Return an execution's result with the record that its plain data stand for.

    A guest that sends something else has made it up: that is its failure.
    """
    if not isinstance(result, Completed):
        return result
    from dspex_actors import compute  # noqa: PLC0415 -- see above

    try:
        return dataclasses.replace(result, value=compute.from_plain(result.value))
    except ProtocolError as error:
        common = {f.name: getattr(result, f.name) for f in dataclasses.fields(result) if f.name != "value"}
        return Failed(error=GuestFailure("ProtocolError", error.reason), **common)


def executor_config(config: ComputeConfig | None, executor: ExecutorConfig | None) -> ExecutorConfig:
    """Return how the executor's workers are set up.

    Args:
        config: says how much memory a guest may add to its worker, if `executor` is None.
        executor: the user's own; what guests need to compute is added to the packages of its policy.

    Raises:
        ConfigError: its profile is `strict`, which cannot import what computes.
        MissingPackageError: scipy is not installed.
    """
    if executor is None:
        executor = ExecutorConfig(limits=limits_of(config), spares=1, start_timeout_s=_START_S)
    return dataclasses.replace(executor, policy=policy_of(executor.policy))


def limits_of(config: ComputeConfig | None) -> Limits:
    """Return what one computation may use where nothing else is said."""
    from dspex_actors import compute  # noqa: PLC0415 -- see above

    megabytes = (config or compute.ComputeConfig()).performance.memory_limit_mb
    return Limits(time_s=_TIME_S, memory_bytes=megabytes * MIB, result_bytes=_RESULT_BYTES)


def policy_of(policy: Policy) -> Policy:
    """Return a policy whose guests can compute, and find what they need loaded.

    Raises:
        ConfigError: its profile is `strict`, which cannot import what computes.
        MissingPackageError: scipy is not installed.
    """
    if importlib.util.find_spec("scipy") is None:
        from dspex_actors import compute  # noqa: PLC0415 -- see above

        raise compute.MissingPackageError("scipy", "compute", "a compute executor")
    if policy.profile is Profile.STRICT:
        allowed = "'process', 'shell' or 'trusted' for a compute executor"
        raise ConfigError("Policy.profile", Profile.STRICT.value, allowed)
    there = tuple(name for name in _OPTIONAL if importlib.util.find_spec(name) is not None)
    return dataclasses.replace(
        policy,
        packages=tuple(dict.fromkeys((*policy.packages, *_NEEDED, *there))),
        preload=tuple(dict.fromkeys((*policy.preload, *_PRELOADED, *there))),
        environment={**_ONE_THREAD, **policy.environment},
    )


def _parameters(function: Any) -> Mapping[str, Any]:  # noqa: ANN401 -- a function
    import inspect  # noqa: PLC0415 -- few requests need it

    return inspect.signature(function).parameters


def _as_array(argument: object) -> object:
    """Return a regular list of numbers as an array, which crosses in one piece; anything else as it is."""
    if not isinstance(argument, (list, tuple)) and not hasattr(argument, "__array__"):
        return argument
    import numpy as np  # noqa: PLC0415 -- see above

    try:
        array = np.asarray(argument)
    except ValueError:
        return argument  # ragged; the guest says in what way
    return array if array.dtype.kind in "biufc" else argument
