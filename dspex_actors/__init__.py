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
        "EngineError",
        "EngineNotFoundError",
        "EngineStartError",
        "EngineVersionError",
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
        "WritePathError",
    ),
    "_limits": ("GIB", "KIB", "MIB", "Limits"),
    "_policy": ("Policy", "Profile"),
    "_execution": (
        "Completed",
        "Execute",
        "ExecutionContext",
        "ExecutionResult",
        "Failed",
        "ConsoleMessage",
        "Diagnostic",
        "GuestFailure",
        "LimitExceeded",
        "Usage",
        "WhenFull",
        "WorkerDied",
        "WorkerFacts",
    ),
    "_files": ("ReturnedFiles", "WriteBack"),
    "_language": ("FoundEngine", "Language", "SessionKind"),
    "_session": ("RollbackState", "SessionState"),
    "_config": ("CheckpointAt", "ExecutorConfig", "OnError", "RuntimeConfig", "SessionConfig"),
    "runtime": ("Runtime", "SandboxReport", "Session", "StopReport", "run"),
    "executors": ("Compute", "ComputeExecutor", "PythonExecutor"),
    "workers": ("LayerReport",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives

if TYPE_CHECKING:
    from dspex_actors._config import CheckpointAt as CheckpointAt
    from dspex_actors._config import ExecutorConfig as ExecutorConfig
    from dspex_actors._config import OnError as OnError
    from dspex_actors._config import RuntimeConfig as RuntimeConfig
    from dspex_actors._config import SessionConfig as SessionConfig
    from dspex_actors._errors import ConfigError as ConfigError
    from dspex_actors._errors import DspexError as DspexError
    from dspex_actors._errors import EngineError as EngineError
    from dspex_actors._errors import EngineNotFoundError as EngineNotFoundError
    from dspex_actors._errors import EngineStartError as EngineStartError
    from dspex_actors._errors import EngineVersionError as EngineVersionError
    from dspex_actors._errors import ExecutorBusyError as ExecutorBusyError
    from dspex_actors._errors import ExecutorUnavailableError as ExecutorUnavailableError
    from dspex_actors._errors import GuestError as GuestError
    from dspex_actors._errors import LimitExceededError as LimitExceededError
    from dspex_actors._errors import ProtocolError as ProtocolError
    from dspex_actors._errors import RollbackUnavailableError as RollbackUnavailableError
    from dspex_actors._errors import RuntimeClosedError as RuntimeClosedError
    from dspex_actors._errors import SandboxUnavailableError as SandboxUnavailableError
    from dspex_actors._errors import SessionClosedError as SessionClosedError
    from dspex_actors._errors import SessionLimitError as SessionLimitError
    from dspex_actors._errors import ToolError as ToolError
    from dspex_actors._errors import UnknownLanguageError as UnknownLanguageError
    from dspex_actors._errors import ValueDecodeError as ValueDecodeError
    from dspex_actors._errors import ValueEncodeError as ValueEncodeError
    from dspex_actors._errors import WorkerDiedError as WorkerDiedError
    from dspex_actors._errors import WorkerLostError as WorkerLostError
    from dspex_actors._errors import WritePathError as WritePathError
    from dspex_actors._execution import Completed as Completed
    from dspex_actors._execution import ConsoleMessage as ConsoleMessage
    from dspex_actors._execution import Diagnostic as Diagnostic
    from dspex_actors._execution import Execute as Execute
    from dspex_actors._execution import ExecutionContext as ExecutionContext
    from dspex_actors._execution import ExecutionResult as ExecutionResult
    from dspex_actors._execution import Failed as Failed
    from dspex_actors._execution import GuestFailure as GuestFailure
    from dspex_actors._execution import LimitExceeded as LimitExceeded
    from dspex_actors._execution import Usage as Usage
    from dspex_actors._execution import WhenFull as WhenFull
    from dspex_actors._execution import WorkerDied as WorkerDied
    from dspex_actors._execution import WorkerFacts as WorkerFacts
    from dspex_actors._files import ReturnedFiles as ReturnedFiles
    from dspex_actors._files import WriteBack as WriteBack
    from dspex_actors._language import FoundEngine as FoundEngine
    from dspex_actors._language import Language as Language
    from dspex_actors._language import SessionKind as SessionKind
    from dspex_actors._limits import GIB as GIB
    from dspex_actors._limits import KIB as KIB
    from dspex_actors._limits import MIB as MIB
    from dspex_actors._limits import Limits as Limits
    from dspex_actors._policy import Policy as Policy
    from dspex_actors._policy import Profile as Profile
    from dspex_actors._session import RollbackState as RollbackState
    from dspex_actors._session import SessionState as SessionState
    from dspex_actors.executors import Compute as Compute
    from dspex_actors.executors import ComputeExecutor as ComputeExecutor
    from dspex_actors.executors import PythonExecutor as PythonExecutor
    from dspex_actors.runtime import Runtime as Runtime
    from dspex_actors.runtime import SandboxReport as SandboxReport
    from dspex_actors.runtime import Session as Session
    from dspex_actors.runtime import StopReport as StopReport
    from dspex_actors.runtime import run as run
    from dspex_actors.workers import LayerReport as LayerReport

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
