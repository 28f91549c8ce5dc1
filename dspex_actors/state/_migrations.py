"""From one version of a state's schema to another: the steps as a graph, and walking the shortest path.

    graph = MigrationGraph((
        Step("1", "2", up=add_tags, down=drop_tags),
        Step("2", "3", up=rename_score),
    ))
    migrated = graph.migrate(state, "1", "3")
    migrated.state, migrated.provenance

A migration is done as a whole or not at all: steps get a copy, and whoever migrates saves the result only
after the last of them. So a dry run is a migration whose result is not saved.
"""

from __future__ import annotations

import copy
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.state._errors import MigrationFailedError, MigrationPathError
from dspex_actors.state._order import nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a schema.

    Attributes:
        start: the version it is for.
        goal: the version it leads to.
        up: takes the state of `start` and returns that of `goal`. It gets a copy and may change it.
        down: the way back, None if there is none.
        name: for the provenance; `start->goal` unless given.
    """

    start: str
    goal: str
    up: Change
    down: Change | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A step in the direction in which it is walked."""

    name: str
    start: str
    goal: str
    direction: str
    change: Change

    def described(self) -> dict[str, str]:
        """Return it as plain data."""
        return {"name": self.name, "from": self.start, "to": self.goal, "direction": self.direction}


@dataclass(frozen=True, slots=True)
class Migrated:
    """A state after a migration.

    Attributes:
        state: the new state.
        provenance: plain data for the metadata of the version that is saved: `migrated_from`, `migrated_to`
            and `steps`, each with `name`, `from`, `to` and `direction`.
    """

    state: Any
    provenance: dict[str, Any]


class MigrationGraph:
    """The known steps. Immutable: `with_step` returns a graph with one more.

    Args:
        steps: in the order of registration, which decides between paths of one length.

    Raises:
        ConfigError: a step leads nowhere, or two lead from one version to the same other one.
    """

    __slots__ = ("_into", "_out", "_steps")

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._steps = tuple(steps)
        self._out: dict[str, dict[str, Move]] = {}
        self._into: dict[str, dict[str, Move]] = {}
        for step in self._steps:
            name = step.name or f"{step.start}->{step.goal}"
            self._add(Move(name, step.start, step.goal, "up", step.up))
            if step.down is not None:
                self._add(Move(name, step.goal, step.start, "down", step.down))

    def _add(self, move: Move) -> None:
        if move.start == move.goal:
            raise ConfigError("Step.goal", move.goal, f"another version than the start {move.start!r}")
        if (other := self._out.setdefault(move.start, {}).get(move.goal)) is not None:
            allowed = f"the only one from {move.start!r} to {move.goal!r}; there is {other.name!r} already"
            raise ConfigError("Step", move.name, allowed)
        self._out[move.start][move.goal] = move
        self._into.setdefault(move.goal, {})[move.start] = move

    def with_step(self, step: Step) -> MigrationGraph:
        """Return a graph that has this step too.

        Raises:
            ConfigError: it leads nowhere, or where another one leads already.
        """
        return MigrationGraph((*self._steps, step))

    @property
    def versions(self) -> frozenset[str]:
        """Every version at which a step starts or ends."""
        return frozenset(name for step in self._steps for name in (step.start, step.goal))

    def path(self, start: str, goal: str) -> tuple[Move, ...]:
        """Return the moves of the shortest path; of several, the one whose steps were registered first.

        Raises:
            MigrationPathError: there is none; names the versions nearest to one.
        """
        if start == goal:
            return ()
        reached = _walk(self._out, start)
        if goal not in reached:
            raise self._no_path(start, goal, reached)
        moves: list[Move] = []
        at = goal
        while at != start:
            moves.append(move := reached[at])
            at = move.start
        return tuple(moves[::-1])

    def _no_path(self, start: str, goal: str, reached: Mapping[str, Move]) -> MigrationPathError:
        known = self.versions
        leading = _walk(self._into, goal)
        return MigrationPathError(
            start,
            goal,
            nearest(goal, reached) if start in known else nearest(start, known),
            nearest(start, leading) if goal in known else nearest(goal, known),
            tuple(name for name in (start, goal) if name not in known),
        )

    def migrate(self, state: Any, start: str, goal: str) -> Migrated:  # noqa: ANN401 -- a state of any type
        """Return the state after every step from `start` to `goal`; `state` itself stays as it is.

        Nothing is saved. The steps run in the calling thread.

        Raises:
            MigrationPathError: no steps lead there.
            MigrationFailedError: a step raised, or returned None for a state that was something.
        """
        moves = self.path(start, goal)
        result = copy.deepcopy(state) if moves else state
        for move in moves:
            result = _applied(move, result)
        described = [move.described() for move in moves]
        return Migrated(result, {"migrated_from": start, "migrated_to": goal, "steps": described})


def _walk(edges: Mapping[str, Mapping[str, Move]], start: str) -> dict[str, Move]:
    """Return for every version that can be reached the move that reaches it first."""
    reached: dict[str, Move] = {}
    waiting = deque([start])
    while waiting:
        for name, move in edges.get(waiting.popleft(), {}).items():
            if name != start and name not in reached:
                reached[name] = move
                waiting.append(name)
    return reached


def _applied(move: Move, state: Any) -> Any:  # noqa: ANN401 -- a state of any type
    try:
        result = move.change(state)
    except Exception as error:  # the step is the caller's code, which may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise MigrationFailedError(move.name, move.start, move.goal, reason) from error
    if result is None and state is not None:
        reason = "it returned None; return the new state, also where the old one was changed"
        raise MigrationFailedError(move.name, move.start, move.goal, reason)
    return result
