"""JavaScript and TypeScript on Node: a driver in a child process, one realm for each execution or session."""

from __future__ import annotations

from dspex_actors.workers.engines.javascript._engine import make

__all__ = ["make"]
