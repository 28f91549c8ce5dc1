"""Plots show what they are given, and are of no global state's making."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from dspex_actors.compute import (
    ComputeInputError,
    correlate,
    optimize_function,
    plot_convergence,
    plot_correlation,
    plot_distribution,
)


def drawn(figure):
    """Draw a figure and return its axes; drawing finds what setting up does not."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=40)
    assert file.getvalue().startswith(b"\x89PNG")
    assert "matplotlib.pyplot" not in sys.modules
    return figure.axes[0]


def test_a_distribution_is_drawn_with_all_its_values_and_its_normal_density():
    sample = np.random.default_rng(0).normal(5.0, 2.0, 400)
    axes = drawn(plot_distribution(sample, name="seconds"))
    area = sum(bar.get_width() * bar.get_height() for bar in axes.patches if bar.get_label() != "middle half")
    curve = axes.lines[0]

    assert axes.get_xlabel() == "seconds"
    assert curve.get_xdata()[curve.get_ydata().argmax()] == pytest.approx(sample.mean(), abs=0.05)
    assert area > 0.99
    assert "400 values" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_constant_sample_is_drawn_without_a_density():
    axes = drawn(plot_distribution([2.0, 2.0]))

    assert len(axes.lines) == 1  # the median


def test_a_correlation_is_drawn_as_a_map_with_the_names_of_its_columns():
    table = np.random.default_rng(0).normal(size=(20, 3))
    axes = drawn(plot_correlation(correlate(table), names=["a", "b", "c"]))

    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b", "c"]
    assert "1.00" in [text.get_text() for text in axes.texts]
    assert axes.images[0].get_clim() == (-1, 1)


def test_names_that_are_not_one_for_each_column_are_refused():
    with pytest.raises(
        ComputeInputError, match=r"2 names, one for each column, got 1 names of shape \(2, 2\)"
    ):
        plot_correlation(correlate(np.eye(2)), names=["a"])


def test_convergence_is_drawn_against_the_steps_in_powers_of_ten():
    found = optimize_function(lambda p: ((p - 1) ** 2).sum(), [0.0, 5.0], learning_rate=0.2)
    axes = drawn(plot_convergence(found))
    loss, gradient = axes.lines

    assert axes.get_yscale() == "log"
    assert len(loss.get_ydata()) == len(gradient.get_ydata()) == found.iterations + 1
    assert "gradient_tolerance" in axes.get_title()


def test_convergence_without_gradients_is_drawn_by_its_loss_alone():
    found = optimize_function(lambda p: ((p - 1) ** 2).sum(), [0.0], method="nelder_mead")

    assert len(drawn(plot_convergence(found)).lines) == 1
