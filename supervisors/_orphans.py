"""What is left below a supervisor that ended without stopping its children: killed, or crashed.

Each child is told by its link and ends in order, by itself. Whoever waits for the supervisor waits for them
too, so that a new incarnation does not meet the old one's children and a stopped tree has really ended.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from supervisors._future import CallFuture, running

if TYPE_CHECKING:
    from supervisors._pid import Pid


def orphans_of(pid: Pid) -> list[tuple[Pid, float]]:
    """Return the nearest living actors below a dead one, each with the seconds it has to end."""
    found: list[tuple[Pid, float]] = []
    for entry in list((pid.directory or {}).values()):
        if entry.pid is None:
            continue
        if entry.pid.alive:
            found.append((entry.pid, entry.shutdown_limit_s))
        else:
            found += orphans_of(entry.pid)
    return found


def await_orphans(pid: Pid) -> None:
    """Block until nothing lives below a dead actor; kill what takes longer than its limit.

    Returns at once in an actor below `pid`, which would wait for itself.
    """
    if pid.directory is None or is_below(running.pid, pid):
        return
    if pid.thread is not None:
        pid.thread.join(pid.system.kill_grace_s)  # it may be at the start of one more child
    while orphans := orphans_of(pid):
        for orphan, limit in orphans:
            if orphan.wait_exit(None if limit == math.inf else limit) is None:
                kill_tree(orphan)


def is_below(me: Pid | None, pid: Pid) -> bool:
    """Say whether `me` is `pid` or has it among its ancestors."""
    while me is not None and me is not pid:
        me = me.parent
    return me is not None


def kill_tree(pid: Pid) -> None:
    """Kill an actor and all below it, and wait until each thread has ended or is recorded as abandoned."""
    victims, settled = [pid], []
    for victim in victims:  # grows while it is walked; a parent is killed first, so that it restarts nobody
        future = CallFuture()
        settled.append(future)
        victim.kill(partial(future.reply, None))
        entries = list((victim.directory or {}).values())
        victims += [
            entry.pid for entry in entries if entry.pid is not None and not entry.pid.has_thread_ended
        ]
    for future in settled:
        future.get()
