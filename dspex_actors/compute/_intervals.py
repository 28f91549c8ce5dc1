"""Confidence intervals of one sample's mean, median and standard deviation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dspex_actors.compute._optional import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dspex_actors.compute._moments import Moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval.

    Attributes:
        low, high: its ends; infinite where a one-sided question leaves one open.
        confidence: share of samples whose interval covers the true value, as a fraction.
        method: how it was found.
    """

    low: float
    high: float
    confidence: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Confidence intervals of a sample's parameters; None where the sample is too small or constant.

    Attributes:
        mean: Student's t. Exact for normal samples, and good for large ones of any kind.
        median: two values of the sample (binomial). For samples of any kind; it covers a little more than it
            says, and needs 6 values for 95 %.
        std: chi-squared. For normal samples only, however large they are.
    """

    mean: Interval | None
    median: Interval | None
    std: Interval | None


def intervals_of(values: NDArray[np.float64], found: Moments, confidence: float) -> Intervals:
    """Return the intervals of a sample.

    Args:
        values: shape `(n,)`.
        found: their moments.
        confidence: as a fraction.

    Raises:
        MissingPackageError: scipy is not installed.

    Source:
        Student (1908), Biometrika 6, 1-25. Median: David & Nagaraja (2003), Order Statistics, 3rd ed.,
        section 7.1. Standard deviation: any textbook, for example Casella & Berger (2002), section 9.2.
    """
    if found.degenerate or math.isnan(found.mean):
        return Intervals(mean=None, median=None, std=None)
    return Intervals(
        mean=mean_interval(found, confidence),
        median=_median_interval(values, confidence),
        std=_std_interval(found, confidence),
    )


def mean_interval(found: Moments, confidence: float) -> Interval:
    """Return Student's interval of a mean; the sample has at least two different values."""
    n = found.count
    quantile = float(special("a confidence interval").stdtrit(n - 1, 0.5 + confidence / 2))
    half = quantile * (found.std(1) or 0.0) / math.sqrt(n)
    return Interval(low=found.mean - half, high=found.mean + half, confidence=confidence, method="student_t")


def _median_interval(values: NDArray[np.float64], confidence: float) -> Interval | None:
    """Return the narrowest pair of values, the same number from both ends, that covers the median."""
    n = len(values)
    beyond = (1 - confidence) / 2
    binomial = special("a confidence interval")
    # The r-th smallest value is above the median with the probability of fewer than r values below it.
    rank = int(binomial.bdtrik(beyond, n, 0.5)) if binomial.bdtr(0, n, 0.5) <= beyond else -1
    while rank >= 0 and float(binomial.bdtr(rank, n, 0.5)) > beyond:
        rank -= 1
    if rank < 0:
        return None
    ends = np.partition(values, (rank, n - 1 - rank))
    return Interval(
        low=float(ends[rank]),
        high=float(ends[n - 1 - rank]),
        confidence=confidence,
        method="order_statistics",
    )


def _std_interval(found: Moments, confidence: float) -> Interval:
    n, std = found.count, found.std(1) or 0.0
    quantiles = special("a confidence interval")
    upper, lower = (
        float(quantiles.chdtri(n - 1, tail)) for tail in ((1 - confidence) / 2, (1 + confidence) / 2)
    )
    return Interval(
        low=std * math.sqrt((n - 1) / upper),
        high=std * math.sqrt((n - 1) / lower),
        confidence=confidence,
        method="chi_squared",
    )
