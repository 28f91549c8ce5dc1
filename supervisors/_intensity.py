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
    """The restarts a supervisor remembers, newest first, in whole seconds of a monotonic clock."""

    intensity: int
    period: int
    restarts: tuple[int, ...] = ()

    def add(self, now: float) -> RestartWindow:
        """Return the window after one more incident; however many siblings it restarts, it counts once.

        Args:
            now: seconds on a monotonic clock, not before the last `add`.
        """
        second = math.floor(now)
        recent = tuple(at for at in self.restarts if at >= second - self.period)
        return RestartWindow(self.intensity, self.period, (second, *recent))

    @property
    def exceeded(self) -> bool:
        """Whether the last incident was one too many."""
        return len(self.restarts) > self.intensity
