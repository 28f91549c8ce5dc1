"""Which old versions may go: a policy, and what it says about the versions of one id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.state._backend import Row

_US: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What `prune` keeps: a version goes only if neither rule keeps it.

    The newest version of an id is always kept, and so is what a snapshot names.

    Attributes:
        versions: that many of the newest ones of each id are kept; None keeps none for their number.
        seconds: each state that was the newest one at some time within these last seconds is kept, so that
            `recover` can go back to any moment of them; None keeps none for their time.

    Raises:
        ConfigError: both are None, or one is out of range.
    """

    versions: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.versions is None and self.seconds is None:
            raise ConfigError("Retention", "neither versions nor seconds", "at least one of them")
        if self.versions is not None and (type(self.versions) is not int or self.versions < 1):
            raise ConfigError("Retention.versions", self.versions, "a whole number >= 1, or None")
        if self.seconds is not None and (
            isinstance(self.seconds, bool)
            or not isinstance(self.seconds, int | float)
            or not 0 <= self.seconds < 2**33
        ):
            raise ConfigError("Retention.seconds", self.seconds, "a number of seconds >= 0, or None")


def superfluous(rows: Sequence[Row], policy: Retention, *, now_us: int, newer: int = 0) -> list[int]:
    """Return the revisions that the policy does not keep.

    Args:
        rows: versions of one id, the newest first, without a gap in this list.
        policy: what to keep.
        now_us: the time, in microseconds since 1970.
        newer: how many versions of the id there are that are newer than these.
    """
    horizon_us = None if policy.seconds is None else now_us - int(policy.seconds * _US)
    gone = []
    for place, row in enumerate(rows):
        if newer + place == 0 or (policy.versions is not None and newer + place < policy.versions):
            continue
        # It was the newest one until the version after it was saved.
        until_us = rows[place - 1].saved_us if place else None
        if horizon_us is not None and (until_us is None or until_us > horizon_us):
            continue
        gone.append(row.revision)
    return gone
