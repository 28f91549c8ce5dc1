"""What is to be known of a sample, or of a table of columns."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 -- the fields of the records are read at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict, Unpack

import numpy as np

from dspex_actors._config import check_count
from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._bootstrap import Bootstrap, bootstrap_interval
from dspex_actors.compute._config import DEFAULT
from dspex_actors.compute._correlation import CorrelationAnalysis, Missing, correlate
from dspex_actors.compute._distribution import DistributionAnalysis, classify, normality_of
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._families import FamilyFit, fit_families
from dspex_actors.compute._inputs import NanPolicy, check_not_empty, choice, floats, without_nan
from dspex_actors.compute._intervals import Intervals, intervals_of
from dspex_actors.compute._moments import Moments, moments, quantiles

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import ArrayLike, NDArray

    from dspex_actors.compute._config import ComputeConfig

QUARTILES = (0.25, 0.5, 0.75)
EXTRAS = ("bootstrap", "families")
"""What is computed only when `include` names it, since it takes a thousand times as long as the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of one sample.

    Attributes:
        count: values, without those left out.
        missing: NaN that were left out.
        mean, min, max: as usual.
        std, variance: with the divisor `count - ddof`; None if that is not above 0. A variance beyond the
            range of doubles is infinite or 0, its standard deviation is not.
        ddof: as asked for.
        quantiles: probability to value, linear between values (type 7 of Hyndman & Fan).
    """

    count: int
    missing: int
    mean: float
    std: float | None
    variance: float | None
    ddof: int
    min: float
    max: float
    quantiles: Mapping[float, float]

    @property
    def median(self) -> float | None:
        """The quantile of 0.5; None if it was not asked for."""
        return self.quantiles.get(0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticalAnalysis(Summary):
    """What `statistical_analysis` found: the figures of all values together, as in a `Summary`, and more.

    Attributes:
        shape: of the input.
        distribution: skewness, kurtosis, class, test of normality, fitted families.
        intervals: of mean, median and standard deviation.
        bootstrap: of the mean; None if it was not asked for, or with NaN.
        columns: the figures of each column of a table; empty for one dimension.
        correlation: of the columns of a table; None for one dimension.
    """

    shape: tuple[int, ...]
    distribution: DistributionAnalysis
    intervals: Intervals
    bootstrap: Bootstrap | None
    columns: tuple[Summary, ...]
    correlation: CorrelationAnalysis | None


class StatisticsOptions(TypedDict, total=False):
    """The keyword arguments of `statistical_analysis`; see there."""

    ddof: int
    bias: bool
    fisher: bool
    quantiles: Sequence[float]
    nan_policy: NanPolicy | str
    missing_pairs: Missing | str
    include: Collection[str]
    seed: int


def statistical_analysis(
    data: ArrayLike, *, config: ComputeConfig | None = None, **options: Unpack[StatisticsOptions]
) -> StatisticalAnalysis:
    """Analyse a sample, or a table of n rows and p columns.

    Args:
        data: real numbers, shape `(n,)` or `(n, p)`, without infinities. The figures of a table are those of
            all its values, as in the reference design, with those of the columns beside.
        config: its `statistics` and `performance` settings.
        options: `ddof`: what is taken off the count in the divisor of variance and standard deviation; 0 by
            default, as in the reference design. `bias`: whether skewness and kurtosis are those of the
            sample, which is the default, or adjusted for its size. `fisher`: whether 3 is taken off the
            kurtosis; True by default. `quantiles`: probabilities, the quartiles by default. `nan_policy`:
            `"raise"` (default), `"omit"` or `"propagate"`. `missing_pairs`: how a correlation omits NaN,
            `"listwise"` (default) or `"pairwise"`. `include`: any of `"bootstrap"` and `"families"`. `seed`:
            of these two.

    Raises:
        ComputeInputError: the data are not as above, or nothing is left of them.
        ConfigError: an option is wrong.
        MissingPackageError: scipy is not installed.

    Source:
        As in `moments`, `quantiles`, `normality_of`, `fit_families`, `intervals_of`, `bootstrap_interval` and
        `correlate`.
    """
    chosen, asked = config or DEFAULT, _Asked(**options)  # type: ignore[arg-type]  # names become members in it
    array = floats("data", data, nan=asked.nan_policy)
    if array.ndim not in (1, 2):
        raise ComputeInputError("data", "an array", "of shape (n,) or (n, p)", array.shape)
    kept = without_nan(array, asked.nan_policy)
    check_not_empty("data", kept, array.shape)
    found = moments(kept)
    summary = _summary(kept, found, asked, array.size - len(kept))
    level, clean = chosen.statistics.confidence_level, not np.isnan(found.mean)
    boot = None
    if "bootstrap" in asked.include and clean:
        boot = bootstrap_interval(kept, "mean", seed=asked.seed, config=chosen)
    table = array.ndim == 2
    return StatisticalAnalysis(
        **{name: getattr(summary, name) for name in Summary.__dataclass_fields__},
        shape=array.shape,
        distribution=_distribution(kept, found, asked, chosen.statistics.hypothesis_test_alpha),
        intervals=intervals_of(kept, found, level),
        bootstrap=boot,
        columns=tuple(_column(column, asked) for column in array.T) if table else (),
        correlation=_correlation(array, asked) if table else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options, checked.

    Raises:
        ConfigError: one is wrong.
    """

    ddof: int = 0
    bias: bool = True
    fisher: bool = True
    quantiles: Sequence[float] = QUARTILES
    nan_policy: NanPolicy = NanPolicy.RAISE
    missing_pairs: Missing = Missing.LISTWISE
    include: Collection[str] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        check_count("ddof", self.ddof, least=0)
        check_count("seed", self.seed, least=0)
        for name in ("bias", "fisher"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(name, getattr(self, name), "True or False")
        object.__setattr__(self, "nan_policy", choice(NanPolicy, "nan_policy", self.nan_policy))
        object.__setattr__(self, "missing_pairs", choice(Missing, "missing_pairs", self.missing_pairs))
        unknown = isinstance(self.include, str) or sorted(set(self.include) - set(EXTRAS))
        if unknown:
            raise ConfigError("include", self.include, f"a collection of {one_of(EXTRAS)}")
        wrong = [each for each in self.quantiles if not 0 <= each <= 1]
        if wrong:
            raise ConfigError("quantiles", wrong[0], "probabilities from 0 to 1")


def _summary(kept: NDArray[np.float64], found: Moments, asked: _Asked, missing: int) -> Summary:
    return Summary(
        count=found.count,
        missing=missing,
        mean=found.mean,
        std=found.std(asked.ddof),
        variance=found.variance(asked.ddof),
        ddof=asked.ddof,
        min=float(kept.min()),
        max=float(kept.max()),
        quantiles=quantiles(kept, [float(each) for each in asked.quantiles]),
    )


def _column(column: NDArray[np.float64], asked: _Asked) -> Summary:
    kept = without_nan(column, asked.nan_policy)
    check_not_empty("a column of data", kept, column.shape)
    return _summary(kept, moments(kept), asked, len(column) - len(kept))


def _distribution(
    kept: NDArray[np.float64], found: Moments, asked: _Asked, alpha: float
) -> DistributionAnalysis:
    skewness = found.skewness if asked.bias else found.unbiased_skewness()
    kurtosis = found.kurtosis if asked.bias else found.unbiased_kurtosis()
    fits: tuple[FamilyFit, ...] = ()
    if "families" in asked.include and not np.isnan(found.mean):
        fits = fit_families(kept, alpha=alpha, seed=asked.seed)
    return DistributionAnalysis(
        skewness=skewness,
        kurtosis=kurtosis if kurtosis is None or asked.fisher else kurtosis + 3.0,
        bias=asked.bias,
        fisher=asked.fisher,
        distribution_type=classify(found.skewness, found.kurtosis),
        normality=normality_of(kept, found, alpha),
        families=fits,
        degenerate=found.degenerate,
    )


def _correlation(array: NDArray[np.float64], asked: _Asked) -> CorrelationAnalysis:
    if asked.nan_policy is NanPolicy.PROPAGATE and np.isnan(array).any():
        whole = correlate(array, missing=Missing.PAIRWISE)
        touched = np.isnan(array).any(axis=0)
        for matrix in (whole.correlation_matrix, whole.p_values):
            matrix[touched, :] = matrix[:, touched] = np.nan
        return CorrelationAnalysis(
            correlation_matrix=whole.correlation_matrix,
            p_values=whole.p_values,
            eigenvalues=None,
            counts=np.full_like(whole.counts, len(array)),
            constant_columns=whole.constant_columns,
        )
    return correlate(array, missing=asked.missing_pairs)
