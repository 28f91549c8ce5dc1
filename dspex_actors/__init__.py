"""Supervised, sandboxed execution of untrusted code.

    import dspex_actors as dspex

    dspex.run("1 + 1").unwrap()                     # 2

    with dspex.Runtime() as rt:
        rt.execute("sum(xs)", variables={"xs": [1, 2, 3]}).value   # 6

Names are loaded on first use: a worker's process imports this package too, and must stay small.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {
    "_errors": (
        "ConfigError",
        "DspexError",
        "ExecutorBusyError",
        "ExecutorUnavailableError",
        "GuestError",
        "LimitExceededError",
        "ProtocolError",
        "RollbackUnavailableError",
        "RuntimeClosedError",
        "SandboxUnavailableError",
        "SessionClosedError",
        "SessionLimitError",
        "ToolError",
        "UnknownLanguageError",
        "ValueDecodeError",
        "ValueEncodeError",
        "WorkerDiedError",
        "WorkerLostError",
    ),
    "_limits": ("GIB", "KIB", "MIB", "Limits"),
    "_policy": ("Policy", "Profile"),
    "_execution": (
        "Completed",
        "Execute",
        "ExecutionContext",
        "ExecutionResult",
        "Failed",
        "GuestFailure",
        "LimitExceeded",
        "Usage",
        "WhenFull",
        "WorkerDied",
        "WorkerFacts",
    ),
    "_session": ("RollbackState", "SessionState"),
    "_config": ("CheckpointAt", "ExecutorConfig", "OnError", "RuntimeConfig", "SessionConfig"),
    "runtime": ("Runtime", "SandboxReport", "Session", "StopReport", "run"),
    "executors": ("PythonExecutor",),
    "workers": ("LayerReport",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives

if TYPE_CHECKING:
    from dspex_actors._errors import (ConfigError as ConfigError, DspexError as DspexError, ExecutorBusyError as ExecutorBusyError, ExecutorUnavailableError as ExecutorUnavailableError, GuestError as GuestError, LimitExceededError as LimitExceededError, ProtocolError as ProtocolError, RollbackUnavailableError as RollbackUnavailableError, RuntimeClosedError as RuntimeClosedError, SandboxUnavailableError as SandboxUnavailableError, SessionClosedError as SessionClosedError, SessionLimitError as SessionLimitError, ToolError as ToolError, UnknownLanguageError as UnknownLanguageError, ValueDecodeError as ValueDecodeError, ValueEncodeError as ValueEncodeError, WorkerDiedError as WorkerDiedError, WorkerLostError as WorkerLostError)
    from dspex_actors._limits import (GIB as GIB, KIB as KIB, Limits as Limits, MIB as MIB)
    from dspex_actors._policy import (Policy as Policy, Profile as Profile)
    from dspex_actors._execution import (Completed as Completed, Execute as Execute, ExecutionContext as ExecutionContext, ExecutionResult as ExecutionResult, Failed as Failed, GuestFailure as GuestFailure, LimitExceeded as LimitExceeded, Usage as Usage, WhenFull as WhenFull, WorkerDied as WorkerDied, WorkerFacts as WorkerFacts)
    from dspex_actors._session import (RollbackState as RollbackState, SessionState as SessionState)
    from dspex_actors._config import (CheckpointAt as CheckpointAt, ExecutorConfig as ExecutorConfig, OnError as OnError, RuntimeConfig as RuntimeConfig, SessionConfig as SessionConfig)
    from dspex_actors.runtime import (Runtime as Runtime, SandboxReport as SandboxReport, Session as Session, StopReport as StopReport, run as run)
    from dspex_actors.executors import (PythonExecutor as PythonExecutor)
    from dspex_actors.workers import (LayerReport as LayerReport)

else:

    def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any public object
        """Load a public name from the module that defines it (PEP 562)."""
        home = _HOME_OF.get(name)
        if home is None:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
