"""The bootstrap: reproducible whatever computes it, bounded in memory, and right beside scipy's."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from dspex_actors import ConfigError
from dspex_actors.compute import (
    ComputeConfig,
    ComputeInputError,
    PerformanceSettings,
    bootstrap_interval,
)

SAMPLE = np.random.default_rng(5).gamma(2.0, size=60)


def config_of(**performance):
    return ComputeConfig(performance=PerformanceSettings(**performance))


def trimmed(rows, axis):
    return stats.trim_mean(rows, 0.1, axis=axis)


def spread(row):
    return float(row.max() - row.min())


@pytest.mark.parametrize("statistic", ["mean", "median", trimmed, spread])
def test_the_result_does_not_depend_on_how_many_threads_compute_it(statistic):
    found = [
        bootstrap_interval(SAMPLE, statistic, resamples=9000, workers=workers, seed=3)
        for workers in (1, 2, 5)
    ]

    assert [each.workers for each in found] == [1, 2, 5]
    assert len({(each.interval.low, each.interval.high, each.standard_error) for each in found}) == 1


def test_another_seed_draws_other_resamples_and_the_same_one_the_same():
    first, again, other = (bootstrap_interval(SAMPLE, resamples=500, seed=seed) for seed in (1, 1, 2))

    assert first == again
    assert first.interval != other.interval


@pytest.mark.parametrize(("n", "threads"), [(100, 1), (101, 2)])
def test_threads_are_used_above_the_threshold_alone(n, threads, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    found = bootstrap_interval(np.arange(float(n)), resamples=20, config=config_of(parallel_threshold=100))

    assert found.workers == threads


def test_a_function_of_the_users_is_called_in_as_many_threads_as_it_says():
    names, both = set(), threading.Barrier(2)

    def noted(rows, axis):
        names.add(threading.current_thread().name)
        if len(rows) > 1:  # not the sample itself
            both.wait(20)
        return rows.mean(axis=axis)

    sample = np.arange(2.0**17)  # two resamples to a batch
    bootstrap_interval(sample, noted, resamples=4, workers=2, method="percentile")

    assert len(names - {threading.current_thread().name}) == 2


def test_memory_is_that_of_a_batch_and_not_of_all_resamples():
    sample = np.random.default_rng(0).standard_normal(20_000)
    tracemalloc.start()
    bootstrap_interval(sample, resamples=200, workers=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 16 * 2**20 < 200 * sample.nbytes


def test_fewer_threads_are_used_when_their_batches_would_not_fit():
    sample = np.arange(2.0**15)
    found = bootstrap_interval(sample, resamples=2, workers=8, config=config_of(memory_limit_mb=20))

    assert found.workers == 2


def test_a_sample_that_does_not_fit_at_all_is_refused_with_what_it_would_take():
    with pytest.raises(ConfigError, match=r"memory_limit_mb must be at least 2 for a sample of 65536, got 1"):
        bootstrap_interval(np.arange(2.0**16), config=config_of(memory_limit_mb=1))


@pytest.mark.parametrize(
    ("method", "name", "function"),
    [
        ("bca", "mean", np.mean),
        ("percentile", "mean", np.mean),
        ("basic", "mean", np.mean),
        ("bca", "median", np.median),
        ("bca", "variance", lambda x, axis: np.var(x, axis=axis, ddof=1)),
        ("basic", "std", lambda x, axis: np.std(x, axis=axis, ddof=1)),
    ],
)
def test_intervals_agree_with_scipys_to_the_noise_of_the_draw(method, name, function):
    ours = bootstrap_interval(SAMPLE, name, method=method, resamples=9999)
    theirs = stats.bootstrap(
        (SAMPLE,), function, method=method, n_resamples=9999, rng=np.random.default_rng(1), batch=500
    )

    assert ours.estimate == pytest.approx(float(function(SAMPLE, axis=-1)), rel=1e-12)
    assert ours.standard_error == pytest.approx(theirs.standard_error, rel=0.05)
    noise = (0.4 if name == "median" else 0.25) * ours.standard_error  # a median jumps from value to value
    assert ours.interval.low == pytest.approx(theirs.confidence_interval.low, abs=noise)
    assert ours.interval.high == pytest.approx(theirs.confidence_interval.high, abs=noise)


@pytest.mark.parametrize("n", [3, 4, 7, 8])
@pytest.mark.parametrize("name", ["mean", "median", "variance", "std"])
def test_our_statistics_have_the_leave_one_out_values_of_the_definition(n, name):
    from dspex_actors.compute._jackknife import _closed_form, _one_out, acceleration  # noqa: PLC0415 -- private
    from dspex_actors.compute._resampled import resampled  # noqa: PLC0415 -- private

    sample = np.random.default_rng(n).standard_normal(n)
    closed, plain = _closed_form(sample, name), _one_out(sample, resampled(name))

    # Theirs may differ by a constant, which a skewness does not see; the median's are sorted.
    closed, plain = closed - closed.mean(), plain - plain.mean()
    if name == "median":
        closed, plain = np.sort(closed), np.sort(plain)
    assert np.allclose(closed, plain, atol=1e-12)
    assert abs(acceleration(sample, resampled(name))) < 1


def test_a_statistic_outside_of_all_resamples_has_a_percentile_interval_and_a_note():
    def biased(row):
        return float(len(np.unique(row)))  # a resample has fewer different values than the sample

    found = bootstrap_interval(np.arange(40.0), biased, resamples=50)

    assert "percentile" in found.note
    assert found.interval.high < found.estimate == 40.0


@pytest.mark.parametrize(
    ("statistic", "message"),
    [
        (lambda rows, axis: rows, r"a function to shape \(10,\).*of shape \(10, 5\)"),  # noqa: ARG005
        (lambda row: row, r"a function to one real number.*of shape \(5,\)"),
        (lambda row: np.nan, "a function to finite numbers, got a function to nan"),  # noqa: ARG005
        (lambda row: "x", "a function to one real number"),  # noqa: ARG005
        (lambda row: 1j, "a function to one real number"),  # noqa: ARG005
    ],
)
def test_a_statistic_that_does_not_return_numbers_is_refused_with_its_shape(statistic, message):
    with pytest.raises(ComputeInputError, match=message):
        bootstrap_interval(np.arange(5.0), statistic, resamples=10)


@pytest.mark.parametrize(
    "wrong",
    [
        {"statistic": "mode"},
        {"statistic": 3},
        {"method": "exact"},
        {"resamples": 0},
        {"resamples": 1.5},
        {"confidence": 1.0},
        {"confidence": 95},
        {"seed": -1},
        {"workers": 0},
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        bootstrap_interval([1.0, 2.0], **wrong)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_bootstrap_of_a_tiny_sample_is_answered(n):
    found = bootstrap_interval(np.arange(float(n)), resamples=100)

    assert found.interval.low <= found.estimate <= found.interval.high
    assert found.degenerate is (n == 1)
