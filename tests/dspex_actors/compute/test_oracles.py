"""Samples of all kinds: our figures beside those of scipy and statsmodels."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from dspex_actors.compute import (
    chi_squared_independence_test,
    chi_squared_test,
    correlate,
    holm_correction,
    kolmogorov_smirnov_test,
    mann_whitney_test,
    one_sample_t_test,
    statistical_analysis,
    student_t_test,
    welch_t_test,
)

ALTERNATIVES = {"two-sided": "two-sided", "less": "smaller", "greater": "larger"}
few = settings(max_examples=20, deadline=None)

numbers = st.floats(-1000, 1000).map(lambda x: round(x, 2))


def samples(least):
    """Return samples with a spread that is more than rounding."""
    return st.lists(numbers, min_size=least, max_size=30).filter(lambda xs: np.ptp(xs) > 0.1).map(np.array)


def close(ours, theirs):
    return ours == pytest.approx(float(theirs), rel=1e-8, abs=1e-10)


@few
@given(samples(4))
def test_moments_of_any_sample_agree_with_scipys(xs):
    found = statistical_analysis(xs, ddof=1)
    unbiased = statistical_analysis(xs, bias=False).distribution

    assert close(found.mean, xs.mean())
    assert close(found.variance, stats.tvar(xs))
    assert close(found.distribution.skewness, stats.skew(xs))
    assert close(found.distribution.kurtosis, stats.kurtosis(xs))
    assert close(unbiased.skewness, stats.skew(xs, bias=False))
    assert close(unbiased.kurtosis, stats.kurtosis(xs, bias=False))
    assert close(found.distribution.normality.p_value, stats.shapiro(xs).pvalue)


@few
@given(samples(3), st.sampled_from(sorted(ALTERNATIVES)))
def test_one_samples_t_and_its_interval_agree_with_both_oracles(xs, alternative):
    found = one_sample_t_test(xs, 1.5, alternative=alternative)
    theirs = stats.ttest_1samp(xs, 1.5, alternative=alternative)
    described = DescrStatsW(xs)
    statistic, p_value, freedom = described.ttest_mean(1.5, alternative=ALTERNATIVES[alternative])

    assert close(found.statistic, theirs.statistic)
    assert close(found.statistic, statistic)
    assert close(found.p_value, theirs.pvalue)
    assert close(found.p_value, p_value)
    assert found.degrees_of_freedom == freedom
    interval = theirs.confidence_interval(0.95)
    assert close(found.interval.low, interval.low - 1.5)
    assert close(found.interval.high, interval.high - 1.5)
    mean = statistical_analysis(xs).intervals.mean
    assert (mean.low, mean.high) == pytest.approx(described.tconfint_mean(), rel=1e-9, abs=1e-9)


@few
@given(samples(2), samples(2), st.sampled_from(sorted(ALTERNATIVES)))
def test_two_samples_t_of_student_and_welch_agree_with_both_oracles(xs, ys, alternative):
    for ours, equal, usevar in ((student_t_test, True, "pooled"), (welch_t_test, False, "unequal")):
        found = ours(xs, ys, alternative=alternative)
        theirs = stats.ttest_ind(xs, ys, equal_var=equal, alternative=alternative)
        compared = CompareMeans(DescrStatsW(xs), DescrStatsW(ys))
        statistic, p_value, freedom = compared.ttest_ind(alternative=ALTERNATIVES[alternative], usevar=usevar)

        assert close(found.statistic, theirs.statistic)
        assert close(found.statistic, statistic)
        assert close(found.p_value, theirs.pvalue)
        assert close(found.p_value, p_value)
        assert close(found.degrees_of_freedom, freedom)
        interval = theirs.confidence_interval(0.95)
        assert close(found.interval.low, interval.low)
        assert close(found.interval.high, interval.high)


@few
@given(samples(2), samples(2), st.sampled_from(sorted(ALTERNATIVES)))
def test_tests_of_ranks_and_of_distances_agree_with_scipys(xs, ys, alternative):
    ranks = mann_whitney_test(xs, ys, alternative=alternative)
    above = sum((x > y) + (x == y) / 2 for x in xs for y in ys)
    assert ranks.statistic == above
    assert close(ranks.effect_size, 2 * above / (len(xs) * len(ys)) - 1)
    assert close(ranks.p_value, stats.mannwhitneyu(xs, ys, alternative=alternative).pvalue)

    distance = kolmogorov_smirnov_test(xs, ys, alternative=alternative)
    with warnings.catch_warnings(record=True) as gave_up:  # scipy's count fails for the smallest distances
        warnings.simplefilter("always")
        theirs = stats.ks_2samp(xs, ys, alternative=alternative, method="exact")
    assert close(distance.statistic, theirs.statistic)
    assert distance.p_value > 0.99 if gave_up else close(distance.p_value, theirs.pvalue)


@few
@given(samples(2))
def test_the_distance_to_a_known_distribution_agrees_with_scipys(xs):
    known = stats.norm(0, 500).cdf
    found, theirs = kolmogorov_smirnov_test(xs, known), stats.kstest(xs, known)

    assert close(found.statistic, theirs.statistic)
    assert close(found.p_value, theirs.pvalue)


counts = st.integers(1, 40)


@few
@given(st.lists(counts, min_size=2, max_size=6), st.integers(0, 1))
def test_chi_squared_of_counts_agrees_with_scipys(observed, ddof):
    assume(len(observed) > 1 + ddof)
    found, theirs = chi_squared_test(observed, ddof=ddof), stats.chisquare(observed, ddof=ddof)

    assert close(found.statistic, theirs.statistic)
    assert close(found.p_value, theirs.pvalue)
    assert close(found.effect_size, math.sqrt(theirs.statistic / sum(observed)))


@few
@given(st.lists(st.tuples(counts, counts, counts), min_size=2, max_size=5))
def test_chi_squared_of_a_table_agrees_with_scipys(table):
    found = chi_squared_independence_test(table)
    theirs = stats.chi2_contingency(table, correction=False)

    assert close(found.statistic, theirs.statistic)
    assert close(found.p_value, theirs.pvalue)
    assert found.degrees_of_freedom == theirs.dof
    assert close(found.effect_size, stats.contingency.association(np.array(table), method="cramer"))


@pytest.mark.slow  # it imports nearly all of statsmodels, which takes seconds
@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_correction_agrees_with_that_of_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests  # noqa: PLC0415 -- as above

    found = holm_correction(p_values)
    rejected, adjusted, *_ = multipletests(p_values, method="holm")

    assert np.allclose(found.adjusted, adjusted, atol=1e-15)
    assert list(found.rejected) == list(rejected)


@few
@given(st.integers(3, 20), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_correlations_and_their_p_values_agree_with_scipys(n, p, seed):
    table = np.random.default_rng(seed).standard_normal((n, p)).round(2) * 100
    assume((np.ptp(table, axis=0) > 1).all())
    found = correlate(table)

    assert np.allclose(found.correlation_matrix, np.atleast_2d(np.corrcoef(table, rowvar=False)), atol=1e-12)
    assert found.eigenvalues.sum() == pytest.approx(p)
    for i in range(p):
        for j in range(i):
            theirs = stats.pearsonr(table[:, i], table[:, j])
            assert found.p_values[i, j] == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
            assert found.p_values[i, j] == found.p_values[j, i]


@few
@given(st.lists(numbers, min_size=2, max_size=40), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_a_medians_interval_covers_as_the_binomial_distribution_says_and_no_narrower_does(xs, confidence):
    from dspex_actors.compute._intervals import _median_interval  # noqa: PLC0415 -- the pure core

    ordered, n = np.sort(np.arange(len(xs)).astype(float)), len(xs)
    found = _median_interval(ordered, confidence)
    covers = [1 - 2 * stats.binom.cdf(rank, n, 0.5) for rank in range(n // 2)]
    enough = [rank for rank, cover in enumerate(covers) if cover >= confidence - 1e-12]

    assert (found is None) is (not enough)
    if found is not None:
        assert (found.low, found.high) == (max(enough), n - 1 - max(enough))
