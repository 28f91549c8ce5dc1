"""Log records of this package: one fixed dotted event and keys."""

from __future__ import annotations

from functools import partial

from supervisors._log import log as _log

log = partial(_log)
"""`log(level, event, **keys)`: to structlog where the program has configured it, else to `logging`."""
