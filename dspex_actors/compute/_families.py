"""Families of distributions fitted to a sample, each with a test of the fit that knows it was fitted.

The distance of Kolmogorov and Smirnov to a distribution whose parameters were estimated is smaller than to
one that was known before, so its usual p-value is too large. For families of location and scale its
distribution does not depend on the parameters, and is found by drawing samples and fitting these, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from dspex_actors.compute._inputs import choice
from dspex_actors.compute._optional import special

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.float64]

_DRAWN = 999  # samples of the null distribution: p-values come in thousandths
_LARGEST_DRAWN = 1000  # values in each; the root of n times the distance hardly depends on n beyond
_TINY = 1e-300


class Family(Enum):
    """A family of distributions."""

    NORMAL = "normal"
    LOGNORMAL = "lognormal"  # the logarithm is normal; for positive samples
    EXPONENTIAL = "exponential"  # from 0 on; for samples without negative values
    UNIFORM = "uniform"
    LAPLACE = "laplace"


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyFit:
    """A family fitted to a sample by maximum likelihood.

    Attributes:
        family: which one.
        location: mean; of the logarithm for `lognormal`; lower end for `uniform`; median for `laplace`; 0
            for `exponential`.
        scale: standard deviation with the divisor n; of the logarithm for `lognormal`; width for `uniform`;
            mean absolute deviation from the median for `laplace`; mean for `exponential`.
        log_likelihood: of the sample, natural logarithm.
        aic: Akaike's criterion, smaller is better; the likelihood of different families can be compared.
        distance: largest distance between the sample's distribution function and the fitted one, 0 to 1.
        p_value: of the hypothesis that the sample is from the family, by 999 samples drawn from it.
        rejected: whether the p-value is not above the configured alpha.
    """

    family: Family
    location: float
    scale: float
    log_likelihood: float
    aic: float
    distance: float
    p_value: float
    rejected: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    """How a family is fitted, for many samples at once: rows of shape `(k, n)`, sorted.

    Attributes:
        fit: rows to locations and scales, each of shape `(k, 1)`.
        cdf: standardised values to probabilities.
        log_density: standardised values to logarithms of the standard density.
        draw: a generator and a shape to standard samples.
        parameters: how many are fitted.
    """

    fit: Callable[[Rows], tuple[Rows, Rows]]
    cdf: Callable[[Rows], Rows]
    log_density: Callable[[Rows], Rows]
    draw: Callable[[np.random.Generator, tuple[int, int]], Rows]
    parameters: int = 2


def _fit_normal(rows: Rows) -> tuple[Rows, Rows]:
    return rows.mean(axis=1, keepdims=True), rows.std(axis=1, keepdims=True)


def _fit_exponential(rows: Rows) -> tuple[Rows, Rows]:
    return np.zeros((len(rows), 1)), rows.mean(axis=1, keepdims=True)


def _fit_uniform(rows: Rows) -> tuple[Rows, Rows]:
    return rows[:, :1], rows[:, -1:] - rows[:, :1]


def _fit_laplace(rows: Rows) -> tuple[Rows, Rows]:
    middle = np.median(rows, axis=1, keepdims=True)
    return middle, np.abs(rows - middle).mean(axis=1, keepdims=True)


def _normal_cdf(z: Rows) -> Rows:
    result: Rows = special("a fit of the normal distribution").ndtr(z)
    return result


def _laplace_cdf(z: Rows) -> Rows:
    return np.where(z < 0, 0.5 * np.exp(-np.abs(z)), 1 - 0.5 * np.exp(-np.abs(z)))


_NORMAL = _Rules(
    fit=_fit_normal,
    cdf=_normal_cdf,
    log_density=lambda z: -0.5 * z * z - 0.5 * np.log(2 * np.pi),
    draw=lambda generator, shape: generator.standard_normal(shape),
)
_RULES = {
    Family.NORMAL: _NORMAL,
    Family.LOGNORMAL: _NORMAL,
    Family.EXPONENTIAL: _Rules(
        fit=_fit_exponential,
        cdf=lambda z: -np.expm1(-z),
        log_density=lambda z: -z,
        draw=lambda generator, shape: generator.standard_exponential(shape),
        parameters=1,
    ),
    Family.UNIFORM: _Rules(
        fit=_fit_uniform,
        cdf=lambda z: z,
        log_density=np.zeros_like,
        draw=lambda generator, shape: generator.random(shape),
    ),
    Family.LAPLACE: _Rules(
        fit=_fit_laplace,
        cdf=_laplace_cdf,
        log_density=lambda z: -np.abs(z) - np.log(2),
        draw=lambda generator, shape: generator.laplace(size=shape),
    ),
}


def fit_families(
    values: NDArray[np.float64],
    *,
    families: Iterable[Family | str] = tuple(Family),
    alpha: float = 0.05,
    seed: int = 0,
) -> tuple[FamilyFit, ...]:
    """Fit families to a sample; those that cannot have drawn it are left out.

    Args:
        values: shape `(n,)`, finite. A constant sample, or one with fewer than three values, fits none.
        families: which ones.
        alpha: a fit is rejected when its p-value is not larger.
        seed: of the samples that are drawn.

    Returns:
        The fits, the smallest `aic` first.

    Raises:
        ConfigError: there is no such family.
        MissingPackageError: scipy is not installed.

    Source:
        Lilliefors (1967), JASA 62, 399-402, for the normal distribution; the same by simulation for any
        family of location and scale: Stephens (1974), JASA 69, 730-737. Akaike (1974), IEEE Trans. Automatic
        Control 19(6), 716-723.
    """
    chosen = [choice(Family, "families", family) for family in families]
    ordered = np.sort(values)
    if len(ordered) < 3 or ordered[0] == ordered[-1]:
        return ()
    fits = [_fit(family, ordered, alpha, seed) for family in chosen if _possible(family, ordered)]
    return tuple(sorted(fits, key=lambda fit: fit.aic))


def _possible(family: Family, ordered: NDArray[np.float64]) -> bool:
    if family is Family.LOGNORMAL:
        return bool(ordered[0] > 0)
    return bool(ordered[0] >= 0) if family is Family.EXPONENTIAL else True


def _fit(family: Family, ordered: NDArray[np.float64], alpha: float, seed: int) -> FamilyFit:
    rules = _RULES[family]
    rows = (np.log(ordered) if family is Family.LOGNORMAL else ordered)[None, :]
    location, scale = rules.fit(rows)
    scale = np.maximum(scale, _TINY)
    likelihood = float((rules.log_density((rows - location) / scale) - np.log(scale)).sum())
    if family is Family.LOGNORMAL:
        likelihood -= float(rows.sum())  # the density of x, not of its logarithm
    distance = float(_distances(rules, rows)[0])
    n = rows.shape[1]
    small = min(n, _LARGEST_DRAWN)
    generator = np.random.default_rng(np.random.SeedSequence([seed, list(Family).index(family)]))
    drawn = np.sort(rules.draw(generator, (_DRAWN, small)), axis=1)
    larger = np.count_nonzero(_distances(rules, drawn) * small**0.5 >= distance * n**0.5)
    p_value = (1 + int(larger)) / (1 + _DRAWN)
    return FamilyFit(
        family=family,
        location=float(location[0, 0]),
        scale=float(scale[0, 0]),
        log_likelihood=likelihood,
        aic=2 * rules.parameters - 2 * likelihood,
        distance=distance,
        p_value=p_value,
        rejected=p_value <= alpha,
    )


def _distances(rules: _Rules, rows: Rows) -> NDArray[np.float64]:
    """Return the largest distance to the fitted distribution function, for each row of sorted values."""
    location, scale = rules.fit(rows)
    reached = rules.cdf((rows - location) / np.maximum(scale, _TINY))
    n = rows.shape[1]
    after, before = np.arange(1, n + 1) / n, np.arange(n) / n
    result: NDArray[np.float64] = np.maximum((after - reached).max(axis=1), (reached - before).max(axis=1))
    return result
