"""What a statistic is when each value in turn is left out, and the acceleration that follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dspex_actors.compute._resampled import Resampled

_BATCH_VALUES = 2**20


def acceleration(values: NDArray[np.float64], measure: Resampled) -> float:
    """Return the acceleration of a BCa interval: a sixth of the skewness of the leave-one-out values.

    Args:
        values: the sample, shape `(n,)`.
        measure: the statistic. For those of a user it takes n evaluations of n - 1 values.

    Returns:
        0 where all leave-one-out values are equal, and for fewer than three values.

    Source:
        Efron & Tibshirani (1993), An Introduction to the Bootstrap, equation 14.15.
    """
    if len(values) < 3:
        return 0.0
    left = _closed_form(values, measure.name) if measure.builtin else _one_out(values, measure)
    apart = left.mean() - left
    size = float(np.abs(apart).max())
    if size == 0:
        return 0.0
    apart = apart / size
    return float((apart**3).sum() / (6 * (apart**2).sum() ** 1.5))


def _closed_form(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return the leave-one-out values of one of our statistics, in linear time."""
    n = len(values)
    if name == "median":
        ordered = np.sort(values)
        # Whether the value left out is below, at, or above the middle decides which one is the new middle.
        rank = np.arange(n)
        lower, upper = (n - 2) // 2, (n - 1) // 2
        low, high = ordered[lower + (rank <= lower)], ordered[upper + (rank <= upper)]
        return np.asarray((low + high) / 2)
    apart = values - values.mean()
    if name == "mean":
        return np.asarray(-apart / (n - 1))  # less the mean, which does not matter
    # The sum of squares about the new mean, by the rule for taking a value out.
    squares = np.maximum((apart**2).sum() - apart**2 * n / (n - 1), 0.0)
    variance = squares / (n - 2)
    return np.asarray(np.sqrt(variance) if name == "std" else variance)


def _one_out(values: NDArray[np.float64], measure: Resampled) -> NDArray[np.float64]:
    """Return the leave-one-out values of any statistic, a bounded number of them at a time."""
    n = len(values)
    rows = max(1, _BATCH_VALUES // n)
    found = []
    for start in range(0, n, rows):
        out = np.arange(start, min(n, start + rows))[:, None]
        kept = np.arange(n - 1)[None, :]
        found.append(measure.of(values[kept + (kept >= out)]))
    return np.concatenate(found)
