"""Who an actor comes from: the actors above it, and the actors that asked for a task."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from supervisors._future import running

if TYPE_CHECKING:
    from supervisors._pid import Pid

# A task's Pid and its callers. With the Pid, since a task's context rides along in its messages to others.
task_callers: ContextVar[tuple[Pid, tuple[Pid, ...]] | None] = ContextVar("task_callers", default=None)


def callers() -> tuple[Pid, ...]:
    """Return the actor that started the calling task, then, if that is a task, the one that started it, etc.

    Empty in actors that are no tasks, in plain threads, and in tasks that a plain thread started.
    """
    known = task_callers.get()
    return known[1] if known is not None and known[0] is running.pid else ()


def ancestors() -> tuple[Pid, ...]:
    """Return the actors above the calling one, its own supervisor first; empty in a plain thread."""
    found = []
    pid = running.pid.parent if running.pid is not None else None
    while pid is not None:
        found.append(pid)
        pid = pid.parent
    return tuple(found)
