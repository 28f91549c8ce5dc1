"""Numeric work on numpy and scipy: matrices, statistics, hypothesis tests, optimisation.

    from dspex_actors.compute import matrix_analysis, optimize_function, statistical_analysis

    matrix_analysis([[2, 1], [1, 3]]).condition_number             # 2.618
    statistical_analysis([2, 8, 0, 4, 1, 9, 9, 0]).intervals.mean  # 95 %: 0.80 to 7.45
    optimize_function(lambda p: ((p - 3) ** 2).sum(), [0.0, 0.0], method="bfgs").optimized_params

All are plain functions: they run in the thread that calls them, keep nothing, and compute in double
precision. What they cannot say truthfully they leave out (None) or mark (`reliable`, `degenerate`, `note`),
and they do not warn. `Runtime.compute` and `ComputeExecutor` run the same in sandboxed workers, with limits.

`matrix_analysis` and the first two methods of `optimize_function` need numpy alone. The rest needs scipy, and
exact gradients autograd: `pip install 'dspex-actors[compute]'`. Plots need the extra `plots`.
"""

from __future__ import annotations

from dspex_actors.compute._bootstrap import Bootstrap, BootstrapMethod, bootstrap_interval
from dspex_actors.compute._config import (
    ComputeConfig,
    MatrixSettings,
    OptimizationSettings,
    PerformanceSettings,
    StatisticsSettings,
)
from dspex_actors.compute._correlation import CorrelationAnalysis, Missing, correlate
from dspex_actors.compute._count_tests import chi_squared_independence_test, chi_squared_test
from dspex_actors.compute._distribution import DistributionAnalysis, DistributionType, NormalityTest, classify
from dspex_actors.compute._errors import ComputeError, ComputeInputError, MissingPackageError, ObjectiveError
from dspex_actors.compute._families import Family, FamilyFit, fit_families
from dspex_actors.compute._hypotheses import Alternative, HolmCorrection, HypothesisTest, holm_correction
from dspex_actors.compute._inputs import NanPolicy
from dspex_actors.compute._intervals import Interval, Intervals
from dspex_actors.compute._matrix import MatrixAnalysis, matrix_analysis
from dspex_actors.compute._methods import EigenvalueMethod, Ending, GradientSource, Method
from dspex_actors.compute._operations import OPERATIONS, answer, operation
from dspex_actors.compute._optimize import Optimization, optimize_function
from dspex_actors.compute._plots import plot_convergence, plot_correlation, plot_distribution
from dspex_actors.compute._progress import Step
from dspex_actors.compute._rank_tests import kolmogorov_smirnov_test, mann_whitney_test
from dspex_actors.compute._records import from_plain, to_plain
from dspex_actors.compute._statistics import StatisticalAnalysis, Summary, statistical_analysis
from dspex_actors.compute._t_tests import one_sample_t_test, student_t_test, welch_t_test

__all__ = [
    "OPERATIONS",
    "Alternative",
    "Bootstrap",
    "BootstrapMethod",
    "ComputeConfig",
    "ComputeError",
    "ComputeInputError",
    "CorrelationAnalysis",
    "DistributionAnalysis",
    "DistributionType",
    "EigenvalueMethod",
    "Ending",
    "Family",
    "FamilyFit",
    "GradientSource",
    "HolmCorrection",
    "HypothesisTest",
    "Interval",
    "Intervals",
    "MatrixAnalysis",
    "MatrixSettings",
    "Method",
    "Missing",
    "MissingPackageError",
    "NanPolicy",
    "NormalityTest",
    "ObjectiveError",
    "Optimization",
    "OptimizationSettings",
    "PerformanceSettings",
    "StatisticalAnalysis",
    "StatisticsSettings",
    "Step",
    "Summary",
    "answer",
    "bootstrap_interval",
    "chi_squared_independence_test",
    "chi_squared_test",
    "classify",
    "correlate",
    "fit_families",
    "from_plain",
    "holm_correction",
    "kolmogorov_smirnov_test",
    "mann_whitney_test",
    "matrix_analysis",
    "one_sample_t_test",
    "operation",
    "optimize_function",
    "plot_convergence",
    "plot_correlation",
    "plot_distribution",
    "statistical_analysis",
    "student_t_test",
    "to_plain",
    "welch_t_test",
]
