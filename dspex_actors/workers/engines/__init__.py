"""What runs other languages than Python in a worker: one file or folder for each.

A language's maker, `"module:function"` of its row, is called in the zygote with an `EngineConfig` and returns
an `Engine`. There are two kinds:

- the engine is a library, which runs guest code in the worker's own process: it implements `Engine`;
- it is a program, a driver, which the worker starts as its child: it extends `DriverEngine`, which has the
  conversation with the child, its output, its limits and its end.

Either way the worker speaks to the host as one that runs Python does, so that deadlines, kills, limits of
output and results, and the report of the sandbox are the same.
"""

from __future__ import annotations

from dspex_actors.workers.engines._driver_engine import DriverEngine
from dspex_actors.workers.engines._engine import (
    Call,
    Engine,
    EngineFailureError,
    GuestFailedError,
    OutOfFuelError,
    OutOfMemoryError,
    OutOfTimeError,
    ResultTooBigError,
    Usage,
)

__all__ = [
    "Call",
    "DriverEngine",
    "Engine",
    "EngineFailureError",
    "GuestFailedError",
    "OutOfFuelError",
    "OutOfMemoryError",
    "OutOfTimeError",
    "ResultTooBigError",
    "Usage",
]
