"""Which checkpoints a session has, and what becomes of its state after a call: no process in here.

A state is known by the number of calls that made it. A checkpoint is a frozen copy of a state; waking it uses
it up, so a session that was rolled back freezes a new copy of the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from dspex_actors._config import OnError


class Checkpoint(NamedTuple):
    """A frozen copy.

    Attributes:
        number: its own, never used again in this session.
        calls: which state it is of.
    """

    number: int
    calls: int


class Ending(Enum):
    """How a call ended, as far as the state is concerned."""

    DONE = "completed"
    ERROR = "an error that left the worker as it was"
    MEMORY = "memory ran out, the worker lives"
    GONE = "the worker is dead"


class Fate(Enum):
    """What becomes of the state after a call."""

    KEEP = "kept"
    RESTORE = "rolled_back"
    LOSE = "lost"


@dataclass
class History:
    """The states of one session.

    Attributes:
        earlier: checkpoints of earlier states that are kept beside the newest.
        on_error: what an error does to the state.
        calls: number of the present state.
        checkpoints: oldest first.
    """

    earlier: int
    on_error: OnError
    calls: int = 0
    checkpoints: list[Checkpoint] = field(default_factory=list)
    _numbers: int = 0

    @property
    def is_current(self) -> bool:
        """Whether there is a checkpoint of the present state."""
        return bool(self.checkpoints) and self.checkpoints[-1].calls == self.calls

    @property
    def undone(self) -> int:
        """How many finished calls are undone if the newest checkpoint is restored, or all is lost."""
        return self.calls - (self.checkpoints[-1].calls if self.checkpoints else 0)

    @property
    def earlier_states(self) -> int:
        """How many states other than the present one have a checkpoint."""
        return sum(each.calls != self.calls for each in self.checkpoints)

    def fate(self, ending: Ending) -> Fate:
        """Decide about the state after a call; nothing is changed."""
        if ending is Ending.GONE:
            return Fate.RESTORE if self.checkpoints else Fate.LOSE
        # Calls that were answered are not undone for the sake of one that failed.
        return Fate.RESTORE if self.is_unwanted(ending) and self.is_current else Fate.KEEP

    def is_unwanted(self, ending: Ending) -> bool:
        """Whether the state that a call has left should be undone if it can be."""
        return ending is Ending.MEMORY or (ending is Ending.ERROR and self.on_error is OnError.ROLLBACK)

    def finished(self) -> None:
        """Note that a call has changed the state."""
        self.calls += 1

    def freezing(self) -> tuple[int, list[int]]:
        """Return the number of a new checkpoint, and those of the ones that it makes superfluous."""
        self._numbers += 1
        of_earlier = [each for each in self.checkpoints if each.calls != self.calls]
        kept = of_earlier[-self.earlier :] if self.earlier else []
        return self._numbers, [each.number for each in self.checkpoints if each not in kept]

    def frozen(self, number: int, dropped: list[int]) -> None:
        """Note that a checkpoint of the present state exists, and that some others do not any more."""
        self.checkpoints = [each for each in self.checkpoints if each.number not in dropped]
        self.checkpoints.append(Checkpoint(number, self.calls))

    def restorable(self, steps: int = 0) -> Checkpoint | None:
        """Return a checkpoint to go back to, None if there is none so old.

        Args:
            steps: how many states back; 0 for the newest checkpoint, whichever state it is of.
        """
        if not steps:
            return self.checkpoints[-1] if self.checkpoints else None
        older = [each for each in self.checkpoints if each.calls != self.calls]
        return older[-steps] if steps <= len(older) else None

    def restoring(self, checkpoint: Checkpoint) -> list[int]:
        """Return the numbers of the checkpoints that are newer; they end with the present state."""
        return [each.number for each in self.checkpoints if each.number > checkpoint.number]

    def restored(self, checkpoint: Checkpoint) -> None:
        """Note that a checkpoint has become the present state: it and all newer ones are used up."""
        self.checkpoints = [each for each in self.checkpoints if each.number < checkpoint.number]
        self.calls = checkpoint.calls

    def vanished(self, number: int) -> None:
        """Note that a checkpoint has turned out not to exist."""
        self.checkpoints = [each for each in self.checkpoints if each.number != number]

    def lost(self) -> None:
        """Note that the session starts from nothing."""
        self.calls = 0
        self.checkpoints.clear()
