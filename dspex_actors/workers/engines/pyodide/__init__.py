"""Python in Pyodide, on Node: a driver in a child process, which wakes a snapshot of an image."""

from __future__ import annotations

from dspex_actors.workers.engines.pyodide._engine import make

__all__ = ["make"]
