"""Tests that need no family of distributions: Mann and Whitney's of ranks, Kolmogorov and Smirnov's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._hypotheses import Alternative, HypothesisTest, alpha_of
from dspex_actors.compute._inputs import choice, sample
from dspex_actors.compute._optional import stats
from dspex_actors.compute._smirnov import distances, exact_p_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from dspex_actors.compute._config import ComputeConfig

_MOST_COUNTED = 1000  # values in a sample for which all orders of both are counted
_MOST_EXACT = 8  # values in the smaller sample for which scipy counts all arrangements


def mann_whitney_test(
    first: ArrayLike,
    second: ArrayLike,
    *,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether values of one sample tend to be larger than those of another.

    Args:
        first: shape `(n,)`, finite.
        second: shape `(m,)`, finite. If all values are equal there is no statistic.
        alternative: of the first sample's values.
        config: its `statistics` settings.

    Returns:
        U of the first sample: pairs in which its value is the larger one, ties as halves. Exact for small
        samples without ties, else by the normal approximation with corrections for ties and continuity. The
        effect is the rank-biserial correlation, -1 to 1: `2 * U / (n * m) - 1`.

    Raises:
        ComputeInputError: the data are no samples.
        ConfigError: there is no such alternative.
        MissingPackageError: scipy is not installed.

    Source:
        Mann & Whitney (1947), Annals of Mathematical Statistics 18, 50-60. Effect: Kerby (2014), Innovative
        Teaching 3, doi:10.2466/11.IT.3.1.
    """
    a, b = sample("first", first), sample("second", second)
    direction = choice(Alternative, "alternative", alternative)
    counts, alpha = (len(a), len(b)), alpha_of(config)
    both = np.concatenate([a, b])
    if both.min() == both.max():
        return _nothing("mann_whitney", "rank_biserial", direction, alpha, counts)
    exact = min(counts) <= _MOST_EXACT and len(np.unique(both)) == len(both)
    found = stats("Mann and Whitney's test").mannwhitneyu(
        a, b, alternative=direction.value, method="exact" if exact else "asymptotic"
    )
    statistic, p_value = float(found.statistic), float(found.pvalue)
    return HypothesisTest(
        name="mann_whitney",
        statistic=statistic,
        p_value=p_value,
        degrees_of_freedom=None,
        alternative=direction,
        alpha=alpha,
        rejected=p_value <= alpha,
        effect="rank_biserial",
        effect_size=2 * statistic / (counts[0] * counts[1]) - 1,
        interval=None,
        counts=counts,
        note="" if exact or min(counts) > _MOST_EXACT else "ties in a small sample: normal approximation",
    )


def kolmogorov_smirnov_test(
    data: ArrayLike,
    other: ArrayLike | Callable[[Any], ArrayLike],
    *,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether a sample comes from a known distribution, or from the same one as another sample.

    Args:
        data: shape `(n,)`, finite.
        other: the second sample, shape `(m,)`; or a distribution function, which takes the sorted values and
            returns probabilities of the same shape. It has to be known before: for one whose parameters were
            estimated from this sample see `fit_families`.
        alternative: of the distribution function of the first sample.
        config: its `statistics` settings.

    Returns:
        D, the largest distance of the distribution functions, which is also the effect. For two samples of up
        to 1,000 values the p-value is exact, else it is that of the limit.

    Raises:
        ComputeInputError: the data are no samples, or the function returned no probabilities.
        ConfigError: there is no such alternative.
        MissingPackageError: scipy is not installed.

    Source:
        Kolmogorov (1933), Giornale dell'Istituto Italiano degli Attuari 4, 83-91; Smirnov (1948), Annals of
        Mathematical Statistics 19, 279-281.
    """
    values = sample("data", data)
    direction, alpha = choice(Alternative, "alternative", alternative), alpha_of(config)
    if callable(other):
        counts: tuple[int, ...] = (len(values),)
        found = stats("Kolmogorov and Smirnov's test").ks_1samp(
            values, _checked(other), alternative=direction.value
        )
        distance, p_value, note = float(found.statistic), float(found.pvalue), ""
    else:
        second = sample("other", other)
        counts = (len(values), len(second))
        distance = distances(values, second)[direction]
        p_value = _smirnov(distance, values, second, direction)
        ties = len(np.unique(np.concatenate([values, second]))) < sum(counts)
        note = "ties: the p-value is an upper bound" if ties else ""
    return HypothesisTest(
        name="kolmogorov_smirnov",
        statistic=distance,
        p_value=p_value,
        degrees_of_freedom=None,
        alternative=direction,
        alpha=alpha,
        rejected=p_value <= alpha,
        effect="distance",
        effect_size=distance,
        interval=None,
        counts=counts,
        note=note,
    )


def _smirnov(
    distance: float, first: NDArray[np.float64], second: NDArray[np.float64], direction: Alternative
) -> float:
    """Return the p-value of a distance: exact for samples of up to a thousand values, else the limit's."""
    if max(len(first), len(second)) <= _MOST_COUNTED:
        return exact_p_value(distance, len(first), len(second), direction)
    found = stats("Kolmogorov and Smirnov's test").ks_2samp(
        first, second, alternative=direction.value, method="asymp"
    )
    return float(found.pvalue)


def _checked(function: Callable[[Any], ArrayLike]) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a distribution function whose values are looked at."""

    def cdf(values: NDArray[np.float64]) -> NDArray[np.float64]:
        reached = np.asarray(function(values))
        allowed = f"a function to probabilities of shape {values.shape}"
        if reached.dtype.kind not in "biuf" or reached.shape != values.shape:
            raise ComputeInputError("other", f"a function to dtype {reached.dtype}", allowed, reached.shape)
        if not ((reached >= 0) & (reached <= 1)).all():
            raise ComputeInputError("other", "a function to numbers beyond 0 and 1", allowed, reached.shape)
        return reached.astype(np.float64, copy=False)

    return cdf


def _nothing(
    name: str, effect: str, alternative: Alternative, alpha: float, counts: tuple[int, ...]
) -> HypothesisTest:
    return HypothesisTest(
        name=name,
        statistic=None,
        p_value=None,
        degrees_of_freedom=None,
        alternative=alternative,
        alpha=alpha,
        rejected=False,
        effect=effect,
        effect_size=None,
        interval=None,
        counts=counts,
        note="all values are equal",
    )
