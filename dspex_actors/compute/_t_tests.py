"""Student's and Welch's tests of means, with Cohen's d and the interval of the difference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dspex_actors.compute._config import DEFAULT
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._hypotheses import Alternative, HypothesisTest, alpha_of
from dspex_actors.compute._inputs import choice, floats, sample
from dspex_actors.compute._intervals import Interval
from dspex_actors.compute._moments import Moments, moments
from dspex_actors.compute._optional import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dspex_actors.compute._config import ComputeConfig

_NO_SPREAD = "there is no spread to measure the difference by"
_TOO_FEW = "there are too few values for an estimate of the spread"


def one_sample_t_test(
    data: ArrayLike,
    mean: float = 0.0,
    *,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether a sample comes from a distribution with this mean.

    Args:
        data: shape `(n,)`, finite. Fewer than two values, or equal ones, give no statistic.
        mean: of the hypothesis.
        alternative: `"two-sided"`, `"less"` or `"greater"`.
        config: its `statistics` settings.

    Raises:
        ComputeInputError: the data are no sample, or the mean is no finite number.
        ConfigError: there is no such alternative.
        MissingPackageError: scipy is not installed.

    Source:
        Student (1908), Biometrika 6, 1-25. Effect: Cohen (1988), Statistical Power Analysis, 2nd ed., 2.5.
    """
    middle = floats("mean", mean)
    if middle.ndim:
        raise ComputeInputError("mean", "an array", "one number", middle.shape)
    found = moments(sample("data", data))
    spread, n = found.std(1), found.count
    return _t_test(
        "one_sample_t",
        found.mean - float(middle),
        None if not spread else spread / math.sqrt(n),
        n - 1.0,
        spread,
        (n,),
        choice(Alternative, "alternative", alternative),
        config,
    )


def student_t_test(
    first: ArrayLike,
    second: ArrayLike,
    *,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether two samples with the same variance have the same mean.

    Args:
        first: shape `(n,)`, finite.
        second: shape `(m,)`, finite. Fewer than three values together, or no spread in
            either, give no statistic.
        alternative: of the first sample's mean.
        config: its `statistics` settings.

    Raises:
        ComputeInputError: the data are no samples.
        ConfigError: there is no such alternative.
        MissingPackageError: scipy is not installed.

    Source:
        As `one_sample_t_test`; the spread is pooled. If the variances differ use `welch_t_test`.
    """
    a, b = moments(sample("first", first)), moments(sample("second", second))
    pooled = _pooled(a, b)
    n, m = a.count, b.count
    return _t_test(
        "student_t",
        a.mean - b.mean,
        None if not pooled else pooled * math.sqrt(1 / n + 1 / m),
        n + m - 2.0,
        pooled,
        (n, m),
        choice(Alternative, "alternative", alternative),
        config,
    )


def welch_t_test(
    first: ArrayLike,
    second: ArrayLike,
    *,
    alternative: Alternative | str = Alternative.TWO_SIDED,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether two samples have the same mean, whatever their variances.

    Args:
        first: shape `(n,)`, finite.
        second: shape `(m,)`, finite. Fewer than two values in either, or no spread in
            both, give no statistic.
        alternative: of the first sample's mean.
        config: its `statistics` settings.

    Raises:
        ComputeInputError: the data are no samples.
        ConfigError: there is no such alternative.
        MissingPackageError: scipy is not installed.

    Source:
        Welch (1947), Biometrika 34, 28-35. Cohen's d is by the root of the mean of both variances.
    """
    a, b = moments(sample("first", first)), moments(sample("second", second))
    n, m = a.count, b.count
    first_std, second_std = a.std(1), b.std(1)
    error, freedom, spread = None, min(n, m) - 1.0, None
    if first_std is not None and second_std is not None:
        spread = math.hypot(first_std, second_std) / math.sqrt(2)
        left, right = first_std / math.sqrt(n), second_std / math.sqrt(m)
        error = math.hypot(left, right)
        if error:  # by shares, which cannot overflow
            share, rest = (left / error) ** 2, (right / error) ** 2
            freedom = 1 / (share**2 / (n - 1) + rest**2 / (m - 1))
    return _t_test(
        "welch_t",
        a.mean - b.mean,
        error,
        freedom,
        spread,
        (n, m),
        choice(Alternative, "alternative", alternative),
        config,
    )


def _pooled(a: Moments, b: Moments) -> float | None:
    """Return the standard deviation of both samples about their own means; None for two values or fewer."""
    freedom = a.count + b.count - 2
    if freedom < 1:
        return None
    share = [(each.std(0) or 0.0) * math.sqrt(each.count / freedom) for each in (a, b)]
    return math.hypot(*share)


def _t_test(  # noqa: PLR0917 -- the parts of one test
    name: str,
    difference: float,
    error: float | None,
    freedom: float,
    spread: float | None,
    counts: tuple[int, ...],
    alternative: Alternative,
    config: ComputeConfig | None,
) -> HypothesisTest:
    """Return the test of a difference with a standard error; None or 0 for that gives no statistic."""
    alpha, level = alpha_of(config), (config or DEFAULT).statistics.confidence_level
    if not error or freedom <= 0:
        return HypothesisTest(
            name=name,
            statistic=None,
            p_value=None,
            degrees_of_freedom=freedom if freedom > 0 else None,
            alternative=alternative,
            alpha=alpha,
            rejected=False,
            effect="cohen_d",
            effect_size=None,
            interval=None,
            counts=counts,
            note=_TOO_FEW if spread is None or freedom <= 0 else _NO_SPREAD,
        )
    statistic = difference / error
    p_value = _p_value(statistic, freedom, alternative)
    return HypothesisTest(
        name=name,
        statistic=statistic,
        p_value=p_value,
        degrees_of_freedom=freedom,
        alternative=alternative,
        alpha=alpha,
        rejected=p_value <= alpha,
        effect="cohen_d",
        effect_size=difference / spread if spread else None,
        interval=_interval(difference, error, freedom, alternative, level),
        counts=counts,
        note="",
    )


def _p_value(statistic: float, freedom: float, alternative: Alternative) -> float:
    t = special("a t test").stdtr
    match alternative:
        case Alternative.TWO_SIDED:
            return float(2 * t(freedom, -abs(statistic)))
        case Alternative.LESS:
            return float(t(freedom, statistic))
        case Alternative.GREATER:
            return float(t(freedom, -statistic))


def _interval(
    difference: float, error: float, freedom: float, alternative: Alternative, level: float
) -> Interval:
    """Return the interval of differences that the test would not reject at this level."""
    quantile = special("a t test").stdtrit
    if alternative is Alternative.TWO_SIDED:
        half = float(quantile(freedom, 0.5 + level / 2)) * error
        low, high = difference - half, difference + half
    else:
        half = float(quantile(freedom, level)) * error
        low, high = difference - half, difference + half
        if alternative is Alternative.LESS:
            low = -math.inf
        else:
            high = math.inf
    return Interval(low=low, high=high, confidence=level, method="student_t")
