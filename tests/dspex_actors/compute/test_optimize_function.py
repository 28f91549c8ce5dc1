"""How a search is set up, watched and ended; and what it refuses."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np
import pytest

from dspex_actors import ConfigError
from dspex_actors.compute import (
    ComputeConfig,
    ComputeInputError,
    Ending,
    GradientSource,
    ObjectiveError,
    OptimizationSettings,
    optimize_function,
)

Line = namedtuple("Line", "slope offset")  # noqa: PYI024 -- the plain kind, as users have them


def bowl(p):
    return ((p - 3) ** 2).sum()


@pytest.mark.parametrize(
    ("initial", "objective", "expected"),
    [
        (0.0, lambda p: (p - 1) ** 2, 1.0),
        (np.array(0.0), lambda p: (p - 1) ** 2, 1.0),
        ([0, 0], bowl, [3, 3]),
        (((0, 0), (0, 0)), bowl, [[3, 3], [3, 3]]),
        (np.zeros((2, 2, 1), dtype=np.float32), bowl, np.full((2, 2, 1), 3.0)),
    ],
)
@pytest.mark.parametrize("gradient", ["autograd", "central_differences"])
def test_numbers_arrays_and_lists_of_numbers_come_back_as_floats_and_arrays(
    initial, objective, expected, gradient
):
    found = optimize_function(objective, initial, method="bfgs", gradient=gradient).optimized_params

    assert type(found) is (float if np.ndim(initial) == 0 else np.ndarray)
    assert np.shape(found) == np.shape(expected)
    assert found == pytest.approx(np.array(expected), abs=1e-5)


@pytest.mark.parametrize("gradient", ["autograd", "central_differences", "user"])
def test_any_nesting_of_arrays_is_given_to_the_objective_and_back(gradient):
    initial = {
        "layers": [{"w": np.zeros((2, 3)), "b": 0.0}, {"w": [[1.0]], "b": 2}],
        "line": Line(0.0, [1.0]),
    }

    def parts(p):
        layers = [part for layer in p["layers"] for part in (layer["w"], layer["b"])]
        return [*layers, p["line"].slope, p["line"].offset]

    def loss(p):
        return sum(((part - i) ** 2).sum() for i, part in enumerate(map(np.add, parts(p), [0.0] * 6)))

    def slope(p):
        w0, b0, w1, b1, line, offset = (2 * (np.asarray(part) - i) for i, part in enumerate(parts(p)))
        return {"layers": [{"w": w0, "b": b0}, {"w": w1, "b": b1}], "line": Line(line, offset)}

    found = optimize_function(
        loss, initial, method="l_bfgs_b", gradient=slope if gradient == "user" else gradient
    )

    assert [np.unique(np.round(part, 4)).tolist() for part in parts(found.optimized_params)] == [
        [float(i)] for i in range(6)
    ]
    assert type(found.optimized_params["line"]) is Line
    assert type(found.optimized_params["layers"][0]["b"]) is float
    assert found.optimized_params["layers"][0]["w"].shape == (2, 3)
    assert initial["layers"][0]["w"].sum() == 0


@pytest.mark.parametrize(
    ("objective", "source"),
    [
        (lambda p: (p**2).sum(), GradientSource.AUTOGRAD),
        (lambda p: np.exp(p).sum() + (p**4).sum(), GradientSource.AUTOGRAD),
        (
            lambda p: math.exp(p[0]) + p[0] ** 2 + p[1] ** 2,
            GradientSource.CENTRAL,
        ),  # autograd cannot trace it
        (lambda p: sum(float(x) ** 2 for x in p), GradientSource.CENTRAL),  # as above
        (
            lambda p: (np.array(p.tolist() if hasattr(p, "tolist") else [1.0, 1.0]) ** 2).sum(),
            GradientSource.CENTRAL,
        ),
    ],
)
def test_a_gradient_comes_from_autograd_if_that_can_be_trusted_else_from_differences(objective, source):
    found = optimize_function(objective, [1.0, 0.5], method="bfgs")

    assert (found.gradient_source, found.converged) == (source, True)


def test_a_gradient_that_loses_a_part_of_the_objective_on_its_way_is_found_out():
    def half_seen(p):
        hidden = getattr(p, "_value", p)  # what a tracing object hides
        return (p[0] - 1) ** 2 + (hidden[1] - 2) ** 2

    assert optimize_function(half_seen, [0.0, 0.0], method="bfgs").gradient_source is GradientSource.CENTRAL
    with pytest.raises(ObjectiveError, match="differences do not confirm"):
        optimize_function(half_seen, [0.0, 0.0], method="bfgs", gradient="autograd")


def test_a_flat_part_of_the_objective_has_the_gradient_zero_without_a_warning():
    def cliff(p):
        return p**2 if p > 1.0 else 1.0

    found = optimize_function(cliff, 2.0, learning_rate=0.6)

    assert found.gradient_source is GradientSource.AUTOGRAD
    assert (found.reason, found.gradient_norm, found.final_loss) == (Ending.GRADIENT_TOLERANCE, 0.0, 1.0)
    assert optimize_function(lambda p: 1.0, 2.0).gradient_source is GradientSource.CENTRAL  # noqa: ARG005


def test_autograd_that_was_asked_for_and_cannot_do_it_says_why():
    with pytest.raises(ObjectiveError, match=r"what autograd cannot trace \(TypeError"):
        optimize_function(lambda p: math.exp(p), 0.5, gradient="autograd")  # noqa: PLW0108 -- as users write it


def test_differences_stay_within_the_bounds():
    seen = []

    def loss(p):
        seen.append(float(p))
        return math.sqrt(p)  # no number below 0

    found = optimize_function(loss, 0.5, method="l_bfgs_b", bounds=(0.0, 1.0))

    assert found.optimized_params == 0.0
    assert min(seen) >= 0.0
    assert max(seen) <= 1.0


def test_the_callback_is_told_of_each_step_and_can_end_the_search():
    steps = []

    def callback(step):
        steps.append(step)
        return step.iteration == 3

    for method in ("gradient_descent", "adam", "bfgs", "l_bfgs_b", "nelder_mead"):
        steps.clear()
        found = optimize_function(lambda p: (p["x"] - 3.0) ** 4, {"x": 0.0}, method=method, callback=callback)

        assert (found.reason, found.converged) == (Ending.CALLBACK, False)
        assert [step.iteration for step in steps] == [1, 2, 3]
        assert [step.loss for step in steps] == list(found.losses[1:])
        assert steps[-1].params["x"] == found.optimized_params["x"]


def test_what_callback_and_objective_do_to_their_parameters_does_not_matter():
    def vandal(p):
        value = float(((p - 3) ** 2).sum())
        p[:] = 1e9
        return value

    def callback(step):
        step.params[:] = -1e9

    found = optimize_function(
        vandal, [0.0], gradient=lambda p: 2 * (p - 3), callback=callback, learning_rate=0.1
    )

    assert found.optimized_params == pytest.approx([3.0], abs=1e-5)


@pytest.mark.parametrize("method", ["gradient_descent", "adam", "bfgs", "l_bfgs_b", "nelder_mead"])
def test_the_limit_of_iterations_ends_a_search_that_has_not_converged(method):
    found = optimize_function(lambda p: ((p - 3) ** 4).sum(), [0.0, 9.0], method=method, max_iterations=2)

    assert (found.reason, found.converged, found.iterations) == (Ending.ITERATION_LIMIT, False, 2)


@pytest.mark.parametrize("method", ["gradient_descent", "adam", "bfgs", "l_bfgs_b"])
def test_a_search_that_begins_at_the_minimum_has_converged_without_a_step(method):
    found = optimize_function(bowl, [3.0, 3.0], method=method)

    assert (found.converged, found.iterations, found.final_loss) == (True, 0, 0.0)


def test_the_rule_of_the_reference_ends_a_search_by_a_small_change_of_the_loss():
    found = optimize_function(bowl, [0.0], loss_tolerance=1e-6)

    assert (found.reason, found.converged) == (Ending.LOSS_TOLERANCE, True)
    assert abs(found.losses[-1] - found.losses[-2]) <= 1e-6 < abs(found.losses[-2] - found.losses[-3])


def test_settings_of_the_call_go_before_those_of_the_config():
    config = ComputeConfig(optimization=OptimizationSettings(default_method="bfgs", max_iterations=1))

    assert optimize_function(bowl, [0.0], config=config).method.value == "bfgs"
    assert optimize_function(bowl, [0.0], config=config, method="adam").iterations == 1
    assert optimize_function(bowl, [0.0], config=config, method="adam", max_iterations=2).iterations == 2


def test_a_progress_bar_shows_the_last_step_on_standard_error(capsys):
    optimize_function(bowl, [0.0], max_iterations=5, progress=True)
    written = capsys.readouterr()

    assert written.out == ""
    assert "gradient_descent [########################] 5/5  loss" in written.err
    assert written.err.endswith("\n")


def test_what_the_objective_raises_comes_through_as_it_is():
    def broken(_):
        raise KeyError("weights")

    with pytest.raises(KeyError, match="weights"):
        optimize_function(broken, [0.0])


@pytest.mark.parametrize(
    ("objective", "message", "shape"),
    [
        (lambda p: p, r"one real number, it returned an array of shape \(2,\)", (2,)),
        (lambda p: p[:1], r"of shape \(1,\)", (1,)),
        (lambda p: [[1.0], [1.0, 2.0]], "a ragged list", None),  # noqa: ARG005
        (lambda p: None, "NoneType", None),  # noqa: ARG005
        (lambda p: "3", "value of dtype <U1", ()),  # noqa: ARG005
        (lambda p: 1j, "complex128", ()),  # noqa: ARG005
        (lambda p: {}, "dict", None),  # noqa: ARG005
        (lambda p: math.nan, "a finite number, it returned nan at the initial parameters", ()),  # noqa: ARG005
        (lambda p: -math.inf, "a finite number", ()),  # noqa: ARG005
        (lambda p: np.log(-np.abs(p[0])), "a finite number, it returned nan", ()),
    ],
)
@pytest.mark.parametrize("method", ["gradient_descent", "bfgs", "nelder_mead"])
def test_an_objective_that_returns_no_number_is_refused_with_what_it_returned(
    objective, message, shape, method
):
    with pytest.raises(ObjectiveError, match=message) as caught:
        optimize_function(objective, [1.0, 2.0], method=method)
    assert caught.value.shape == shape


@pytest.mark.parametrize("method", ["gradient_descent", "adam"])
def test_a_loss_that_becomes_nan_on_the_way_ends_the_search_with_the_last_good_point(method):
    found = optimize_function(np.log, 0.015, method=method, learning_rate=0.01, max_iterations=10_000)

    assert found.reason is Ending.DIVERGED
    assert math.isfinite(found.final_loss)
    assert found.optimized_params > 0


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda p: p[:1], r"of shape \(2,\), it returned an array of shape \(1,\)"),
        (lambda p: {"x": p}, "nested as the parameters"),
        (lambda p: [[1.0], [2.0, 3.0]], "ragged"),  # noqa: ARG005
        (lambda p: p * math.nan, "nan at the initial parameters"),
        (lambda p: np.array(["a", "b"]), "text"),  # noqa: ARG005
    ],
)
def test_a_gradient_of_another_shape_is_refused(gradient, message):
    for method in ("gradient_descent", "l_bfgs_b"):
        with pytest.raises(ObjectiveError, match=message):
            optimize_function(bowl, [1.0, 2.0], gradient=gradient, method=method)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bounds": (0.0, 1.0)}, ConfigError, "'l_bfgs_b' takes bounds"),
        ({"method": "newton"}, ConfigError, "one of 'gradient_descent', 'adam', 'bfgs'"),
        ({"gradient": "magic"}, ConfigError, "one of 'auto', 'autograd', 'central_differences'"),
        ({"learning_rat": 1.0}, ConfigError, "option must be one of 'learning_rate'"),
        ({"learning_rate": 0.0}, ConfigError, "learning_rate must be a number > 0"),
        ({"momentum": 1.0}, ConfigError, "momentum must be a number >= 0 and < 1"),
        ({"max_iterations": -1}, ConfigError, "max_iterations"),
        ({"tolerance": math.nan}, ConfigError, "tolerance"),
        ({"method": "l_bfgs_b", "bounds": 3}, ComputeInputError, "a tuple of the lowest and the highest"),
        ({"method": "l_bfgs_b", "bounds": (5.0, None)}, ComputeInputError, "within its bounds 5 and inf"),
        ({"method": "l_bfgs_b", "bounds": (2.0, 1.0)}, ComputeInputError, "in order"),
        (
            {"method": "l_bfgs_b", "bounds": ([0.0], None)},
            ComputeInputError,
            r"\(2,\), got an array of shape",
        ),
    ],
)
def test_a_wrong_setting_of_a_search_is_refused_by_its_name(options, error, message):
    options = {"method": "bfgs", **options}
    with pytest.raises(error, match=message):
        optimize_function(bowl, [1.0, 2.0], **options)
