"""What all hypothesis tests share: their result, the hypotheses, and the correction for many of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 -- the fields of the records are read at run time

from dspex_actors.compute._config import DEFAULT
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._inputs import floats, fraction
from dspex_actors.compute._intervals import Interval  # noqa: TC001 -- the fields of the records are read at run time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from dspex_actors.compute._config import ComputeConfig


class Alternative(Enum):
    """What a test holds against its hypothesis: the first sample's parameter differs, is less, or more."""

    TWO_SIDED = "two-sided"
    LESS = "less"
    GREATER = "greater"


@dataclass(frozen=True, slots=True, kw_only=True)
class HypothesisTest:
    """What a hypothesis test found.

    Attributes:
        name: of the test.
        statistic: t, U, D or chi-squared; None if the samples allow none, see `note`.
        p_value: chance of a statistic as far out, if the hypothesis holds; None with the statistic.
        degrees_of_freedom: of t and chi-squared; None for the others.
        alternative: what was tested against.
        alpha: the level of the test.
        rejected: whether the p-value is not above alpha.
        effect: name of the effect's measure: `"cohen_d"`, `"rank_biserial"`, `"distance"`, `"cohen_w"` or
            `"cramer_v"`.
        effect_size: its value; None if the samples allow none.
        interval: of the difference of means; None for other tests.
        counts: values in each sample; in all cells together for counts.
        note: why there is no statistic, or what its approximation rests on; empty if there is nothing to say.
    """

    name: str
    statistic: float | None
    p_value: float | None
    degrees_of_freedom: float | None
    alternative: Alternative
    alpha: float
    rejected: bool
    effect: str
    effect_size: float | None
    interval: Interval | None
    counts: tuple[int, ...]
    note: str

    @property
    def degenerate(self) -> bool:
        """Whether the samples allow no statistic."""
        return self.p_value is None


@dataclass(frozen=True, slots=True, kw_only=True)
class HolmCorrection:
    """Tests that were made together.

    Attributes:
        adjusted: the p-values, corrected, in the order in which they were given.
        rejected: which are not above alpha.
        alpha: chance of one wrong rejection, or more, among all of them.
    """

    adjusted: NDArray[np.float64]
    rejected: tuple[bool, ...]
    alpha: float


def holm_correction(
    p_values: ArrayLike | Sequence[HypothesisTest], *, alpha: float | None = None
) -> HolmCorrection:
    """Correct p-values for having made several tests.

    Args:
        p_values: of all tests, shape `(k,)`, k >= 1; or the tests. One without a statistic counts as 1.
        alpha: of all of them together; 0.05 by default.

    Raises:
        ComputeInputError: they are not numbers from 0 to 1.
        ConfigError: alpha is not between 0 and 1.

    Source:
        Holm (1979), A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
        Statistics 6, 65-70.
    """
    level = fraction("alpha", DEFAULT.statistics.hypothesis_test_alpha if alpha is None else alpha)
    given: Any = p_values
    if isinstance(p_values, (list, tuple)):
        given = [_p_value_of(each) for each in p_values]
    values = floats("p_values", given)
    if values.ndim != 1 or not len(values) or values.min() < 0 or values.max() > 1:
        raise ComputeInputError("p_values", "an array", "numbers from 0 to 1, shape (k,)", values.shape)
    k, order = len(values), np.argsort(values, kind="stable")
    adjusted = np.empty(k)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(k, 0, -1)), 1.0)
    return HolmCorrection(
        adjusted=adjusted, rejected=tuple(bool(each <= level) for each in adjusted), alpha=level
    )


def _p_value_of(test: object) -> object:
    if not isinstance(test, HypothesisTest):
        return test
    return 1.0 if test.p_value is None else test.p_value


def alpha_of(config: ComputeConfig | None) -> float:
    """Return the level of tests."""
    return (config or DEFAULT).statistics.hypothesis_test_alpha
