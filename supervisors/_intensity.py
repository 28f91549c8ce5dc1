"""How often a supervisor may restart before it gives up: OTP's window, as values.

Times are cut to whole seconds and the window includes both its ends, so it is between `period` and
`period + 1` seconds wide (https://www.erlang.org/doc/apps/stdlib/supervisor.html, maximum restart
intensity; `add_restart` in supervisor.erl).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RestartWindow:
    """The restarts a supervisor remembers: (second, how many in it), newest first, of a monotonic clock.

    At most `period + 1` pairs, so that a generous intensity costs no more than a small one.
    """

    intensity: int
    period: int
    seconds: tuple[tuple[int, int], ...] = ()

    def add(self, now: float) -> RestartWindow:
        """Return the window after one more incident; however many siblings it restarts, it counts once.

        Args:
            now: seconds on a monotonic clock, not before the last `add`.
        """
        second = math.floor(now)
        recent = [pair for pair in self.seconds if pair[0] >= second - self.period]
        so_far = recent.pop(0)[1] if recent and recent[0][0] == second else 0
        return RestartWindow(self.intensity, self.period, ((second, so_far + 1), *recent))

    @property
    def count(self) -> int:
        """How many restarts lie in the window."""
        return sum(many for _, many in self.seconds)

    @property
    def exceeded(self) -> bool:
        """Whether the last incident was one too many."""
        return self.count > self.intensity
