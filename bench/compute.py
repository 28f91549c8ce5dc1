"""What our functions of numeric work cost beside the plain calls of numpy and scipy that they are made of.

Each case has the plain calls that give the same figures, ours called directly, and ours through the compute
executor: a fresh sandboxed worker for each. What a plain call does not give (checks of the input, flags of
what is reliable, moments that cannot overflow) is in ours. BLAS has one thread in all of them. `--overhead`
prints ours in percent of plain.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

# The workers of the executor have it so; with more, one that waits for a busy core holds up all the others.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from _measure import Case, Question, Row
from _table import OURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    Run = Callable[[], Any]

CASES = (
    "matrix 100x100",
    "matrix 400x400, symmetric",
    "1000 matrices 4x4",
    "statistics, n = 1000",
    "statistics, n = 1000000",
    "statistics, 1000 x 20",
    "Welch, n = 1000",
    "Mann-Whitney, n = 1000",
    "bootstrap BCa mean, n = 100",
    "bootstrap BCa mean, n = 1000",
    "bootstrap BCa mean, n = 10000",
    "bootstrap BCa mean, n = 100000, 1000 resamples",
    "L-BFGS-B Rosenbrock",
    "L-BFGS-B quadratic, d = 1000",
)
LONG = {"bootstrap BCa mean, n = 10000", "bootstrap BCa mean, n = 100000, 1000 resamples"}


def _data() -> dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Return for each case the function, its arguments and options."""
    import numpy as np  # noqa: PLC0415 -- each competitor loads its own libraries

    g = np.random.default_rng(7)
    square, big = g.normal(size=(100, 100)), g.normal(size=(400, 400))
    samples = {n: g.gamma(2.0, size=n) for n in (100, 1000, 10_000, 100_000, 1_000_000)}
    pair = (samples[1000], g.gamma(2.2, size=1000))
    searches = (
        {"gradient": rosenbrock_gradient, "method": "l_bfgs_b"},
        {"gradient": slope, "method": "l_bfgs_b"},
    )
    asked: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
        ("matrix_analysis", (square,), {}),
        ("matrix_analysis", (big + big.T,), {}),
        ("matrix_analysis", (g.normal(size=(1000, 4, 4)),), {}),
        ("statistical_analysis", (samples[1000],), {}),
        ("statistical_analysis", (samples[1_000_000],), {}),
        ("statistical_analysis", (g.normal(size=(1000, 20)),), {}),
        ("welch_t_test", pair, {}),
        ("mann_whitney_test", pair, {}),
        *(("bootstrap_interval", (samples[n],), {}) for n in (100, 1000, 10_000)),
        ("bootstrap_interval", (samples[100_000],), {"resamples": 1000}),
        ("optimize_function", (rosenbrock, [-1.2, 1.0]), searches[0]),
        ("optimize_function", (quadratic, np.zeros(1000)), searches[1]),
    )
    return dict(zip(CASES, asked, strict=True))


def rosenbrock(p: Any) -> float:  # noqa: ANN401 -- an array
    """Return the loss of the banana-shaped valley."""
    return float((1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2)


def rosenbrock_gradient(p: Any) -> Any:  # noqa: ANN401 -- as above
    """Return its gradient."""
    import numpy as np  # noqa: PLC0415 -- as above

    return np.array([-2 * (1 - p[0]) - 400 * p[0] * (p[1] - p[0] ** 2), 200 * (p[1] - p[0] ** 2)])


def quadratic(p: Any) -> float:  # noqa: ANN401 -- as above
    """Return the loss of a bowl."""
    return float(((p - 1) ** 2).sum())


def slope(p: Any) -> Any:  # noqa: ANN401 -- as above
    """Return its gradient."""
    return 2 * (p - 1)


@contextmanager
def ours() -> Iterator[Mapping[str, Run]]:
    """Call the functions in this process."""
    from dspex_actors.compute import OPERATIONS  # noqa: PLC0415 -- as above

    def run(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        OPERATIONS[name](*arguments, **options)

    yield {case: partial(run, *asked) for case, asked in _data().items()}


@contextmanager
def executor() -> Iterator[Mapping[str, Run]]:
    """Ask a compute executor, which has a spare worker ready."""
    from dspex_actors import Compute, ComputeExecutor  # noqa: PLC0415 -- as above
    from supervisors import Supervisor  # noqa: PLC0415 -- as above

    with Supervisor.start([ComputeExecutor.child_spec(id="compute")], strategy="one_for_one") as tree:
        address = tree.child("compute")

        def ask(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
            address.call(Compute(name, *arguments, **options), timeout=None).unwrap()

        yield {case: partial(ask, *asked) for case, asked in _data().items()}


@contextmanager
def plain() -> Iterator[Mapping[str, Run]]:
    """Call numpy and scipy for the same figures, without a check or a flag."""
    import numpy as np  # noqa: PLC0415 -- as above
    from scipy import optimize, stats  # noqa: PLC0415 -- as above

    data = {case: arguments for case, (_, arguments, _) in _data().items()}

    def matrix(array: Any, eigenvalues: Callable[[Any], Any]) -> None:  # noqa: ANN401 -- as above
        np.linalg.slogdet(array)  # the determinant follows from it
        eigenvalues(array)
        np.linalg.svd(array, compute_uv=False)
        np.linalg.norm(array, axis=(-2, -1))

    def described(values: Any) -> None:  # noqa: ANN401 -- as above
        mean, std = values.mean(), values.std()
        values.var(), values.min(), values.max()
        np.quantile(values, (0.25, 0.5, 0.75))
        stats.skew(values)
        stats.kurtosis(values)
        n = len(values)
        (stats.shapiro if n <= 5000 else stats.normaltest)(values)
        stats.t.interval(0.95, n - 1, loc=mean, scale=std / np.sqrt(n))
        stats.chi2.ppf((0.025, 0.975), n - 1)
        np.partition(values, (n // 2 - 30, n // 2 + 30))

    def table(values: Any) -> None:  # noqa: ANN401 -- as above
        described(values.ravel())
        for figure in (np.mean, np.std, np.var, np.min, np.max):
            figure(values, axis=0)
        np.quantile(values, (0.25, 0.5, 0.75), axis=0)
        np.linalg.eigvalsh(np.corrcoef(values, rowvar=False))
        stats.pearsonr(values[:, :, None], values[:, None, :], axis=0)

    def bootstrap(values: Any) -> None:  # noqa: ANN401 -- as above
        stats.bootstrap((values,), np.mean, n_resamples=10_000, batch=500, method="BCa")

    def search(function: Any, gradient: Any, start: Any) -> None:  # noqa: ANN401 -- as above
        options = {"gtol": 1e-6, "ftol": 0.0, "maxls": 40}
        optimize.minimize(function, start, jac=gradient, method="L-BFGS-B", options=options)

    runs: tuple[Run, ...] = (
        lambda: matrix(*data[CASES[0]], np.linalg.eigvals),
        lambda: matrix(*data[CASES[1]], np.linalg.eigvalsh),
        lambda: matrix(*data[CASES[2]], np.linalg.eigvals),
        lambda: described(*data[CASES[3]]),
        lambda: described(*data[CASES[4]]),
        lambda: table(*data[CASES[5]]),
        lambda: _quiet(stats.ttest_ind(*data[CASES[6]], equal_var=False).confidence_interval()),
        lambda: _quiet(stats.mannwhitneyu(*data[CASES[7]])),
        lambda: bootstrap(*data[CASES[8]]),
        lambda: bootstrap(*data[CASES[9]]),
        lambda: bootstrap(*data[CASES[10]]),
        _nothing,
        lambda: search(rosenbrock, rosenbrock_gradient, np.array([-1.2, 1.0])),
        lambda: search(quadratic, slope, np.zeros(1000)),
    )
    yield {case: run for case, run in zip(CASES, runs, strict=True) if run is not _nothing}


def _with_threads(workers: int) -> Callable[[], AbstractContextManager[Mapping[str, Run]]]:
    """Return a competitor that makes the bootstraps with so many threads, whatever the threshold says."""

    @contextmanager
    def competitor() -> Iterator[Mapping[str, Run]]:
        from dspex_actors.compute import bootstrap_interval  # noqa: PLC0415 -- as above

        def run(arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
            bootstrap_interval(*arguments, workers=workers, **options)

        yield {
            case: partial(run, arguments, options)
            for case, (name, arguments, options) in _data().items()
            if name == "bootstrap_interval"
        }

    return competitor


def _nothing() -> None:
    """Stand for a plain call that takes minutes: scipy's leave-one-out values of 100,000 are 10**10."""


def _quiet(_: object) -> None:
    """Return nothing, so that the run is timed."""


PLAIN, THROUGH = "numpy and scipy", "dspex_actors, through the executor"
QUESTION = Question(
    name="compute",
    script=__file__,
    competitors={
        OURS: ours,
        THROUGH: executor,
        "dspex_actors, one thread": _with_threads(1),
        "dspex_actors, two threads": _with_threads(2),
        PLAIN: plain,
    },
    cases=tuple(
        Case(name=name, turns=3, runs=2 if name in LONG else 10, quick=(1, 1 if name in LONG else 5))
        for name in CASES
    ),
)


def overhead(rows: list[Row]) -> str:
    """Draw the best runs of ours beside those of the plain calls, in percent more.

    The best runs, since what else the machine does can only add to them.
    """
    best = {(row.case, row.who): min(row.figures) for row in rows if row.figures}
    lines = ["| case | plain, ms | ours, ms | more | through the executor, ms |", "|---|---|---|---|---|"]
    for case in CASES:
        theirs, direct = best.get((case, PLAIN)), best[case, OURS]
        shown = "| |" if theirs is None else f"| {theirs:.3g} |"
        share = "" if theirs is None else f"{(direct / theirs - 1) * 100:+.0f} %"
        lines.append(f"| {case} {shown} {direct:.3g} | {share} | {best[case, THROUGH]:.3g} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if "--overhead" in sys.argv:
        print(overhead(QUESTION.measure(quick="--quick" in sys.argv)))
    else:
        QUESTION.main()
