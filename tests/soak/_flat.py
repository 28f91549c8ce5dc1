"""Whether a quantity stays what it is: the rule by which the soak decides about leaks.

The rule: of the samples that were taken while nothing ran, the first quarter is the warm-up. Through the rest
a line is laid whose slope is the median of the slopes between all pairs of samples (Theil and Sen), which
single outliers do not move. What it rises by from the first to the last of them must not exceed a bound.
"""

from __future__ import annotations

from itertools import combinations
from statistics import median
from typing import NamedTuple

WARM_UP = 0.25
LEAST_SAMPLES = 8  # after the warm-up; with fewer, chance decides
LEAST_IN_ALL = 10


class Line(NamedTuple):
    """`at` a time, and what it rises by a second."""

    offset: float
    slope: float

    def at(self, time_s):
        return self.offset + self.slope * time_s


def after_warm_up(samples):
    """Return the samples that count."""
    return samples[int(len(samples) * WARM_UP) :]


def fitted(times, values):
    """Lay a line through points.

    Source:
        Sen (1968), doi:10.1080/01621459.1968.10480934.
    """
    slopes = [
        (later - earlier) / (end - begin)
        for (begin, earlier), (end, later) in combinations(zip(times, values, strict=True), 2)
        if end > begin
    ]
    slope = median(slopes)
    offset = median(value - slope * time for time, value in zip(times, values, strict=True))
    return Line(offset, slope)


def growth(times, values):
    """Return what the fitted line rises by over the points."""
    return fitted(times, values).slope * (times[-1] - times[0])


def rises(samples, bounds):
    """Name the columns that are not flat.

    Args:
        samples: dicts of numbers by column, with `time_s`, of moments at which nothing ran.
        bounds: what each column may rise by.

    Raises:
        ValueError: there are too few samples.
    """
    counted = after_warm_up(samples)
    if len(counted) < LEAST_SAMPLES:
        raise ValueError(f"{len(counted)} samples after the warm-up, at least {LEAST_SAMPLES} are needed")
    times = [sample["time_s"] for sample in counted]
    found = []
    for column, most in bounds.items():
        rise = growth(times, [sample[column] for sample in counted])
        if rise > most:
            span = times[-1] - times[0]
            found.append(f"{column} rose by {rise:.2f} in {span:.0f} s, at most {most} allowed")
    return found
