"""The runtime: a supervision tree with executors in it, and doors to them for threads and event loops."""

from __future__ import annotations

from dspex_actors.runtime._report import SandboxReport, StopReport
from dspex_actors.runtime._run import run
from dspex_actors.runtime._runtime import Runtime
from dspex_actors.runtime._session import Session

__all__ = ["Runtime", "SandboxReport", "Session", "StopReport", "run"]
