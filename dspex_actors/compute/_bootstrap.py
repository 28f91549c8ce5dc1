"""The bootstrap: how a statistic would vary, found by drawing the sample anew from itself.

Guarantees: the result depends on the data, the statistic, the number of resamples, the seed and the size of
batches alone. Each batch of resamples has a generator of its own, spawned from the seed by the batch's
number, so it does not matter which thread computes it, nor how many there are. Memory is that of one batch
for each thread.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from dspex_actors._config import check_count
from dspex_actors._errors import ConfigError
from dspex_actors.compute._config import DEFAULT
from dspex_actors.compute._inputs import NanPolicy, choice, fraction, sample
from dspex_actors.compute._intervals import Interval
from dspex_actors.compute._jackknife import acceleration
from dspex_actors.compute._optional import special
from dspex_actors.compute._resampled import Resampled, resampled

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from dspex_actors.compute._config import ComputeConfig

_BATCH_VALUES = 2**18  # values in a batch: it and its indices stay in a core's cache
_BYTES_A_VALUE = 32  # the values, their indices, and what a statistic makes of them


class BootstrapMethod(Enum):
    """How an interval is made of the resampled statistics."""

    BCA = "bca"  # corrected for bias and for skewness: second-order accurate
    PERCENTILE = "percentile"
    BASIC = "basic"  # the percentile's reflected at the estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap:
    """What a bootstrap found.

    Attributes:
        statistic: name of the statistic.
        estimate: its value for the sample.
        interval: of the statistic.
        standard_error: standard deviation of the resampled values, divisor one less than their number.
        bias: mean of the resampled values, less the estimate.
        resamples: how many there were.
        seed: with which they were drawn.
        workers: threads that computed them.
        degenerate: whether all resampled values are equal, so that the interval is a point.
        note: what was done differently than asked for, and why; empty if nothing.
    """

    statistic: str
    estimate: float
    interval: Interval
    standard_error: float
    bias: float
    resamples: int
    seed: int
    workers: int
    degenerate: bool
    note: str


def bootstrap_interval(
    data: ArrayLike,
    statistic: str | Callable[..., object] = "mean",
    *,
    method: BootstrapMethod | str = BootstrapMethod.BCA,
    resamples: int | None = None,
    confidence: float | None = None,
    seed: int = 0,
    workers: int | None = None,
    config: ComputeConfig | None = None,
) -> Bootstrap:
    """Return a bootstrap interval of a statistic.

    Args:
        data: a sample of one dimension, shape `(n,)`, finite.
        statistic: `"mean"`, `"median"`, `"std"`, `"variance"` (both with the divisor n - 1), or a function. A
            function that has a parameter `axis` gets batches of shape `(k, n)` with `axis=-1` and returns
            shape `(k,)`; any other one gets one resample at a time and returns a number.
        method: of the interval.
        resamples: how many; the config's by default.
        confidence: as a fraction; the config's by default.
        seed: of the generator.
        workers: threads; None for one for each core if the sample is larger than the config's
            `parallel_threshold`, else one. The result is the same.
        config: its `statistics` and `performance` settings.

    Raises:
        ComputeInputError: the data are no sample, or the statistic did not return what it has to.
        ConfigError: a setting is wrong.
        MissingPackageError: scipy is not installed.

    Source:
        Efron (1987), Better Bootstrap Confidence Intervals, JASA 82, 171-185; Efron & Tibshirani (1993), An
        Introduction to the Bootstrap, chapters 12 to 14.
    """
    chosen, how = config or DEFAULT, choice(BootstrapMethod, "method", method)
    values = sample("data", data, nan=NanPolicy.RAISE)
    asked = resamples if resamples is not None else chosen.statistics.bootstrap_samples
    check_count("resamples", asked, least=1)
    check_count("seed", seed, least=0)
    if workers is not None:
        check_count("workers", workers, least=1)
    level = fraction(
        "confidence", confidence if confidence is not None else chosen.statistics.confidence_level
    )
    rows = _rows_of_a_batch(len(values), chosen)
    threads = _threads(len(values), workers, chosen, rows)
    measure = resampled(statistic)
    if measure.builtin and values.min() == values.max():  # nothing to draw, and no rounding of a mean
        found = np.full(asked, measure.of_sample(values))
    else:
        found = _distribution(values, measure, asked, seed, rows, threads)
    estimate = measure.of_sample(values)
    ends, note = _ends(values, measure, found, estimate, how, level)
    return Bootstrap(
        statistic=measure.name,
        estimate=estimate,
        interval=Interval(low=ends[0], high=ends[1], confidence=level, method=how.value),
        standard_error=float(found.std(ddof=1)) if asked > 1 and np.ptp(found) else 0.0,
        bias=float(found.mean() - estimate) if np.ptp(found) else 0.0,
        resamples=asked,
        seed=seed,
        workers=threads,
        degenerate=bool(np.ptp(found) == 0),
        note=note,
    )


def _rows_of_a_batch(n: int, config: ComputeConfig) -> int:
    """Return how many resamples are computed at once. It decides what is drawn: nothing else may count.

    Raises:
        ConfigError: one resample alone takes more than the memory there may be.
    """
    budget = config.performance.memory_limit_mb * 2**20
    if n * _BYTES_A_VALUE > budget:
        needed = f"at least {-(-n * _BYTES_A_VALUE // 2**20)} for a sample of {n}"
        raise ConfigError("PerformanceSettings.memory_limit_mb", config.performance.memory_limit_mb, needed)
    return max(1, min(config.performance.batch_size, _BATCH_VALUES // n))


def _threads(n: int, workers: int | None, config: ComputeConfig, rows: int) -> int:
    """Return how many threads to use: as many as memory allows."""
    wanted = workers
    if wanted is None:
        wanted = _cores() if n > config.performance.parallel_threshold else 1
    fitting = config.performance.memory_limit_mb * 2**20 // (rows * n * _BYTES_A_VALUE)
    return max(1, min(wanted, fitting))


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _distribution(
    values: NDArray[np.float64], measure: Resampled, resamples: int, seed: int, rows: int, threads: int
) -> NDArray[np.float64]:
    """Return the statistic of each resample, shape `(resamples,)`."""
    sizes = [min(rows, resamples - start) for start in range(0, resamples, rows)]
    sources = np.random.SeedSequence(seed).spawn(len(sizes))
    kind = np.int32 if len(values) < 2**31 else np.int64  # half the memory, and drawn in half the time

    def compute(size: int, source: np.random.SeedSequence) -> NDArray[np.float64]:
        generator = np.random.Generator(np.random.SFC64(source))
        return measure.of(values.take(generator.integers(0, len(values), (size, len(values)), dtype=kind)))

    if threads == 1:
        return np.concatenate([compute(*each) for each in zip(sizes, sources, strict=True)])
    with ThreadPoolExecutor(threads, thread_name_prefix="dspex-bootstrap") as pool:
        return np.concatenate(list(pool.map(compute, sizes, sources)))


def _ends(
    values: NDArray[np.float64],
    measure: Resampled,
    found: NDArray[np.float64],
    estimate: float,
    how: BootstrapMethod,
    confidence: float,
) -> tuple[tuple[float, float], str]:
    """Return both ends of the interval, and what was done differently."""
    tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    note = ""
    if how is BootstrapMethod.BCA:
        normal = special("a BCa interval")
        below = (np.count_nonzero(found < estimate) + 0.5 * np.count_nonzero(found == estimate)) / len(found)
        if not 0 < below < 1:
            note = "the estimate is outside of all resampled values: percentile interval"
        else:
            shift = normal.ndtri(below) + normal.ndtri(tails)
            bias, bend = float(normal.ndtri(below)), acceleration(values, measure)
            tails = normal.ndtr(bias + shift / (1 - bend * shift))
    low, high = (float(end) for end in np.quantile(found, tails))
    if how is BootstrapMethod.BASIC:
        low, high = 2 * estimate - high, 2 * estimate - low
    return (low, high), note
