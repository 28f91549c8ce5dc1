"""What a supervisor publishes about its children, and a picture of a whole tree as plain data.

A supervisor writes the entries of its own directory and nobody else does; each is replaced as a whole, so
a reader in any thread sees one state or the next. A snapshot asks no actor and cannot be held up by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from supervisors._child_spec import ChildType, Restart

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from supervisors._pid import Pid


class ChildState(Enum):
    """Where a child is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    RESTARTING = "restarting"  # a start failed and is tried again, or the child waits for its back-off
    STOPPED = "stopped"  # its spec is kept


class Entry(NamedTuple):
    """One child, as its supervisor publishes it. `pid` is the current or the last incarnation.

    `restarts` is how often the supervisor has started it again, after an exit of its own or a sibling's;
    starts that failed count too, `restart_child` does not.
    """

    pid: Pid | None
    state: ChildState
    type: ChildType
    restart: Restart
    speaker: tuple[Hashable, ...]
    shutdown_limit_s: float = math.inf
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One line of `which_children`."""

    id: Hashable
    pid: Pid | None
    state: ChildState
    type: ChildType
    restart: Restart


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """The answer of `count_children`.

    `specs` children are known, `active` of them run; `supervisors` and `workers` count specs by type;
    `abandoned` threads of killed children are still there.
    """

    specs: int
    active: int
    supervisors: int
    workers: int
    abandoned: int


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One actor in a snapshot, with its children in start order; plain data.

    `path` leads from the root of the tree to it, as in its address; `id` is the last part. `restarts` is how
    often its supervisor has started it again, after an exit of its own or a sibling's; `generation` counts
    every start, by hand too. `since` is when the current or last incarnation began, in seconds of the
    system's clock, None if there never was one. `queued` messages wait; each system message that waits
    counts as one more.
    """

    id: Hashable
    path: tuple[Hashable, ...]
    actor_class: str
    type: ChildType
    state: ChildState
    generation: int
    restart: Restart | None
    restarts: int
    since: float | None
    thread: str | None
    suspended: bool
    queued: int
    children: tuple[TreeNode, ...] = ()

    def walk(self) -> Iterator[TreeNode]:
        """Yield this node, then all below it, parents before children."""
        yield self
        for child in self.children:
            yield from child.walk()


def snapshot(name: Hashable, path: tuple[Hashable, ...], pid: Pid) -> TreeNode:
    """Draw the tree below one actor from what the supervisors have published.

    Args:
        name: the id of the actor, its name when it is a root.
        path: from the root to the actor.
        pid: its incarnation.
    """
    published = pid.parent.directory.get(name) if path and pid.parent and pid.parent.directory else None
    if published is not None and published.pid is pid:
        return _node(name, path, published, restart=published.restart)
    state = ChildState.RUNNING if pid.alive else ChildState.STOPPED
    kind = ChildType.WORKER if pid.directory is None else ChildType.SUPERVISOR
    return _node(name, path, Entry(pid, state, kind, Restart.TEMPORARY, ()), restart=None)


def _node(name: Hashable, path: tuple[Hashable, ...], entry: Entry, *, restart: Restart | None) -> TreeNode:
    pid = entry.pid
    below = list(pid.directory.items()) if pid is not None and pid.directory is not None and pid.alive else []
    return TreeNode(
        id=name,
        path=path,
        actor_class=f"{pid.actor_class.__module__}.{pid.actor_class.__qualname__}" if pid is not None else "",
        type=entry.type,
        state=entry.state,
        generation=pid.generation if pid is not None else 0,
        restart=restart,
        restarts=entry.restarts,
        since=pid.since if pid is not None else None,
        thread=pid.thread.name if pid is not None and pid.thread is not None else None,
        suspended=pid is not None and pid.alive and pid.suspended,
        queued=len(pid.mailbox) if pid is not None else 0,
        children=tuple(_node(key, (*path, key), child, restart=child.restart) for key, child in below),
    )
