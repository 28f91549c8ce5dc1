"""Fitted families: the one that drew a sample is found; a fit is not rejected for having been fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from dspex_actors import ConfigError
from dspex_actors.compute import Family, fit_families

DRAWN = {
    Family.NORMAL: lambda g, n: g.normal(10, 2, n),
    Family.LOGNORMAL: lambda g, n: g.lognormal(1, 1, n),
    Family.EXPONENTIAL: lambda g, n: g.exponential(3, n),
    Family.UNIFORM: lambda g, n: g.uniform(-1, 5, n),
    Family.LAPLACE: lambda g, n: g.laplace(2, 3, n),
}


@pytest.mark.parametrize("family", list(Family))
def test_the_family_that_drew_a_sample_is_the_best_one_and_fits(family):
    fits = fit_families(DRAWN[family](np.random.default_rng(11), 200))

    assert fits[0].family is family
    assert fits[0].rejected is False
    assert any(fit.rejected for fit in fits[1:])


@pytest.mark.parametrize(
    ("family", "fit", "frozen"),
    [
        (Family.NORMAL, stats.norm.fit, stats.norm),
        (Family.EXPONENTIAL, lambda x: stats.expon.fit(x, floc=0), stats.expon),
        (Family.UNIFORM, stats.uniform.fit, stats.uniform),
        (Family.LAPLACE, stats.laplace.fit, stats.laplace),
    ],
)
def test_parameters_and_likelihood_are_those_of_scipys_fit(family, fit, frozen):
    sample = np.random.default_rng(3).exponential(size=31)
    (found,) = fit_families(sample, families=[family])
    location, scale = fit(sample)

    assert (found.location, found.scale) == pytest.approx((location, scale))
    assert found.log_likelihood == pytest.approx(frozen(location, scale).logpdf(sample).sum())
    assert found.distance == pytest.approx(stats.kstest(sample, frozen(location, scale).cdf).statistic)


def test_the_likelihood_of_a_lognormal_is_that_of_the_values_and_not_of_their_logarithms():
    sample = np.random.default_rng(3).lognormal(size=31)
    (found,) = fit_families(sample, families=["lognormal"])
    theirs = stats.lognorm(s=found.scale, scale=np.exp(found.location))

    assert found.log_likelihood == pytest.approx(theirs.logpdf(sample).sum())


@pytest.mark.parametrize(
    ("sample", "families"),
    [
        ([-1.0, 2.0, 3.0], {Family.NORMAL, Family.UNIFORM, Family.LAPLACE}),
        ([0.0, 2.0, 3.0], set(Family) - {Family.LOGNORMAL}),
        ([1.0, 2.0, 3.0], set(Family)),
        ([1.0, 1.0, 1.0], set()),
        ([1.0, 2.0], set()),
    ],
)
def test_families_that_cannot_have_drawn_a_sample_are_left_out(sample, families):
    assert {fit.family for fit in fit_families(np.array(sample))} == families


def test_p_values_know_that_the_parameters_were_fitted():
    sample = np.random.default_rng(21).normal(size=50)
    (found,) = fit_families(sample, families=["normal"])

    # Lilliefors's table: 0.886 / sqrt(n) is the distance that 5 % of normal samples exceed.
    assert found.rejected is bool(found.distance > 0.886 / 50**0.5)
    assert found.p_value < stats.kstest(sample, stats.norm(sample.mean(), sample.std()).cdf).pvalue


def test_an_unknown_family_is_refused():
    with pytest.raises(ConfigError, match="families must be one of 'normal'"):
        fit_families(np.arange(5.0), families=["cauchy"])
