"""What is no array of finite numbers is refused at every door, with its name, its kind and its shape."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dspex_actors import ConfigError
from dspex_actors.compute import (
    ComputeConfig,
    ComputeInputError,
    MatrixSettings,
    OptimizationSettings,
    PerformanceSettings,
    StatisticsSettings,
    bootstrap_interval,
    matrix_analysis,
    optimize_function,
    statistical_analysis,
)

DOORS = {
    "matrix": matrix_analysis,
    "data": statistical_analysis,
    "initial_params": lambda data: optimize_function(lambda p: 0.0, data),  # noqa: ARG005
}

BAD = [
    ([[1, 2], [3]], "a ragged list: row 0 has 2 values, row 1 has 1", None),
    ([[1, "a"], [2, 3]], "text", (2, 2)),
    (np.array([[1, None]], dtype=object), r"Python objects \(int first\)", (1, 2)),
    ([[1, 10**400]], r"Python objects \(int first\)", (1, 2)),
    ([[1.0, math.inf], [0.0, 1.0]], r"1 values that are infinite \(the first at index \(0, 1\)\)", (2, 2)),
    ([[1.0, math.nan], [0.0, math.nan]], r"2 values that are NaN", (2, 2)),
    (np.array([["2026-01-01"]], dtype="datetime64[D]"), "dates or durations", (1, 1)),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(("data", "message", "shape"), BAD)
def test_what_is_no_array_of_finite_numbers_is_refused_at_every_door(door, data, message, shape):
    if door == "initial_params" and isinstance(data, list) and "ragged" not in message:
        data = np.array(data, dtype=object) if "objects" in message else np.array(data)
    with pytest.raises(ComputeInputError, match=message) as caught:
        DOORS[door](data)

    assert caught.value.field == door
    assert caught.value.shape == shape
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: matrix_analysis(5.0), r"a matrix, or a batch \(..., m, n\), got an array of shape \(\)"),
        (lambda: matrix_analysis([1.0, 2.0]), r"got an array of shape \(2,\)"),
        (lambda: matrix_analysis("abc"), "text"),
        (lambda: matrix_analysis({"a": 1}), r"Python objects \(dict first\)"),
        (lambda: matrix_analysis(None), r"Python objects \(NoneType first\)"),
        (lambda: statistical_analysis(5.0), r"of shape \(n,\) or \(n, p\), got an array of shape \(\)"),
        (lambda: statistical_analysis(np.ones((2, 2, 2))), r"got an array of shape \(2, 2, 2\)"),
        (lambda: statistical_analysis([]), r"at least one value, got an empty array of shape \(0,\)"),
        (lambda: statistical_analysis(np.ones((0, 3))), r"an empty array of shape \(0, 3\)"),
        (lambda: statistical_analysis([1j]), "real numbers, got complex numbers"),
        (lambda: bootstrap_interval([[1.0]]), r"a sample of one dimension, got an array of shape \(1, 1\)"),
        (lambda: optimize_function(lambda p: p, []), "at least one number, got no numbers"),
        (lambda: optimize_function(lambda p: p, {}), "at least one number, got no numbers"),
        (
            lambda: optimize_function(lambda p: p, {"a": "x"}),
            r"initial_params\['a'\] must be an array of numbers",
        ),
        (lambda: optimize_function(lambda p: p, [1.0, [2.0, 3.0]]), "ragged"),
        (lambda: optimize_function(lambda p: p, {"a": [np.ones(2), object()]}), r"\['a'\]\[1\]"),
    ],
)
def test_a_wrong_shape_is_refused_with_the_shape_that_would_be_right(call, message):
    with pytest.raises(ComputeInputError, match=message):
        call()


def test_parameters_nested_without_end_are_refused():
    endless = {"a": 1.0}
    endless["self"] = endless
    with pytest.raises(ComputeInputError, match="nested at most 32 deep"):
        optimize_function(lambda p: p, endless)


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint64", "float16", "float32", "longdouble", ">f8", "<i4"]
)
def test_numbers_of_any_size_and_byte_order_are_taken(dtype):
    data = np.array([0, 1, 1, 0, 1], dtype=dtype)

    assert statistical_analysis(data).mean == 0.6
    assert matrix_analysis(data[None, :]).frobenius_norm == pytest.approx(math.sqrt(3))


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        (MatrixSettings, "tolerance", -1.0),
        (MatrixSettings, "tolerance", 1.0),
        (MatrixSettings, "eigenvalue_method", "qr"),
        (OptimizationSettings, "default_method", "newton"),
        (OptimizationSettings, "learning_rate", "fast"),
        (OptimizationSettings, "backtracking", 1),
        (OptimizationSettings, "loss_tolerance", -1e-9),
        (StatisticsSettings, "confidence_level", 95),
        (StatisticsSettings, "hypothesis_test_alpha", 0.0),
        (StatisticsSettings, "bootstrap_samples", 0),
        (PerformanceSettings, "batch_size", 0),
        (PerformanceSettings, "memory_limit_mb", 0.5),
        (PerformanceSettings, "parallel_threshold", -1),
        (ComputeConfig, "matrix", None),
        (ComputeConfig, "performance", MatrixSettings()),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_name(settings, name, value):
    with pytest.raises(ConfigError, match=name):
        settings(**{name: value})


def test_the_defaults_are_those_of_the_reference_design():
    config = ComputeConfig()

    assert config.matrix.tolerance == 1.0e-10
    assert config.optimization.default_method.value == "gradient_descent"
    assert config.optimization.learning_rate == 0.01
    assert config.optimization.tolerance == 1.0e-6
    assert config.optimization.max_iterations == 1000
    assert config.statistics.confidence_level == 0.95
    assert config.statistics.hypothesis_test_alpha == 0.05
    assert config.statistics.bootstrap_samples == 10_000
    assert config.performance.batch_size == 1000
    assert config.performance.memory_limit_mb == 2000
    assert config.performance.parallel_threshold == 10_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"ddof": -1},
        {"bias": "yes"},
        {"quantiles": [1.5]},
        {"nan_policy": "ignore"},
        {"missing_pairs": "all"},
        {"include": ["everything"]},
        {"include": "bootstrap"},
        {"seed": None},
    ],
)
def test_a_wrong_option_of_an_analysis_is_refused_by_its_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        statistical_analysis([1.0, 2.0], **wrong)
