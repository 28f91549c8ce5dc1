"""Pearson's chi-squared tests of counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from dspex_actors._config import check_count
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._hypotheses import Alternative, HypothesisTest, alpha_of
from dspex_actors.compute._inputs import floats
from dspex_actors.compute._optional import special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from dspex_actors.compute._config import ComputeConfig

_LEAST_EXPECTED = 5  # Cochran's rule
_SUMS_AGREE = 1e-8  # of each other, relatively


def chi_squared_test(
    observed: ArrayLike,
    expected: ArrayLike | None = None,
    *,
    ddof: int = 0,
    config: ComputeConfig | None = None,
) -> HypothesisTest:
    """Test whether counts agree with what was expected.

    Args:
        observed: counts of k >= 2 kinds, shape `(k,)`, none negative.
        expected: of the same shape and sum, all above 0; None for the same of each kind.
        ddof: parameters that were estimated from the counts, which come off the degrees of freedom.
        config: its `statistics` settings.

    Returns:
        The test with Cohen's w as its effect. A note says if an expected count is below 5.

    Raises:
        ComputeInputError: the counts are not as above.
        ConfigError: `ddof` is no count.
        MissingPackageError: scipy is not installed.

    Source:
        Pearson (1900), Philosophical Magazine 50, 157-175; Cochran (1952), Annals of Mathematical Statistics
        23, 315-345, for the rule of 5; Cohen (1988), Statistical Power Analysis, 2nd ed., section 7.2.
    """
    counts = _counts("observed", observed, dimensions=1)
    check_count("ddof", ddof, least=0)
    total, k = float(counts.sum()), len(counts)
    wanted = np.full(k, total / k) if expected is None else floats("expected", expected)
    if wanted.shape != counts.shape:
        raise ComputeInputError("expected", "an array", f"of shape {counts.shape}", wanted.shape)
    if wanted.min() <= 0:
        raise ComputeInputError("expected", f"a count of {wanted.min():g}", "above 0", wanted.shape)
    if abs(float(wanted.sum()) - total) > _SUMS_AGREE * total:
        allowed = f"of the same sum as `observed`, {total:g}"
        raise ComputeInputError("expected", f"a sum of {wanted.sum():g}", allowed, wanted.shape)
    freedom = k - 1 - ddof
    statistic = float(((counts - wanted) ** 2 / wanted).sum())
    size = math.sqrt(statistic / total)
    return _test("chi_squared", statistic, freedom, wanted, ("cohen_w", size), config)


def chi_squared_independence_test(table: ArrayLike, *, config: ComputeConfig | None = None) -> HypothesisTest:
    """Test whether the rows and columns of a table of counts are independent.

    Args:
        table: counts, shape `(r, c)`, r and c >= 2, none negative. A row or column of zeros gives no
            statistic.
        config: its `statistics` settings.

    Returns:
        The test, without Yates's correction, with Cramér's V as its effect.

    Raises:
        ComputeInputError: the counts are not as above.
        MissingPackageError: scipy is not installed.

    Source:
        Pearson (1900), as above; Cramér (1946), Mathematical Methods of Statistics, section 21.9.
    """
    counts = _counts("table", table, dimensions=2)
    total = float(counts.sum())
    rows, columns = counts.shape
    wanted = counts.sum(axis=1, keepdims=True) * (counts.sum(axis=0, keepdims=True) / total)
    freedom = (rows - 1) * (columns - 1)
    if wanted.min() == 0:
        return _test("chi_squared_independence", None, freedom, wanted, ("cramer_v", None), config)
    statistic = float(((counts - wanted) ** 2 / wanted).sum())
    size = math.sqrt(statistic / (total * (min(rows, columns) - 1)))
    return _test("chi_squared_independence", statistic, freedom, wanted, ("cramer_v", size), config)


def _counts(field: str, data: ArrayLike, *, dimensions: int) -> NDArray[np.float64]:
    counts = floats(field, data)
    if counts.ndim != dimensions or min(counts.shape, default=0) < 2:
        allowed = "counts of shape (k,), k >= 2" if dimensions == 1 else "counts of shape (r, c), both >= 2"
        raise ComputeInputError(field, "an array", allowed, counts.shape)
    if counts.min() < 0:
        raise ComputeInputError(field, f"a count of {counts.min():g}", "not negative", counts.shape)
    if not counts.any():
        raise ComputeInputError(field, "nothing but zeros", "counts", counts.shape)
    return counts


def _test(
    name: str,
    statistic: float | None,
    freedom: int,
    wanted: NDArray[np.float64],
    effect: tuple[str, float | None],
    config: ComputeConfig | None,
) -> HypothesisTest:
    alpha = alpha_of(config)
    p_value, note = None, "a row or column has no counts"
    if freedom < 1:
        statistic, note = None, "there are no degrees of freedom left"
    elif statistic is not None:
        p_value = float(special("a chi-squared test").chdtrc(freedom, statistic))
        few = int((wanted < _LEAST_EXPECTED).sum())
        note = f"{few} expected counts are below {_LEAST_EXPECTED}: the p-value is rough" if few else ""
    return HypothesisTest(
        name=name,
        statistic=statistic,
        p_value=p_value,
        degrees_of_freedom=float(freedom),
        alternative=Alternative.TWO_SIDED,
        alpha=alpha,
        rejected=p_value is not None and p_value <= alpha,
        effect=effect[0],
        effect_size=effect[1] if p_value is not None else None,
        interval=None,
        counts=(round(float(wanted.sum())),),
        note=note,
    )
