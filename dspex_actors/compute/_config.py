"""How numeric work is done by default: the settings of the reference design, each with its unit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from dspex_actors._config import check_count
from dspex_actors._errors import ConfigError
from dspex_actors.compute._inputs import choice, fraction
from dspex_actors.compute._methods import EigenvalueMethod, Method


def check_number(
    field_name: str, value: object, *, above: float | None = None, below: float = math.inf
) -> None:
    """Refuse what is not a number of at least zero, or more than `above`, and less than `below`.

    Raises:
        ConfigError: it is something else.
    """
    good = isinstance(value, (int, float)) and not isinstance(value, bool)
    number = value if good else math.nan
    if not (number > above if above is not None else number >= 0) or not number < below:  # type: ignore[operator]  # `good`
        least = f"a number > {above:g}" if above is not None else "a number >= 0"
        most = f" and < {below:g}" if below < math.inf else ", finite"
        raise ConfigError(field_name, value, least + most)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixSettings:
    """How matrices are looked at.

    Attributes:
        tolerance: a singular value counts for the rank if it is larger than this times the largest one;
            `max(m, n)` rounding errors of that are taken for zero in any case. 0 for these alone.
        eigenvalue_method: `"auto"` takes the symmetric solver where the matrix is symmetric or Hermitian;
            `"eigh"` refuses other matrices, `"eig"` never takes it.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    tolerance: float = 1.0e-10
    eigenvalue_method: EigenvalueMethod | str = EigenvalueMethod.AUTO

    def __post_init__(self) -> None:
        check_number("MatrixSettings.tolerance", self.tolerance, below=1.0)
        method = choice(EigenvalueMethod, "MatrixSettings.eigenvalue_method", self.eigenvalue_method)
        object.__setattr__(self, "eigenvalue_method", method)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizationSettings:
    """How a minimum is looked for.

    Attributes:
        default_method: what `optimize_function` uses when it is not told.
        learning_rate: the step is this times the search direction; the first step to try with backtracking.
        tolerance: converged when no part of the projected gradient is larger; for `nelder_mead` the size of
            the simplex, in place and in value.
        loss_tolerance: converged, too, when a step changes the loss by no more; None for never. The rule of
            the reference design, which a small learning rate satisfies anywhere.
        max_iterations: steps, after which it ends without having converged.
        momentum: share of the last step that is added to the next one (heavy ball), 0 for none.
        backtracking: whether steps are halved until the loss falls by Armijo's rule; gradient descent only.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    default_method: Method | str = Method.GRADIENT_DESCENT
    learning_rate: float = 0.01
    tolerance: float = 1.0e-6
    loss_tolerance: float | None = None
    max_iterations: int = 1000
    momentum: float = 0.0
    backtracking: bool = False

    def __post_init__(self) -> None:
        method = choice(Method, "OptimizationSettings.default_method", self.default_method)
        object.__setattr__(self, "default_method", method)
        check_number("learning_rate", self.learning_rate, above=0.0)
        check_number("tolerance", self.tolerance)
        if self.loss_tolerance is not None:
            check_number("loss_tolerance", self.loss_tolerance)
        check_count("max_iterations", self.max_iterations, least=0)
        check_number("momentum", self.momentum, below=1.0)
        if not isinstance(self.backtracking, bool):
            raise ConfigError("backtracking", self.backtracking, "True or False")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsSettings:
    """How samples are looked at.

    Attributes:
        confidence_level: of every interval, as a fraction.
        hypothesis_test_alpha: a test rejects when its p-value is not larger.
        bootstrap_samples: resamples of a bootstrap.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    confidence_level: float = 0.95
    hypothesis_test_alpha: float = 0.05
    bootstrap_samples: int = 10_000

    def __post_init__(self) -> None:
        fraction("confidence_level", self.confidence_level)
        fraction("hypothesis_test_alpha", self.hypothesis_test_alpha)
        check_count("bootstrap_samples", self.bootstrap_samples, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceSettings:
    """What numeric work may use.

    Attributes:
        batch_size: resamples that are drawn together, at most. Each batch has a generator of its own, so
            another size draws other resamples.
        memory_limit_mb: MiB (2**20 bytes) that a bootstrap's batches may take together, and that a guest of
            the compute executor may add to its worker.
        parallel_threshold: a bootstrap of a sample larger than this uses a thread for each core.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    batch_size: int = 1000
    memory_limit_mb: int = 2000
    parallel_threshold: int = 10_000

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size, least=1)
        check_count("memory_limit_mb", self.memory_limit_mb, least=1)
        check_count("parallel_threshold", self.parallel_threshold, least=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeConfig:
    """How numeric work is done where a call does not say otherwise.

    Attributes:
        matrix: of `matrix_analysis`.
        optimization: of `optimize_function`.
        statistics: of `statistical_analysis`, the bootstrap and the hypothesis tests.
        performance: of all of them.

    Raises:
        ConfigError: a group of settings has the wrong type.
    """

    matrix: MatrixSettings = field(default_factory=MatrixSettings)
    optimization: OptimizationSettings = field(default_factory=OptimizationSettings)
    statistics: StatisticsSettings = field(default_factory=StatisticsSettings)
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)

    def __post_init__(self) -> None:
        for name, kind in (
            ("matrix", MatrixSettings),
            ("optimization", OptimizationSettings),
            ("statistics", StatisticsSettings),
            ("performance", PerformanceSettings),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ConfigError(f"ComputeConfig.{name}", value, f"a {kind.__name__}")


DEFAULT = ComputeConfig()
