"""What a supervisor does when a child exits: values in, actions out.

Nothing here starts a thread, reads a clock or logs. The supervisor feeds exits in and performs the
actions, so every rule can be tested as a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from supervisors._child_spec import Restart, Strategy

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from supervisors._intensity import RestartWindow


@dataclass(frozen=True, slots=True)
class Member:
    """One child, as far as the rules care."""

    id: Hashable
    restart: Restart = Restart.PERMANENT


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
class GiveUp:
    """Stop every child in reverse start order, then exit: the restart intensity was exceeded."""


Action: TypeAlias = StartChild | StopChild | ForgetChild | GiveUp


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions to perform, in order, and the restarts to remember."""

    actions: tuple[Action, ...]
    window: RestartWindow


def on_child_exit(
    members: Sequence[Member],
    child_id: Hashable,
    *,
    abnormal: bool,
    strategy: Strategy,
    window: RestartWindow,
    now: float,
) -> Plan:
    """Decide what to do about one exit that nobody asked for.

    Args:
        members: the children in start order.
        child_id: the child that exited.
        abnormal: whether its reason was other than normal or shutdown.
        strategy: the strategy of the supervisor.
        window: the restarts so far.
        now: seconds on a monotonic clock.

    Returns:
        Nothing to do for a transient child that ended well; its spec stays. `ForgetChild` for a temporary
        one. Otherwise the plan of `on_restart`.

    Raises:
        LookupError: `child_id` is not the id of a member.
    """
    restart = members[_position(members, child_id)].restart
    if restart is Restart.TEMPORARY:
        return Plan((ForgetChild(child_id),), window)
    if restart is Restart.TRANSIENT and not abnormal:
        return Plan((), window)
    return on_restart(members, child_id, strategy=strategy, window=window, now=now)


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
        `GiveUp` when the intensity is exceeded. Otherwise stops in reverse start order, then starts in
        start order; a temporary sibling is stopped, forgotten and not started.

    Raises:
        LookupError: `child_id` is not the id of a member.
    """
    at = _position(members, child_id)
    after = window.add(now)
    if after.exceeded:
        return Plan((GiveUp(),), after)
    first = 0 if strategy is Strategy.ONE_FOR_ALL else at
    last = at + 1 if strategy is Strategy.ONE_FOR_ONE else len(members)
    group = members[first:last]
    actions: list[Action] = []
    for member in reversed(group):
        if member.id != child_id:
            actions.append(StopChild(member.id))
            if member.restart is Restart.TEMPORARY:
                actions.append(ForgetChild(member.id))
    actions += [StartChild(member.id) for member in group if member.restart is not Restart.TEMPORARY]
    return Plan(tuple(actions), after)


def _position(members: Sequence[Member], child_id: Hashable) -> int:
    ids = [member.id for member in members]
    if child_id not in ids:
        msg = f"no child {child_id!r}; children are {ids!r}"
        raise LookupError(msg)
    return ids.index(child_id)
