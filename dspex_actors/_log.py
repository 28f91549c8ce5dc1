"""Log records of this package: one fixed dotted event and keys."""

from __future__ import annotations

from supervisors.telemetry import Log

log = Log("dspex_actors")
"""`log(level, event, **keys)`: to structlog where the program has configured it, else to `logging`."""
