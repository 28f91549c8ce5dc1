"""The exact distribution of the distance between two samples' distribution functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dspex_actors.compute._hypotheses import Alternative

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-7  # of a distance in units of 1 / (n * m), which is a whole number


def distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> dict[Alternative, float]:
    """Return how far the first distribution function rises above the second, falls below it, and the larger.

    Args:
        first: shape `(n,)`.
        second: shape `(m,)`.
    """
    both = np.concatenate([first, second])
    above = np.searchsorted(np.sort(first), both, side="right") / len(first)
    above = above - np.searchsorted(np.sort(second), both, side="right") / len(second)
    greater, less = max(0.0, float(above.max())), max(0.0, float(-above.min()))
    return {
        Alternative.GREATER: greater,
        Alternative.LESS: less,
        Alternative.TWO_SIDED: max(greater, less),
    }


def exact_p_value(distance: float, n: int, m: int, alternative: Alternative) -> float:
    """Return the chance of a distance that is not smaller, if both samples are from one distribution.

    All orders of the n + m values are equally likely: each is a path on a lattice, and the paths that keep a
    smaller distance are counted, by their share among those that lead to each point. All terms are positive,
    so nothing cancels. Time and memory: n + m steps of n + 1 numbers.

    Args:
        distance: of the samples, 0 to 1.
        n: values in the first.
        m: values in the second.
        alternative: which distance it is.

    Source:
        Hodges (1958), The Significance Probability of the Smirnov Two-Sample Test, Arkiv för Matematik 3,
        469-486, section 2.
    """
    reached = np.floor(distance * n * m + 0.5 - _ROUNDING) - 0.5 + _ROUNDING
    if reached <= 0:
        return 1.0
    i = np.arange(n + 1)
    share = np.zeros(n + 1)  # of the paths to the point (i, s - i) that have kept a smaller distance
    share[0] = 1.0
    for s in range(1, n + m + 1):
        j = s - i
        before = np.concatenate([[0.0], share[:-1]])
        share = (before * i + share * np.maximum(j, 0)) / s
        apart = i * m - j * n
        if alternative is Alternative.TWO_SIDED:
            apart = np.abs(apart)
        elif alternative is Alternative.LESS:
            apart = -apart
        share[(j < 0) | (j > m) | (apart >= reached)] = 0.0
    return float(min(1.0, max(0.0, 1.0 - share[n])))
