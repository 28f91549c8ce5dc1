"""Executors: actors that run guest code in sandboxed worker processes.

An executor is a small supervision tree: a zygote process, one actor per worker process, and the actor that
takes requests. `PythonExecutor.child_spec()` puts one into any tree; `ComputeExecutor.child_spec()` one that
runs the functions of `dspex_actors.compute`.
"""

from __future__ import annotations

from dspex_actors.executors._compute import ComputeExecutor
from dspex_actors.executors._compute_request import Compute
from dspex_actors.executors._executor import PythonExecutor
from dspex_actors.executors._messages import Drain, GetProcesses, GetReport, GetStats, ProbeReport, Stats
from dspex_actors.executors._session_messages import (
    BranchOff,
    GetRollbackState,
    GoBack,
    MakeCheckpoint,
    OpenedSession,
    OpenSession,
    ReadVariable,
    SessionCall,
    StartOver,
)
from dspex_actors.executors._tool_loop import ToolLoop

__all__ = [
    "BranchOff",
    "Compute",
    "ComputeExecutor",
    "Drain",
    "GetProcesses",
    "GetReport",
    "GetRollbackState",
    "GetStats",
    "GoBack",
    "MakeCheckpoint",
    "OpenSession",
    "OpenedSession",
    "ProbeReport",
    "PythonExecutor",
    "ReadVariable",
    "SessionCall",
    "StartOver",
    "Stats",
    "ToolLoop",
]
