"""How many of many children are told to stop at a time: numbers in, a number out.

Every thread that waits for the interpreter's lock looks at it 200 times a second. When thousands want to end
at once that can leave the machine no time to let any of them end. So a few are told, and one more whenever
one has ended. Children that take long, or wait for one that has not been told, hold up the others for a pause
at most: when none has ended in one, so many more are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Children. Idle ones need least with 16 to 64 at a time; beside threads that compute, each wave waits for the
# lock, so that 16 take three times as long as 64.
WAVE: Final = 64
PAUSE_S: Final = 0.5  # seconds; arbitrary, a wave of idle children takes 10 ms


@dataclass(frozen=True, slots=True)
class Waves:
    """How far a stop has come.

    Args:
        untold: children that have not been told.
        stopping: those that had been told and had not ended when this was decided.
        room: how many may be stopping at a time.
        moved: whether one has ended since the last pause.
    """

    untold: int
    stopping: int = 0
    room: int = WAVE
    moved: bool = False


def next_wave(waves: Waves, stopping: int, *, paused: bool = False) -> tuple[int, Waves]:
    """Decide how many more children to tell.

    Args:
        waves: how far the stop had come.
        stopping: children that have been told and have not ended, now.
        paused: whether a pause is over, counted from the start or from the last one.

    Returns:
        How many to tell now, and how far the stop has come with them.
    """
    moved = waves.moved or stopping < waves.stopping
    room = waves.room + WAVE if paused and not moved else waves.room
    count = min(waves.untold, max(0, room - stopping))
    return count, Waves(waves.untold - count, stopping + count, room, moved and not paused)
