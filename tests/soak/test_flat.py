"""The rule by which the soak decides whether something grows."""

from __future__ import annotations

import pytest

from tests.soak._flat import LEAST_IN_ALL, LEAST_SAMPLES, fitted, growth, rises

TIMES = [10.0 * number for number in range(20)]


def samples_of(values):
    return [{"time_s": time, "x": value} for time, value in zip(TIMES, values, strict=False)]


def test_a_line_through_points_on_a_line_is_that_line():
    line = fitted([0.0, 1.0, 5.0], [3.0, 5.0, 13.0])

    assert line == (3.0, 2.0)
    assert growth([0.0, 1.0, 5.0], [3.0, 5.0, 13.0]) == 10.0


def test_outliers_do_not_move_the_line():
    values = [50.0] * 20
    values[5], values[19] = 500.0, 400.0

    assert growth(TIMES, values) == 0.0


def test_what_rises_by_no_more_than_its_bound_is_flat_and_by_more_is_not():
    counted = 15 - 1  # steps after the warm-up
    samples = samples_of([100.0 + number for number in range(20)])

    assert rises(samples, {"x": counted}) == []
    assert rises(samples, {"x": counted - 0.1}) == ["x rose by 14.00 in 140 s, at most 13.9 allowed"]


def test_a_rise_in_the_warm_up_does_not_count():
    assert rises(samples_of([0.0, 10.0, 40.0, 90.0, 99.0, *[100.0] * 15]), {"x": 0.5}) == []


def test_what_falls_or_jumps_back_and_forth_is_flat():
    assert rises(samples_of([200.0 - number for number in range(20)]), {"x": 0.0}) == []
    assert rises(samples_of([number % 3 for number in range(20)]), {"x": 0.5}) == []


def test_a_slow_leak_below_much_noise_is_found():
    noisy = [100 + number * 0.5 + (7 * number) % 5 for number in range(20)]

    assert len(rises(samples_of(noisy), {"x": 3.0})) == 1


def test_too_few_samples_decide_nothing():
    with pytest.raises(ValueError, match=f"at least {LEAST_SAMPLES}"):
        rises(samples_of([1.0] * (LEAST_IN_ALL - 1)), {"x": 1.0})

    assert rises(samples_of([1.0] * LEAST_IN_ALL), {"x": 1.0}) == []
