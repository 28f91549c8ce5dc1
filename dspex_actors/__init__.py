"""Supervised, sandboxed execution of untrusted code.

    import dspex_actors as dspex

    dspex.run("1 + 1").unwrap()                     # 2

    with dspex.Runtime() as rt:
        rt.execute("sum(xs)", variables={"xs": [1, 2, 3]}).value   # 6

Names are loaded on first use: a worker's process imports this package too, and must stay small.
"""

from __future__ import annotations

import importlib
from typing import Any

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
