"""The process boundary: starting worker processes, talking to them, confining them.

What a worker sends is data: it is never unpickled, evaluated or imported in the host, its size is checked
before memory is taken, and a frame that the protocol does not allow ends the worker.

    handle = ZygoteHandle(channel, "process")          # a zygote started with zygote_command()
    handle.handshake(zygote_config(policy, scratch), timeout_s=10)
    worker = handle.spawn()
    worker.wait_ready(timeout_s=10, timers=timers)
    worker.execute("1 + 1", None, Limits(), timers)    # Completed(value=2)
    worker.close()
"""

from __future__ import annotations

import importlib
from typing import Any

_HOME_OF = {
    "BuildCache": "_build_cache",
    "BuildWatch": "_build",
    "Builder": "_build",
    "Cause": "_causes",
    "FileRules": "_guest_files",
    "GuestFiles": "_guest_files",
    "ConnectCode": "_network_protocol",
    "EngineSetup": "_engine_setup",
    "KeptWorker": "_kept",
    "LayerReport": "_protocol",
    "INVOCATION": "_protocol",
    "NoCopiesError": "_session_worker",
    "Program": "_request",
    "SessionWorker": "_session_worker",
    "Timers": "_causes",
    "ToolFailure": "_tool_calls",
    "Tools": "_tool_calls",
    "WorkerProcess": "_process",
    "ZygoteHandle": "_spawn",
    "encode_answer": "_network_protocol",
    "engine_files": "_engine_setup",
    "remove_folder": "_scratch",
    "rules_of": "_guest_files",
    "setup_of": "_engine_setup",
    "system_libraries": "_system_paths",
    "zygote_command": "_spawn",
    "zygote_config": "_spawn",
    "zygote_environment": "_spawn",
}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 -- one table says both what is public and where it lives


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- any public object
    """Load a public name from its module: a zygote imports this package too and needs none of them."""
    home = _HOME_OF.get(name)
    if home is None:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
