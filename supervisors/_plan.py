"""What a supervisor does when a child exits: values in, actions out.

Nothing here starts a thread, reads a clock or logs. The supervisor feeds exits in and performs the
actions, so every rule can be tested as a table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from supervisors._child_spec import AutoShutdown, Restart, Strategy

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from supervisors._intensity import RestartWindow


@dataclass(frozen=True, slots=True)
class Member:
    """One child, as far as the rules care; `active` when it runs or is being restarted."""

    id: Hashable
    restart: Restart = Restart.PERMANENT
    significant: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start the child with this id."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class StopChild:
    """Stop the child with this id, within its shutdown time."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class ForgetChild:
    """Remove the spec of a temporary child that has ended."""

    id: Hashable


@dataclass(frozen=True, slots=True)
class RestartLater:
    """Show the child as being restarted; after so many seconds ask `restart_actions` what to do then."""

    id: Hashable
    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Stop every child in reverse start order, then exit: the restart intensity was exceeded."""


@dataclass(frozen=True, slots=True)
class ShutDown:
    """Stop every child in reverse start order, then exit: the work of the significant children is done."""


Action: TypeAlias = StartChild | StopChild | ForgetChild | RestartLater | GiveUp | ShutDown


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions to perform, in order, and the restarts to remember."""

    actions: tuple[Action, ...]
    window: RestartWindow

    @property
    def restarts(self) -> bool:
        """Whether anything is to be started."""
        return any(isinstance(action, StartChild) for action in self.actions)

    def delayed(self, child_id: Hashable, seconds: float) -> Plan:
        """Return the plan that stops what is to be stopped now, and starts nothing for so many seconds.

        Args:
            child_id: the child whose exit, or failed start, led to this plan.
            seconds: what `next_wait` says.
        """
        now = [action for action in self.actions if not isinstance(action, StartChild)]
        return replace(self, actions=(*now, RestartLater(child_id, seconds)))


def on_child_exit(
    members: Sequence[Member],
    child_id: Hashable,
    *,
    abnormal: bool,
    strategy: Strategy,
    auto_shutdown: AutoShutdown = AutoShutdown.NEVER,
    window: RestartWindow,
    now: float,
) -> Plan:
    """Decide what to do about one exit that nobody asked for.

    Args:
        members: the children in start order.
        child_id: the child that exited.
        abnormal: whether its reason was other than normal or shutdown.
        strategy: the strategy of the supervisor.
        auto_shutdown: which ends of significant children end the supervisor.
        window: the restarts so far.
        now: seconds on a monotonic clock.

    Returns:
        Nothing to do for a transient child that ended well; its spec stays. `ForgetChild` for a temporary
        one. `ShutDown` after either when `auto_shutdown` says so. Otherwise the plan of `on_restart`.

    Raises:
        LookupError: `child_id` is not the id of a member.
    """
    member = members[_position(members, child_id)]
    if member.restart is Restart.PERMANENT or (member.restart is Restart.TRANSIENT and abnormal):
        return on_restart(members, child_id, strategy=strategy, window=window, now=now)
    actions: list[Action] = [ForgetChild(child_id)] if member.restart is Restart.TEMPORARY else []
    if member.significant and _is_last_word(members, child_id, auto_shutdown):
        actions.append(ShutDown())
    return Plan(tuple(actions), window)


def _is_last_word(members: Sequence[Member], child_id: Hashable, auto_shutdown: AutoShutdown) -> bool:
    """Say whether the end of this significant child ends the supervisor."""
    if auto_shutdown is AutoShutdown.ALL_SIGNIFICANT:
        return not any(other.significant and other.active for other in members if other.id != child_id)
    return auto_shutdown is AutoShutdown.ANY_SIGNIFICANT


def on_restart(
    members: Sequence[Member],
    child_id: Hashable,
    *,
    strategy: Strategy,
    window: RestartWindow,
    now: float,
) -> Plan:
    """Decide how to bring a child back, the first time or after a start that failed.

    Returns:
        `GiveUp` when the intensity is exceeded, otherwise `restart_actions`.

    Raises:
        LookupError: `child_id` is not the id of a member.
    """
    after = window.add(now)
    actions = restart_actions(members, child_id, strategy=strategy)
    return Plan((GiveUp(),) if after.exceeded else actions, after)


def restart_actions(
    members: Sequence[Member], child_id: Hashable, *, strategy: Strategy
) -> tuple[Action, ...]:
    """Decide which siblings restart with a child, without counting it.

    Returns:
        Stops in reverse start order, then starts in start order; a temporary sibling is stopped, forgotten
        and not started. The child itself is started whatever its type: a new spec may have made it temporary
        since its restart was decided.

    Raises:
        LookupError: `child_id` is not the id of a member.
    """
    at = _position(members, child_id)
    first = 0 if strategy is Strategy.ONE_FOR_ALL else at
    last = at + 1 if strategy is Strategy.ONE_FOR_ONE else len(members)
    group = members[first:last]
    actions: list[Action] = []
    for member in reversed(group):
        if member.id != child_id:
            actions.append(StopChild(member.id))
            if member.restart is Restart.TEMPORARY:
                actions.append(ForgetChild(member.id))
    actions += [
        StartChild(member.id)
        for member in group
        if member.restart is not Restart.TEMPORARY or member.id == child_id
    ]
    return tuple(actions)


def _position(members: Sequence[Member], child_id: Hashable) -> int:
    ids = [member.id for member in members]
    if child_id not in ids:
        msg = f"no child {child_id!r}; children are {ids!r}"
        raise LookupError(msg)
    return ids.index(child_id)
