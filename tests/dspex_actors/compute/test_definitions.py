"""The definitions of the figures of a sample: known answers, options, extremes and degenerate samples."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from dspex_actors.compute import DistributionType, classify, statistical_analysis

KNOWN = [2, 8, 0, 4, 1, 9, 9, 0]


@pytest.mark.parametrize(
    ("options", "skewness", "kurtosis"),
    [
        ({}, 0.265055, -1.666001),
        ({"bias": False}, 0.330582, -2.098602),
        ({"fisher": False}, 0.265055, 1.333999),
        ({"bias": False, "fisher": False}, 0.330582, 0.901398),
    ],
)
def test_skewness_and_kurtosis_are_those_of_the_definition_asked_for(options, skewness, kurtosis):
    found = statistical_analysis(KNOWN, **options).distribution

    assert found.skewness == pytest.approx(skewness, abs=1e-6)
    assert found.kurtosis == pytest.approx(kurtosis, abs=1e-6)
    assert (found.bias, found.fisher) == (options.get("bias", True), options.get("fisher", True))


@pytest.mark.parametrize(("ddof", "variance"), [(0, 13.859375), (1, 15.839285714285714)])
def test_the_divisor_of_a_variance_is_the_one_asked_for_and_is_told(ddof, variance):
    found = statistical_analysis(KNOWN, ddof=ddof)

    assert found.ddof == ddof
    assert found.variance == pytest.approx(variance, rel=1e-15)
    assert found.std == pytest.approx(math.sqrt(variance), rel=1e-15)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "expected"),
    [
        (0.0, 0.0, "normal"),
        (0.49, -0.49, "normal"),
        (0.5, 0.0, "unknown"),
        (0.0, 0.5, "unknown"),
        (1.0, 0.0, "unknown"),
        (1.01, 0.0, "right_skewed"),
        (1.01, 9.0, "right_skewed"),  # the first rule that holds
        (-1.01, -2.0, "left_skewed"),
        (0.0, 3.0, "unknown"),
        (0.0, 3.01, "heavy_tailed"),
        (0.9, 3.01, "heavy_tailed"),
        (0.0, -1.0, "unknown"),
        (0.0, -1.01, "light_tailed"),
        (None, None, "unknown"),
        (math.nan, math.nan, "unknown"),
    ],
)
def test_a_class_follows_from_the_reference_rules_in_their_order(skewness, kurtosis, expected):
    assert classify(skewness, kurtosis) is DistributionType(expected)


def test_the_class_goes_by_the_biased_moments_whatever_is_reported():
    types = {
        statistical_analysis(KNOWN, bias=bias, fisher=fisher).distribution.distribution_type
        for bias in (True, False)
        for fisher in (True, False)
    }

    assert types == {DistributionType.LIGHT_TAILED}


@pytest.mark.parametrize(("n", "value"), [(1, 0.1), (2, 0.1), (10, 0.1), (7, -1e300), (3, 0.0), (5, 5e-324)])
def test_a_constant_sample_is_answered_without_a_warning(n, value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = statistical_analysis([value] * n, include=("bootstrap", "families"))

    assert (found.mean, found.std, found.variance, found.min, found.max) == (value, 0.0, 0.0, value, value)
    assert found.distribution.degenerate is True
    assert (found.distribution.skewness, found.distribution.kurtosis) == (None, None)
    assert (found.distribution.normality, found.distribution.families) == (None, ())
    assert (found.intervals.mean, found.intervals.median, found.intervals.std) == (None, None, None)
    assert (found.bootstrap.degenerate, found.bootstrap.interval.low) == (True, value)


def test_one_value_has_no_spread_with_the_divisor_of_a_sample():
    found = statistical_analysis([3.0], ddof=1)

    assert (found.mean, found.std, found.variance) == (3.0, None, None)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_tiny_samples_are_answered_with_what_they_allow(n):
    found = statistical_analysis(list(range(n)), bias=False)

    assert found.distribution.skewness == (None if n < 3 else 0.0)
    assert (found.distribution.kurtosis is None) is (n < 4)
    assert (found.distribution.normality is None) is (n < 3)
    assert found.intervals.mean.low < found.mean < found.intervals.mean.high


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e307])
def test_the_shape_of_a_sample_does_not_depend_on_its_unit(scale):
    sample = np.array([1.0, 2.0, 4.0, 16.0])
    found = statistical_analysis(sample * scale)

    digits = 1e-12 if scale > 1e-300 else 1e-3  # below, doubles have fewer digits
    assert found.mean == pytest.approx(5.75 * scale, rel=digits)
    assert found.std == pytest.approx(float(sample.std()) * scale, rel=digits)
    expected = statistical_analysis(sample).distribution
    assert found.distribution.skewness == pytest.approx(expected.skewness, rel=digits)
    assert found.distribution.kurtosis == pytest.approx(expected.kurtosis, rel=digits)


def test_values_at_both_ends_of_the_doubles_have_a_mean_and_a_spread():
    found = statistical_analysis([-1.7e308, 1.7e308])

    assert found.mean == 0.0
    assert found.std == pytest.approx(1.7e308)
    assert found.variance == math.inf


def test_two_neighbouring_doubles_have_the_shape_of_any_two_values():
    found = statistical_analysis([1.0, np.nextafter(1.0, 2.0)])

    assert found.std == pytest.approx(2.0**-53, rel=1e-9)
    assert found.distribution.kurtosis == pytest.approx(-2.0)


def test_quantiles_lie_linearly_between_the_values():
    found = statistical_analysis([1, 2, 3, 4], quantiles=(0.0, 0.1, 0.5, 1.0))

    assert found.quantiles == pytest.approx({0.0: 1.0, 0.1: 1.3, 0.5: 2.5, 1.0: 4.0})
    assert found.median == 2.5


@pytest.mark.parametrize(
    ("n", "name"), [(3, "shapiro_wilk"), (5000, "shapiro_wilk"), (5001, "dagostino_pearson")]
)
def test_the_test_of_normality_is_one_that_is_good_for_the_size(n, name):
    sample = np.random.default_rng(1).standard_normal(n)
    found = statistical_analysis(sample).distribution.normality

    assert found.name == name
    assert 0 <= found.p_value <= 1
    assert found.rejected is (found.p_value <= 0.05)


def test_a_skewed_sample_is_rejected_as_normal():
    sample = np.random.default_rng(2).exponential(size=200)

    assert statistical_analysis(sample).distribution.normality.rejected is True


def test_a_table_has_the_figures_of_all_its_values_and_of_each_column():
    table = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 60.0]])
    found = statistical_analysis(table)

    assert found.shape == (3, 2)
    assert (found.count, found.mean, found.max) == (6, 16.0, 60.0)
    assert [(c.count, c.mean, c.min) for c in found.columns] == [(3, 2.0, 1.0), (3, 30.0, 10.0)]
    assert found.correlation.correlation_matrix.shape == (2, 2)
    assert statistical_analysis([1.0, 2.0]).correlation is None
