"""Mean, spread and shape of a sample, in two passes.

The mean is corrected by the mean of the deviations from it, and the sum of squares by the square of their
sum; so the digits that are left are those which the data have as doubles (NumAcc1 to 4: 15, 15, 9, 8).
Samples whose squares would overflow or vanish are divided by a power of two first, which rounds nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


_MOST_TO_ADD = 960  # 2**64 numbers of 2**960 can be added
_MOST_TO_SQUARE = 200  # the fourth power of 2**200, and of its inverse, is a normal double


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Moments of one sample.

    Attributes:
        count: values.
        mean: their mean.
        m2: mean of the squared deviations from it.
        scale: the power of two that `m2`'s deviations were divided by.
        skewness: third standardised moment, biased (g1); None for a constant sample.
        kurtosis: fourth standardised moment less 3, biased (g2); None for a constant sample.
    """

    count: int
    mean: float
    m2: float
    scale: float
    skewness: float | None
    kurtosis: float | None

    @property
    def degenerate(self) -> bool:
        """Whether all values are equal, so that there is nothing to standardise by."""
        return self.m2 == 0.0

    def variance(self, ddof: int) -> float | None:
        """Return the variance with the divisor `count - ddof`; None if that is not above 0."""
        if self.count <= ddof:
            return None
        return self.m2 * (self.count / (self.count - ddof)) * self.scale * self.scale

    def std(self, ddof: int) -> float | None:
        """Return the standard deviation with the divisor `count - ddof`; None if that is not above 0."""
        if self.count <= ddof:
            return None
        return math.sqrt(self.m2 * (self.count / (self.count - ddof))) * self.scale

    def unbiased_skewness(self) -> float | None:
        """Return the adjusted third moment (G1); None for fewer than three values or a constant sample."""
        n = self.count
        if self.skewness is None or n < 3:
            return None
        return self.skewness * math.sqrt(n * (n - 1)) / (n - 2)

    def unbiased_kurtosis(self) -> float | None:
        """Return the adjusted fourth moment less 3 (G2); None for fewer than four values, or equal ones."""
        n = self.count
        if self.kurtosis is None or n < 4:
            return None
        return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * self.kurtosis + 6)


def moments(values: NDArray[np.float64]) -> Moments:
    """Return the moments of a sample.

    Args:
        values: shape `(n,)`, n >= 1, without infinities. With a NaN in it everything is NaN.

    Source:
        Corrected two-pass variance: Chan, Golub & LeVeque (1983), The American Statistician 37(3), 242-247.
        g1, g2, G1, G2: Joanes & Gill (1998), The Statistician 47(1), 183-189.
    """
    count = len(values)
    low, high = float(values.min()), float(values.max())
    if low == high:
        return Moments(count=count, mean=low, m2=0.0, scale=1.0, skewness=None, kurtosis=None)
    if math.isnan(low):
        return Moments(count=count, mean=low, m2=low, scale=1.0, skewness=low, kurtosis=low)
    size = _power_of_two(max(abs(low), abs(high)), most=_MOST_TO_ADD)
    scaled = values if size == 1.0 else values / size
    mean = float(scaled.mean())
    apart = scaled - mean
    spread = _power_of_two(float(np.abs(apart).max()), most=_MOST_TO_SQUARE)
    if spread != 1.0:
        apart /= spread
    correction = float(apart.mean())
    apart -= correction
    squares = apart * apart
    m2 = float(squares.mean())
    third = float((squares * apart).mean())
    fourth = float((squares * squares).mean())
    return Moments(
        count=count,
        mean=(mean + correction * spread) * size,
        m2=m2,
        scale=spread * size,
        skewness=third / m2**1.5,
        kurtosis=fourth / (m2 * m2) - 3.0,
    )


def quantiles(values: NDArray[np.float64], places: Sequence[float]) -> dict[float, float]:
    """Return quantiles, linear between values.

    Args:
        values: shape `(n,)`, n >= 1.
        places: probabilities from 0 to 1.

    Source:
        Hyndman & Fan (1996), The American Statistician 50, 361-365: type 7.
    """
    if not places:
        return {}
    size = _power_of_two(float(np.abs(values).max()), most=_MOST_TO_ADD)  # the difference of two may overflow
    found = np.quantile(values if size == 1.0 else values / size, places)
    return {place: float(value) * size for place, value in zip(places, found, strict=True)}


def _power_of_two(largest: float, *, most: int) -> float:
    """Return what to divide by so that numbers up to `largest` are near 1; 1 if its exponent is moderate."""
    exponent = math.frexp(largest)[1]
    return math.ldexp(1.0, min(exponent, 1023)) if abs(exponent) > most else 1.0


def centred(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the deviations of each column from its mean, shape `(n, p)`."""
    apart = values - values.mean(axis=0)
    result: NDArray[np.float64] = apart - apart.mean(axis=0)
    return result
