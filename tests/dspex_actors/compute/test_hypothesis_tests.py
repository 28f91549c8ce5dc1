"""Hypothesis tests where oracles warn or give NaN: degenerate samples, wrong input, corrections."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest

from dspex_actors import ConfigError
from dspex_actors.compute import (
    Alternative,
    ComputeConfig,
    ComputeInputError,
    StatisticsSettings,
    chi_squared_independence_test,
    chi_squared_test,
    holm_correction,
    kolmogorov_smirnov_test,
    mann_whitney_test,
    one_sample_t_test,
    student_t_test,
    welch_t_test,
)
from dspex_actors.compute._smirnov import distances, exact_p_value


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize(
    ("call", "note"),
    [
        (lambda: one_sample_t_test([3.0, 3.0, 3.0], 1.0), "no spread"),
        (lambda: one_sample_t_test([3.0]), "too few"),
        (lambda: student_t_test([1.0, 1.0], [2.0, 2.0]), "no spread"),
        (lambda: student_t_test([1.0], [2.0]), "too few"),
        (lambda: welch_t_test([1.0, 1.0], [2.0, 2.0]), "no spread"),
        (lambda: welch_t_test([1.0], [2.0, 3.0]), "too few"),
        (lambda: mann_whitney_test([4.0, 4.0], [4.0]), "equal"),
        (lambda: chi_squared_independence_test([[0, 0], [3, 4]]), "no counts"),
        (lambda: chi_squared_test([3, 4], ddof=1), "degrees of freedom"),
    ],
)
def test_samples_that_allow_no_statistic_are_answered_with_the_reason(call, note):
    found = call()

    assert (found.statistic, found.p_value, found.effect_size, found.rejected) == (None, None, None, False)
    assert found.degenerate is True
    assert note in found.note


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
def test_a_t_test_does_not_depend_on_the_unit_of_its_samples(scale):
    a, b = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 9.0, 6.0])
    for test in (student_t_test, welch_t_test):
        found, expected = test(a * scale, b * scale), test(a, b)

        assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
        assert found.p_value == pytest.approx(expected.p_value, rel=1e-12)
        assert found.effect_size == pytest.approx(expected.effect_size, rel=1e-12)


def test_the_effect_of_a_difference_of_one_deviation_is_one():
    a, b = np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 2.0])

    assert student_t_test(b, a).effect_size == pytest.approx(1.0)
    assert welch_t_test(a, b).effect_size == pytest.approx(-1.0)
    assert one_sample_t_test(b, 0.0).effect_size == pytest.approx(1.0)


def test_one_sided_tests_leave_their_interval_open_on_one_side():
    a, b = [1.0, 2.0, 3.0], [2.0, 4.0, 9.0]
    less, greater = (welch_t_test(a, b, alternative=each).interval for each in ("less", "greater"))

    assert (less.low, greater.high) == (-math.inf, math.inf)


def test_a_test_rejects_at_its_level_and_not_below():
    found = one_sample_t_test([1.0, 2.0, 3.0, 4.0])
    below = ComputeConfig(statistics=StatisticsSettings(hypothesis_test_alpha=found.p_value / 2))
    at = ComputeConfig(statistics=StatisticsSettings(hypothesis_test_alpha=found.p_value))

    assert found.rejected is True
    assert one_sample_t_test([1.0, 2.0, 3.0, 4.0], config=at).rejected is True
    assert one_sample_t_test([1.0, 2.0, 3.0, 4.0], config=below).rejected is False


def test_small_expected_counts_and_ties_are_told_in_a_note():
    assert "below 5" in chi_squared_test([3, 4, 5]).note
    assert chi_squared_test([30, 40, 50]).note == ""
    assert "ties" in mann_whitney_test([1.0, 2.0], [2.0, 3.0]).note
    assert "ties" in kolmogorov_smirnov_test([1.0, 2.0], [2.0, 3.0]).note


def test_separated_samples_have_the_largest_effects_there_are():
    low, high = np.arange(10.0), np.arange(10.0) + 100

    assert mann_whitney_test(low, high).effect_size == -1.0
    assert kolmogorov_smirnov_test(low, high).effect_size == 1.0
    assert chi_squared_independence_test([[20, 0], [0, 20]]).effect_size == pytest.approx(1.0)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 4), (3, 3), (4, 2), (3, 5)])
def test_the_p_value_of_a_distance_is_the_share_of_all_orders_that_reach_it(n, m, alternative):
    direction = Alternative(alternative)
    orders = [
        distances(np.array(chosen), np.array(sorted(set(range(n + m)) - set(chosen))))[direction]
        for chosen in itertools.combinations(range(n + m), n)
    ]

    for distance in set(orders):
        share = sum(other >= distance - 1e-9 for other in orders) / len(orders)
        assert exact_p_value(distance, n, m, direction) == pytest.approx(share, rel=1e-12)


def test_holms_correction_takes_tests_and_counts_those_without_a_statistic_as_one():
    tests = [one_sample_t_test([3.0, 3.0]), one_sample_t_test([5.0, 5.1, 4.9])]
    found = holm_correction(tests)

    assert found.adjusted.tolist() == [1.0, pytest.approx(2 * tests[1].p_value)]
    assert found.rejected == (False, True)


def test_holms_correction_steps_down_from_the_smallest():
    assert holm_correction([0.01, 0.04, 0.03, 0.005]).adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one_sample_t_test([[1.0, 2.0]]), r"data must be a sample of one dimension.*\(1, 2\)"),
        (
            lambda: one_sample_t_test([]),
            r"data must be at least one value, got an empty array of shape \(0,\)",
        ),
        (lambda: one_sample_t_test([1.0], [1.0, 2.0]), r"mean must be one number.*\(2,\)"),
        (
            lambda: student_t_test([1.0], ["a"]),
            r"second must be an array of numbers, got text of shape \(1,\)",
        ),
        (lambda: welch_t_test([math.nan], [1.0]), "first must be numbers without NaN"),
        (lambda: mann_whitney_test([1.0], [math.inf]), "second must be finite numbers"),
        (lambda: kolmogorov_smirnov_test([1.0], lambda x: x + 5), "beyond 0 and 1"),
        (lambda: kolmogorov_smirnov_test([1.0, 2.0], lambda _: 0.5), r"of shape \(2,\).*of shape \(\)"),
        (lambda: chi_squared_test([1.0]), r"observed must be counts of shape \(k,\).*\(1,\)"),
        (lambda: chi_squared_test([1.0, -2.0]), "observed must be not negative, got a count of -2"),
        (lambda: chi_squared_test([0, 0]), "nothing but zeros"),
        (lambda: chi_squared_test([1, 2], [1, 2, 3]), r"expected must be of shape \(2,\).*\(3,\)"),
        (lambda: chi_squared_test([1, 2], [0, 3]), "expected must be above 0"),
        (lambda: chi_squared_test([1, 2], [1, 3]), "same sum"),
        (lambda: chi_squared_independence_test([1, 2]), r"table must be counts of shape \(r, c\).*\(2,\)"),
        (lambda: holm_correction([0.5, 1.5]), r"p_values must be numbers from 0 to 1.*\(2,\)"),
        (lambda: holm_correction([]), r"p_values must be numbers from 0 to 1.*\(0,\)"),
    ],
)
def test_wrong_input_of_a_test_is_refused_by_its_name_and_shape(call, message):
    with pytest.raises(ComputeInputError, match=message):
        call()


@pytest.mark.parametrize("test", [student_t_test, welch_t_test, mann_whitney_test, kolmogorov_smirnov_test])
def test_an_unknown_alternative_is_refused_with_those_there_are(test):
    with pytest.raises(ConfigError, match="one of 'two-sided', 'less', 'greater'"):
        test([1.0, 2.0], [2.0, 4.0], alternative="both")
