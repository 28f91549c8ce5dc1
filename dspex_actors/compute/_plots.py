"""Pictures for people who would rather look. Each is a figure of matplotlib that no global state knows of.

`figure.savefig("name.png")` writes one; a notebook shows what a cell returns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._inputs import sample
from dspex_actors.compute._moments import moments
from dspex_actors.compute._optional import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from dspex_actors.compute._correlation import CorrelationAnalysis
    from dspex_actors.compute._optimize import Optimization

_BLUE, _ORANGE = "#0072b2", "#d55e00"  # told apart by those who see few colours, too (Okabe & Ito)
_TINY = 1e-300


def _figure(width: float, height: float) -> Any:  # noqa: ANN401 -- matplotlib is an extra
    return load("matplotlib.figure", extra="plots", needed_for="a plot").Figure(
        figsize=(width, height), layout="constrained"
    )


def plot_distribution(data: ArrayLike, *, name: str = "value") -> Any:  # noqa: ANN401 -- as above
    """Draw a sample's histogram, the normal density of its mean and spread, and its quartiles.

    Args:
        data: shape `(n,)`, finite.
        name: of what was measured, for the axis.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ComputeInputError: the data are no sample.
        MissingPackageError: matplotlib is not installed.
    """
    values = sample("data", data)
    found = moments(values)
    figure = _figure(6.4, 4.0)
    axes = figure.add_subplot()
    bins = 1 if found.degenerate else min(100, len(np.histogram_bin_edges(values, "auto")) - 1)
    axes.hist(values, bins=bins, density=True, color=_BLUE, alpha=0.55, label=f"{len(values)} values")
    spread = found.std(0)
    if spread:
        at = np.linspace(values.min() - spread, values.max() + spread, 400)
        density = np.exp(-0.5 * ((at - found.mean) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        axes.plot(at, density, color=_ORANGE, label=f"normal, {found.mean:.4g} ± {spread:.4g}")
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    axes.axvspan(low, high, color="0.5", alpha=0.15, label="middle half")
    axes.axvline(middle, color="0.3", linewidth=1)
    axes.set(xlabel=name, ylabel="density")
    axes.legend(frameon=False)
    return figure


def plot_correlation(correlation: CorrelationAnalysis, *, names: Sequence[str] | None = None) -> Any:  # noqa: ANN401 -- as above
    """Draw a correlation matrix as a map of colours, with its coefficients where there is room.

    Args:
        correlation: of p columns.
        names: of the columns; their numbers by default.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ComputeInputError: there are more or fewer names than columns.
        MissingPackageError: matplotlib is not installed.
    """
    matrix = correlation.correlation_matrix
    p = len(matrix)
    labels = [str(i) for i in range(p)] if names is None else list(names)
    if len(labels) != p:
        raise ComputeInputError("names", f"{len(labels)} names", f"{p} names, one for each column", (p, p))
    side = min(12.0, 2.5 + 0.55 * p)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(matrix, vmin=-1, vmax=1, cmap="PuOr_r")
    axes.set_xticks(range(p), labels, rotation=45, ha="right")
    axes.set_yticks(range(p), labels)
    for (row, column), value in np.ndenumerate(matrix):
        if p <= 15 and np.isfinite(value):
            colour = "white" if abs(value) > 0.6 else "black"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, label="correlation", shrink=0.8)
    return figure


def plot_convergence(optimization: Optimization) -> Any:  # noqa: ANN401 -- as above
    """Draw the loss above its lowest value, and the gradient, against the steps, both in powers of ten.

    Args:
        optimization: what was found.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        MissingPackageError: matplotlib is not installed.
    """
    figure = _figure(6.4, 4.0)
    axes = figure.add_subplot()
    above = optimization.losses - optimization.losses.min()
    axes.plot(np.where(above > _TINY, above, np.nan), color=_BLUE, label="loss above its lowest")
    if len(optimization.gradient_norms):
        norms = optimization.gradient_norms
        axes.plot(np.where(norms > _TINY, norms, np.nan), color=_ORANGE, label="largest part of the gradient")
    axes.set_yscale("log")
    axes.set(xlabel="step", title=f"{optimization.method.value}: {optimization.reason.value}")
    axes.legend(frameon=False)
    return figure
