"""Ending a runtime: let the work finish, end the tree, and look whether anything is left."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from dspex_actors.executors import Drain, GetProcesses, GetStats
from dspex_actors.runtime._report import StopReport
from supervisors import ActorExitedError, CallTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dspex_actors.executors import ToolLoop
    from dspex_actors.runtime._session import Session
    from supervisors import Address, SupervisorAddress

_LAST_LOOK_S = 1.0
"""How long processes may take to disappear after the tree has ended; measured about 10 ms."""


def stop_tree(
    root: SupervisorAddress,
    executors: Iterable[Address],
    sessions: list[Session],
    tool_loop: ToolLoop,
    timeout_s: float,
) -> StopReport:
    """Drain executors and sessions, stop the tree, and report.

    Args:
        root: the tree.
        executors: their addresses.
        sessions: those that are open.
        tool_loop: where async tools run.
        timeout_s: seconds for the work under way; what is not done then is killed. Ending the tree comes on
            top and has limits of its own for each actor.
    """
    started = time.monotonic()
    known = list(executors)
    killed = _drain(known, sessions, started + timeout_s)
    watched = _processes(known, sessions)
    for session in sessions:
        session.end("the runtime was closed")
    result = root.stop()
    tool_loop.close_in(root.system, root.name)
    left = _still_there(watched, time.monotonic() + _LAST_LOOK_S)
    return StopReport(
        drained=not killed,
        killed=killed,
        abandoned=root.system.abandoned.records(),
        processes_left=left,
        duration_s=time.monotonic() - started,
        reason=result.reason,
    )


def _drain(executors: list[Address], sessions: list[Session], deadline: float) -> int:
    """Let the executors and sessions finish; return how many executions were not done in time."""
    calls = [(partial(_under_way, executor), executor.call_async(Drain())) for executor in executors]
    calls += [(partial(_owed, session), session.drain()) for session in sessions]
    unfinished = 0
    for under_way, call in calls:
        try:
            call.get_or_abandon(max(0.0, deadline - time.monotonic()))
        except CallTimeoutError:
            unfinished += under_way()
        except ActorExitedError:
            continue  # it has ended: nothing is under way
    return unfinished


def _owed(session: Session) -> int:
    return session.owed


def _under_way(executor: Address) -> int:
    try:
        stats = executor.call(GetStats())
    except (ActorExitedError, CallTimeoutError):
        return 0
    return int(stats.busy + stats.queued)


def _processes(executors: list[Address], sessions: list[Session]) -> dict[int, int]:
    """Return the processes of executors and sessions: descriptor to process id."""
    watched: dict[int, int] = {}
    for pid in (pid for session in sessions for pid in session.pids()):
        with suppress(ProcessLookupError):  # it has just ended
            watched[os.pidfd_open(pid)] = pid
    for executor in executors:
        try:
            watched.update(executor.call(GetProcesses()))
        except (ActorExitedError, CallTimeoutError):
            continue
    return watched


def _still_there(watched: dict[int, int], deadline: float) -> tuple[int, ...]:
    """Wait for the processes to end; return the ids of those that did not. Closes the descriptors."""
    poll = select.poll()
    for pidfd in watched:
        poll.register(pidfd, select.POLLIN)
    waiting = dict(watched)
    while waiting:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            break
        for pidfd, _ in ready:
            poll.unregister(pidfd)
            del waiting[pidfd]
    for pidfd in watched:
        os.close(pidfd)
    return tuple(sorted(waiting.values()))
