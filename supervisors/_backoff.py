"""How long a supervisor waits before it restarts a child: values in, seconds out.

    Supervisor.start([...], backoff=Backoff(minimum_s=0.5, maximum_s=60))

Nothing here reads a clock or draws a random number. Without a `Backoff` nothing waits, as in OTP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from supervisors._errors import ChildSpecError

_MOST_DOUBLINGS = 1000  # a float holds 2.0**1000, not 2.0**1100


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Restarts of one child in a row wait longer and longer: the minimum, twice that, and so on.

    Each child has a row of its own. It begins anew after the child has run for `reset_s`, and after
    `terminate_child`. Siblings that are restarted with a child wait with it, and do not lengthen their own.

    Args:
        minimum_s: seconds before the first restart, > 0.
        maximum_s: seconds the doubling stops at, >= `minimum_s`.
        jitter: the share of the wait that is added at random at most, 0 to 1, so that children which ended
            together are not started together. The longest wait is `maximum_s * (1 + jitter)`.

    Raises:
        ChildSpecError: a field is wrong.

    Source:
        `restartWithBackoff` of Apache Pekko: the doubling, the jitter on top, and when it is reset.
        https://pekko.apache.org/docs/pekko/current/typed/fault-tolerance.html
    """

    minimum_s: float = 0.2
    maximum_s: float = 30.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        least, most, share = (_number(value) for value in (self.minimum_s, self.maximum_s, self.jitter))
        checks = (
            ("minimum_s", least > 0, "> 0"),
            ("maximum_s", most >= least, ">= minimum_s"),
            ("jitter", 0 <= share <= 1, "from 0 to 1"),
        )
        for name, passed, allowed in checks:
            if not passed:
                raise ChildSpecError(
                    f"{name} is {getattr(self, name)!r}; it must be a finite number {allowed}"
                )

    @property
    def reset_s(self) -> float:
        """Seconds a child must run for its next restart to count as the first: half of minimum + maximum."""
        return (self.minimum_s + self.maximum_s) / 2


def _number(value: object) -> float:
    """Return a finite number as it is and NaN for anything else, since NaN passes no comparison."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return math.nan
    return value


@dataclass(frozen=True, slots=True)
class Streak:
    """The restarts of one child in a row.

    `running_since` is the second its last start was through, on the clock of `next_wait`; None when it
    failed.
    """

    restarts: int = 0
    running_since: float | None = None


NO_RESTARTS: Final = Streak()


def next_wait(backoff: Backoff, streak: Streak, *, now: float, random: float) -> tuple[float, Streak]:
    """Decide how long to wait before the next restart of a child that has ended, or did not start.

    Args:
        backoff: the limits.
        streak: its restarts so far.
        now: seconds on a monotonic clock.
        random: from 0 up to 1.

    Returns:
        The seconds to wait, and the streak with this restart in it.
    """
    since = streak.running_since
    so_far = 0 if since is not None and now - since >= backoff.reset_s else streak.restarts
    doubled = backoff.minimum_s * 2.0 ** min(so_far, _MOST_DOUBLINGS)
    wait = min(backoff.maximum_s, doubled) * (1 + backoff.jitter * random)
    return wait, Streak(so_far + 1)
