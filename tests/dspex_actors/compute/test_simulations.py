"""What is promised over many samples: intervals cover as often as they say, tests reject as rarely.

Each figure is counted over simulated samples whose truth is known. The long form has 2,000 of them and looks
for 93 to 97 % and 4 to 6 %; the short one has fewer, and looks within five of its own standard errors, so
that it fails when a rule is wrong, not when a seed is. `COMPUTE_SAMPLES` sets another number;
`COMPUTE_RESULTS` names a file to which the figures are added.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
import pytest

from dspex_actors.compute import (
    Family,
    bootstrap_interval,
    chi_squared_independence_test,
    chi_squared_test,
    correlate,
    fit_families,
    kolmogorov_smirnov_test,
    mann_whitney_test,
    one_sample_t_test,
    statistical_analysis,
    student_t_test,
    welch_t_test,
)

SHORT, LONG = 50, int(os.environ.get("COMPUTE_SAMPLES", "2000"))


def note(what, samples, share):
    """Add a figure to the file that was asked for."""
    if name := os.environ.get("COMPUTE_RESULTS"):
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{what}, {samples} samples: {share:.2%}\n")


either_length = pytest.mark.parametrize(
    "samples", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"]
)


def interval_of(name):
    return lambda sample: getattr(statistical_analysis(sample).intervals, name)


def bootstrapped(method, statistic):
    return lambda sample: bootstrap_interval(sample, statistic, method=method, resamples=999).interval


COVERAGE = {
    # name: how a sample is drawn, its interval, the true value, least and most covered in the long form
    "mean, normal": (lambda g: g.normal(3, 2, 30), interval_of("mean"), 3.0, 0.93, 0.97),
    "mean, uniform": (lambda g: g.uniform(0, 1, 30), interval_of("mean"), 0.5, 0.93, 0.97),
    "std, normal": (lambda g: g.normal(3, 2, 30), interval_of("std"), 2.0, 0.93, 0.97),
    "median, normal": (lambda g: g.normal(3, 2, 100), interval_of("median"), 3.0, 0.93, 0.97),
    "median, exponential": (lambda g: g.exponential(1, 100), interval_of("median"), math.log(2), 0.93, 0.97),
    "bca mean, normal": (lambda g: g.normal(3, 2, 80), bootstrapped("bca", "mean"), 3.0, 0.93, 0.97),
    "bca mean, exponential": (lambda g: g.exponential(2, 80), bootstrapped("bca", "mean"), 2.0, 0.93, 0.97),
    "bca median, normal": (lambda g: g.normal(3, 2, 80), bootstrapped("bca", "median"), 3.0, 0.93, 0.97),
    "percentile mean, normal": (
        lambda g: g.normal(3, 2, 80),
        bootstrapped("percentile", "mean"),
        3.0,
        0.93,
        0.97,
    ),
    "welch difference, normal": (
        lambda g: (g.normal(3, 2, 20), g.normal(1, 5, 35)),
        lambda pair: welch_t_test(*pair).interval,
        2.0,
        0.93,
        0.97,
    ),
}


@either_length
@pytest.mark.parametrize("name", COVERAGE)
def test_an_interval_of_95_percent_covers_the_truth_about_that_often(name, samples):
    draw, interval, truth, least, most = COVERAGE[name]
    generator = np.random.default_rng([2026, list(COVERAGE).index(name)])
    found = [interval(draw(generator)) for _ in range(samples)]
    covered = sum(each.low <= truth <= each.high for each in found) / samples
    note(f"covers {name}", samples, covered)

    slack = 0.0 if samples >= 2000 else 5 * math.sqrt(0.95 * 0.05 / samples)
    assert least - slack <= covered <= most + slack


def normality(sample):
    return statistical_analysis(sample).distribution.normality.p_value


def correlation(table):
    return correlate(table).p_values[0, 1]


REJECTION = {
    # name: how a sample is drawn for which the hypothesis holds, the p-value of the test
    "one-sample t": (lambda g: g.normal(3, 2, 12), lambda x: one_sample_t_test(x, 3.0).p_value),
    "one-sided t": (
        lambda g: g.normal(3, 2, 12),
        lambda x: one_sample_t_test(x, 3.0, alternative="greater").p_value,
    ),
    "student": (
        lambda g: (g.normal(3, 2, 12), g.normal(3, 2, 20)),
        lambda pair: student_t_test(*pair).p_value,
    ),
    "welch": (
        lambda g: (g.normal(3, 1, 12), g.normal(3, 6, 30)),
        lambda pair: welch_t_test(*pair).p_value,
    ),
    "mann-whitney": (
        lambda g: (g.exponential(1, 25), g.exponential(1, 40)),
        lambda pair: mann_whitney_test(*pair).p_value,
    ),
    "kolmogorov-smirnov, one sample": (
        lambda g: g.random(40),
        lambda x: kolmogorov_smirnov_test(x, lambda values: values).p_value,
    ),
    "kolmogorov-smirnov, two samples": (
        lambda g: (g.random(100), g.random(130)),
        lambda pair: kolmogorov_smirnov_test(*pair).p_value,
    ),
    "chi-squared": (
        lambda g: g.multinomial(400, [0.2, 0.3, 0.1, 0.4]),
        lambda counts: chi_squared_test(counts, [80, 120, 40, 160]).p_value,
    ),
    "independence": (
        lambda g: g.multinomial(600, np.outer([0.3, 0.7], [0.2, 0.3, 0.5]).ravel()).reshape(2, 3),
        lambda table: chi_squared_independence_test(table).p_value,
    ),
    "correlation": (lambda g: g.normal(size=(25, 2)), correlation),
    "shapiro-wilk": (lambda g: g.normal(5, 3, 60), normality),
    "fitted normal": (
        lambda g: g.normal(5, 3, 40),
        lambda x: fit_families(x, families=[Family.NORMAL], seed=int(1e6 * abs(x[0])))[0].p_value,
    ),
    "fitted exponential": (
        lambda g: g.exponential(3, 40),
        lambda x: fit_families(x, families=[Family.EXPONENTIAL], seed=int(1e6 * abs(x[0])))[0].p_value,
    ),
}


@either_length
@pytest.mark.parametrize("name", REJECTION)
def test_a_test_rejects_a_true_hypothesis_about_as_rarely_as_its_level_says(name, samples):
    draw, p_value = REJECTION[name][:2]
    generator = np.random.default_rng([2027, list(REJECTION).index(name)])
    rejected = sum(p_value(draw(generator)) <= 0.05 for _ in range(samples)) / samples
    note(f"rejects {name}", samples, rejected)

    slack = 0.0 if samples >= 2000 else 5 * math.sqrt(0.95 * 0.05 / samples)
    assert 0.04 - slack <= rejected <= 0.06 + slack
