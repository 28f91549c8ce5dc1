"""The usual test problems: each method finds the minimum, to the tolerance that it claims."""

from __future__ import annotations

import numpy as np
import pytest

from dspex_actors.compute import Ending, GradientSource, Method, optimize_function


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


def beale(p):
    x, y = p[0], p[1]
    return (1.5 - x + x * y) ** 2 + (2.25 - x + x * y**2) ** 2 + (2.625 - x + x * y**3) ** 2


def himmelblau(p):
    return (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2


CURVATURE = np.linspace(1.0, 50.0, 1000)


def quadratic(p):
    return (CURVATURE * (p - 1) ** 2).sum() / 2


def rosenbrock_gradient(p):
    return [-2 * (1 - p[0]) - 400 * p[0] * (p[1] - p[0] ** 2), 200 * (p[1] - p[0] ** 2)]


def beale_gradient(p):
    x, y = p[0], p[1]
    a, b, c = 1.5 - x + x * y, 2.25 - x + x * y**2, 2.625 - x + x * y**3
    return [
        2 * a * (y - 1) + 2 * b * (y**2 - 1) + 2 * c * (y**3 - 1),
        2 * a * x + 4 * b * x * y + 6 * c * x * y**2,
    ]


def himmelblau_gradient(p):
    a, b = p[0] ** 2 + p[1] - 11, p[0] + p[1] ** 2 - 7
    return [4 * p[0] * a + 2 * b, 2 * a + 4 * p[1] * b]


PROBLEMS = {
    "rosenbrock": (rosenbrock, rosenbrock_gradient, [-1.2, 1.0], [1.0, 1.0]),
    "beale": (beale, beale_gradient, [1.0, 1.0], [3.0, 0.5]),
    "himmelblau": (himmelblau, himmelblau_gradient, [0.0, 0.0], [3.0, 2.0]),
    "quadratic": (quadratic, lambda p: CURVATURE * (p - 1), np.zeros(1000), np.ones(1000)),
}

each_problem = pytest.mark.parametrize("name", PROBLEMS)


def assert_converged(found, minimum, *, within):
    assert (found.converged, found.reason) == (True, Ending.GRADIENT_TOLERANCE)
    assert found.gradient_norm <= 1e-6
    assert np.abs(found.optimized_params - minimum).max() < within
    assert found.final_loss < 1e-10
    assert len(found.losses) == len(found.gradient_norms) == found.iterations + 1
    assert (found.losses[0], found.losses[-1]) == (found.initial_loss, found.final_loss)


@each_problem
def test_limited_memory_bfgs_finds_the_minimum_by_autograd(name):
    objective, _, start, minimum = PROBLEMS[name]
    found = optimize_function(objective, start, method="l_bfgs_b")

    assert_converged(found, minimum, within=1e-5)
    assert (found.method, found.gradient_source) == (Method.L_BFGS_B, GradientSource.AUTOGRAD)


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau"])
def test_bfgs_finds_the_minimum_by_central_differences(name):
    objective, _, start, minimum = PROBLEMS[name]
    found = optimize_function(objective, start, method="bfgs", gradient="central_differences")

    assert_converged(found, minimum, within=1e-5)
    assert found.gradient_source is GradientSource.CENTRAL


@pytest.mark.parametrize("name", ["rosenbrock", "beale", "himmelblau"])
def test_the_simplex_finds_the_minimum_without_gradients(name):
    objective, _, start, minimum = PROBLEMS[name]
    found = optimize_function(objective, start, method="nelder_mead")

    assert (found.converged, found.reason) == (True, Ending.SIMPLEX_TOLERANCE)
    assert np.abs(found.optimized_params - minimum).max() < 1e-5
    assert (found.gradient_source, found.gradient_norm) == (GradientSource.NONE, None)


@pytest.mark.parametrize(
    "name", ["beale", "himmelblau", "quadratic", pytest.param("rosenbrock", marks=pytest.mark.slow)]
)
def test_gradient_descent_with_backtracking_needs_no_learning_rate_to_be_found(name):
    objective, gradient, start, minimum = PROBLEMS[name]
    found = optimize_function(
        objective, start, gradient=gradient, backtracking=True, max_iterations=20_000, learning_rate=1.0
    )

    assert_converged(found, minimum, within=1e-4)
    assert (np.diff(found.losses) <= 0).all()
    assert found.gradient_source is GradientSource.USER


@each_problem
def test_adam_finds_the_minimum(name):
    objective, gradient, start, minimum = PROBLEMS[name]
    found = optimize_function(
        objective, start, method="adam", gradient=gradient, learning_rate=0.05, max_iterations=10_000
    )

    assert_converged(found, minimum, within=1e-4)


@pytest.mark.slow
def test_plain_gradient_descent_takes_the_known_number_of_steps_on_rosenbrock():
    found = optimize_function(
        rosenbrock,
        [-1.0, 1.0],
        gradient=rosenbrock_gradient,
        learning_rate=1e-3,
        max_iterations=50_000,
    )

    assert_converged(found, [1.0, 1.0], within=1e-5)
    assert 25_000 < found.iterations < 40_000


def test_momentum_takes_fewer_steps_on_a_quadratic_than_none():
    steps = [
        optimize_function(
            quadratic,
            np.zeros(1000),
            gradient=PROBLEMS["quadratic"][1],
            learning_rate=0.02,
            momentum=momentum,
        ).iterations
        for momentum in (0.0, 0.8)
    ]

    assert steps[1] < steps[0] / 3


@pytest.mark.parametrize("start", [[-1.2, 1.0], [2.0, 2.0]])
def test_too_large_a_learning_rate_ends_as_divergence_with_the_best_point_seen(start):
    found = optimize_function(rosenbrock, start, learning_rate=0.01, gradient=rosenbrock_gradient)

    assert (found.converged, found.reason) == (False, Ending.DIVERGED)
    assert found.iterations < 20
    assert found.final_loss == found.losses.min() <= found.initial_loss
    assert "led to a loss of" in found.detail


@pytest.mark.parametrize("method", ["gradient_descent", "adam", "bfgs", "l_bfgs_b"])
def test_a_loss_without_a_lowest_value_is_never_called_converged(method):
    found = optimize_function(lambda p: -(p**2) - p, 1.0, method=method, max_iterations=200)

    assert found.converged is False
    assert found.reason in {Ending.DIVERGED, Ending.ITERATION_LIMIT, Ending.NO_PROGRESS}


@pytest.mark.parametrize("method", [m.value for m in Method if m is not Method.BFGS])
def test_a_minimum_beyond_the_bounds_is_found_on_them(method):
    found = optimize_function(
        lambda p: ((p - np.array([3.0, 0.2])) ** 2).sum(),
        [0.5, 0.5],
        method=method,
        bounds=(0.0, [1.0, 2.0]),
        learning_rate=0.1,
    )

    assert found.converged is True
    assert found.optimized_params == pytest.approx([1.0, 0.2], abs=1e-4)
    assert (found.optimized_params <= [1.0, 2.0]).all()
