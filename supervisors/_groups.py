"""Process groups after OTP's pg: named sets of actors, joined and watched from anywhere in the process.

    rooms = Groups()
    with rooms.start():
        rooms.join("lobby")  # in an actor: joins that actor
        for member in rooms.members("lobby"):
            member.cast("hello")

An actor may join a group several times and is then listed as often. Its memberships go in its ending thread,
before its `Down` and `Exit` are sent, with one notice for each. When the `Groups` actor ends, so do all
memberships and monitors; actors are not linked to it and join anew themselves.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from supervisors._address import Address
from supervisors._errors import ActorExitedError, NotAnActorError, NotJoinedError
from supervisors._future import running
from supervisors._gen_server import GenServer
from supervisors._handle import Handle
from supervisors._reasons import NO_PROCESS
from supervisors._strict_key import strict

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._pid import Pid
    from supervisors._types import Reply


class GroupRef:
    """One monitor of one group; each `Groups.monitor` makes a new one."""

    __slots__ = ("group",)

    def __init__(self, group: Hashable) -> None:
        self.group = group

    def __repr__(self) -> str:
        return f"<GroupRef of {self.group!r} at {id(self):#x}>"


@dataclass(frozen=True, slots=True)
class GroupJoined:
    """Sent to those who monitor a group, in their `handle_info`, for each membership."""

    ref: GroupRef
    group: Hashable
    member: Pid


@dataclass(frozen=True, slots=True)
class GroupLeft:
    """Sent to those who monitor a group for each membership that ended, by `leave` or with its actor."""

    ref: GroupRef
    group: Hashable
    member: Pid


class _Table:
    """The memberships and monitors of one incarnation.

    Notices are queued under the lock, so that each watcher gets them in the order of the changes. It can be
    taken again by the same thread: queueing to an actor that is ending may run that actor's hooks here.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.members: dict[Hashable, list[Pid]] = {}
        self.names: dict[Hashable, Hashable] = {}  # strict key -> the group as its members name it
        self.joined: dict[Pid, list[Hashable]] = {}
        self.watchers: dict[Hashable, dict[GroupRef, Pid]] = {}
        self.known: set[Pid] = set()  # whose end will run `forget`

    def join(self, group: Hashable, member: Pid) -> None:
        key = strict(group)
        with self.lock:
            self.names.setdefault(key, group)
            self.members.setdefault(key, []).append(member)
            self.joined.setdefault(member, []).append(key)
            for ref, watcher in self.watchers.get(key, {}).items():
                watcher.send_info(GroupJoined(ref, group, member))
        self.follow(member)

    def leave(self, group: Hashable, member: Pid) -> None:
        key = strict(group)
        with self.lock:
            keys = self.joined.get(member, [])
            if key not in keys:
                raise NotJoinedError(group, member.name)
            keys.remove(key)
            if not keys:
                del self.joined[member]
            self._drop(key, member)

    def watch(self, group: Hashable, watcher: Pid) -> tuple[GroupRef, tuple[Pid, ...]]:
        key, ref = strict(group), GroupRef(group)
        with self.lock:
            self.watchers.setdefault(key, {})[ref] = watcher
            members = tuple(self.members.get(key, ()))
        self.follow(watcher)
        return ref, members

    def unwatch(self, ref: GroupRef) -> None:
        key = strict(ref.group)
        with self.lock:
            refs = self.watchers.get(key, {})
            refs.pop(ref, None)
            if not refs:
                self.watchers.pop(key, None)

    def follow(self, pid: Pid) -> None:
        with self.lock:
            known = pid in self.known
            self.known.add(pid)
        if not known:
            pid.on_release(partial(self.forget, pid))

    def forget(self, pid: Pid) -> None:
        """Remove an actor that ends; runs in the ending thread."""
        with self.lock:
            self.known.discard(pid)
            mine = [ref for refs in self.watchers.values() for ref, watcher in refs.items() if watcher is pid]
            for ref in mine:
                self.unwatch(ref)
            for key in self.joined.pop(pid, ()):
                self._drop(key, pid)

    def _drop(self, key: Hashable, member: Pid) -> None:
        members, group = self.members[key], self.names[key]
        members.remove(member)
        if not members:
            del self.members[key], self.names[key]
        for ref, watcher in self.watchers.get(key, {}).items():
            watcher.send_info(GroupLeft(ref, group, member))


class GroupsActor(GenServer):
    """The actor whose life is that of the memberships."""

    def init(self, groups: Groups) -> Reply:
        """Bind an empty table to the handle."""
        groups.bind(self, _Table())


class Groups(Handle[Address, _Table]):
    """See the module's docstring. A handle: make it, then `start` it or put its `child_spec` into a tree.

    Every method but those two raises `ActorExitedError` while the actor is not running.

    Args:
        name: for people.
    """

    actor_class = GroupsActor

    def __init__(self, *, name: str = "groups") -> None:
        super().__init__(name)

    def join(self, group: Hashable, member: Pid | Address | None = None) -> None:
        """Add a membership of `member`, by default of the calling actor. A dead one leaves again at once.

        Raises:
            NotAnActorError: no member is given and the calling thread is no actor's.
            ActorExitedError: the address stands for no actor.
        """
        self.state.join(group, _pid_of(member, "join"))

    def leave(self, group: Hashable, member: Pid | Address | None = None) -> None:
        """End one membership of `member`, by default of the calling actor.

        Raises:
            NotJoinedError: it has none in this group.
            NotAnActorError: no member is given and the calling thread is no actor's.
            ActorExitedError: the address stands for no actor.
        """
        self.state.leave(group, _pid_of(member, "leave"))

    def members(self, group: Hashable) -> tuple[Pid, ...]:
        """Return the members in the order they joined, each as often as it has; empty for no group."""
        table = self.state
        with table.lock:
            return tuple(table.members.get(strict(group), ()))

    def which_groups(self) -> tuple[Hashable, ...]:
        """Return the groups that have members."""
        table = self.state
        with table.lock:
            return tuple(table.names.values())

    def monitor(self, group: Hashable) -> tuple[GroupRef, tuple[Pid, ...]]:
        """Let the calling actor get a `GroupJoined` or `GroupLeft` for each change from now on.

        Returns:
            What `demonitor` takes, and the members at the moment the notices begin.

        Raises:
            NotAnActorError: the calling thread is no actor's.
        """
        return self.state.watch(group, _pid_of(None, "monitor"))

    def demonitor(self, ref: GroupRef) -> None:
        """End a monitor; notices that are queued already still arrive."""
        self.state.unwatch(ref)


def _pid_of(member: Pid | Address | None, operation: str) -> Pid:
    if isinstance(member, Address):
        pid = member.find()
        if pid is None:
            raise ActorExitedError(member.name, NO_PROCESS)
        return pid
    chosen = running.pid if member is None else member
    if chosen is None:
        raise NotAnActorError(f"groups.{operation}()")
    return chosen
