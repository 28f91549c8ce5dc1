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
    RESTARTING = "restarting"  # a start failed and is tried again
    STOPPED = "stopped"  # its spec is kept


class Entry(NamedTuple):
    """One child, as its supervisor publishes it. `pid` is the current or the last incarnation."""

    pid: Pid | None
    state: ChildState
    type: ChildType
    restart: Restart
    speaker: tuple[Hashable, ...]
    shutdown_limit_s: float = math.inf


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
    """One actor in a snapshot, with its children in start order."""

    id: Hashable
    actor_class: str
    type: ChildType
    state: ChildState
    generation: int
    restart: Restart | None
    thread: str | None
    queued: int
    children: tuple[TreeNode, ...] = ()

    def walk(self) -> Iterator[TreeNode]:
        """Yield this node, then all below it, parents before children."""
        yield self
        for child in self.children:
            yield from child.walk()


def snapshot(name: Hashable, pid: Pid) -> TreeNode:
    """Draw the tree below one actor from what the supervisors have published."""
    state = ChildState.RUNNING if pid.alive else ChildState.STOPPED
    kind = ChildType.WORKER if pid.directory is None else ChildType.SUPERVISOR
    return _node(name, Entry(pid, state, kind, Restart.TEMPORARY, ()), restart=None)


def _node(name: Hashable, entry: Entry, *, restart: Restart | None) -> TreeNode:
    pid = entry.pid
    if pid is None:
        return TreeNode(name, "", entry.type, entry.state, 0, restart, None, 0)
    below = list(pid.directory.items()) if pid.directory is not None and pid.alive else []
    return TreeNode(
        id=name,
        actor_class=f"{pid.actor_class.__module__}.{pid.actor_class.__qualname__}",
        type=entry.type,
        state=entry.state,
        generation=pid.generation,
        restart=restart,
        thread=pid.thread.name if pid.thread is not None else None,
        queued=len(pid.mailbox),
        children=tuple(_node(key, child, restart=child.restart) for key, child in below),
    )
