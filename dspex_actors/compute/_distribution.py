"""The shape of a sample: skewness, kurtosis, a class by the reference's rules, and a test of normality."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from dspex_actors.compute._families import FamilyFit  # noqa: TC001 -- the fields of the records are read at run time
from dspex_actors.compute._optional import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dspex_actors.compute._moments import Moments

_MOST_FOR_SHAPIRO = 5000  # scipy's p-values, by Royston's approximation, are good up to here
_LEAST_FOR_SHAPIRO = 3


class DistributionType(Enum):
    """The reference design's classes of a sample, by skewness and excess kurtosis alone."""

    NORMAL = "normal"
    RIGHT_SKEWED = "right_skewed"
    LEFT_SKEWED = "left_skewed"
    HEAVY_TAILED = "heavy_tailed"
    LIGHT_TAILED = "light_tailed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalityTest:
    """A test of the hypothesis that a sample comes from a normal distribution.

    Attributes:
        name: `"shapiro_wilk"` for 3 to 5000 values, `"dagostino_pearson"` for more.
        statistic: W, or K squared.
        p_value: of the hypothesis.
        rejected: whether the p-value is not above the configured alpha.
    """

    name: str
    statistic: float
    p_value: float
    rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionAnalysis:
    """The shape of a sample.

    Attributes:
        skewness: third standardised moment; None for a constant sample, or one too small to be unbiased.
        kurtosis: fourth standardised moment, less 3 if `fisher`; None as above.
        bias: whether both are the moments of the sample (g1, g2), or adjusted for its size (G1, G2).
        fisher: whether a normal distribution has kurtosis 0, or 3.
        distribution_type: by the reference's rules, from the biased moments whatever is reported.
        normality: None for a constant sample, one with fewer than three values, or one with NaN.
        families: fits of the families that were asked for, the best first by Akaike's criterion.
        degenerate: whether all values are equal.
    """

    skewness: float | None
    kurtosis: float | None
    bias: bool
    fisher: bool
    distribution_type: DistributionType
    normality: NormalityTest | None
    families: tuple[FamilyFit, ...]
    degenerate: bool


def classify(  # noqa: PLR0911 -- a table of rules
    skewness: float | None, kurtosis: float | None
) -> DistributionType:
    """Return the class of a sample by the reference design's rules; the first that holds.

    Args:
        skewness: biased (g1); None for a constant sample.
        kurtosis: biased, less 3 (g2); None for a constant sample.
    """
    if skewness is None or kurtosis is None:
        return DistributionType.UNKNOWN
    if abs(skewness) < 0.5 and abs(kurtosis) < 0.5:
        return DistributionType.NORMAL
    if skewness > 1.0:
        return DistributionType.RIGHT_SKEWED
    if skewness < -1.0:
        return DistributionType.LEFT_SKEWED
    if kurtosis > 3.0:
        return DistributionType.HEAVY_TAILED
    if kurtosis < -1.0:
        return DistributionType.LIGHT_TAILED
    return DistributionType.UNKNOWN


def normality_of(values: NDArray[np.float64], found: Moments, alpha: float) -> NormalityTest | None:
    """Test a sample for normality, by the test that is good for its size; None if none is.

    Raises:
        MissingPackageError: scipy is not installed.

    Source:
        Shapiro & Wilk (1965), Biometrika 52, 591-611, with Royston (1995), Applied Statistics 44, 547-551.
        D'Agostino & Pearson (1973), Biometrika 60, 613-622.
    """
    if found.count < _LEAST_FOR_SHAPIRO or found.degenerate or np.isnan(found.mean):
        return None
    scipy_stats = stats("a test of normality")
    # The deviations in units of their spread: the tests do not depend on it, their arithmetic does.
    standardised = (values / found.scale - found.mean / found.scale) / found.m2**0.5
    if found.count <= _MOST_FOR_SHAPIRO:
        name, (statistic, p_value) = "shapiro_wilk", scipy_stats.shapiro(standardised)
    else:
        name, (statistic, p_value) = "dagostino_pearson", scipy_stats.normaltest(standardised)
    return NormalityTest(
        name=name, statistic=float(statistic), p_value=float(p_value), rejected=bool(p_value <= alpha)
    )
