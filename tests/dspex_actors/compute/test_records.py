"""Results cross as plain data and come back as they were; what a guest makes up is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from dspex_actors import DspexError, ProtocolError, values
from dspex_actors.compute import (
    OPERATIONS,
    ComputeError,
    ComputeInputError,
    MissingPackageError,
    ObjectiveError,
    answer,
    bootstrap_interval,
    chi_squared_test,
    from_plain,
    holm_correction,
    matrix_analysis,
    optimize_function,
    statistical_analysis,
    to_plain,
    welch_t_test,
)

TABLE = [[1.0, 2.0], [3.0, 1.0], [2.0, 9.0], [0.5, 4.0]]

RESULTS = {
    "matrix": lambda: matrix_analysis(TABLE[:2]),
    "complex matrix": lambda: matrix_analysis([[0, 1j], [2, 0]]),
    "oblong matrix": lambda: matrix_analysis(np.ones((0, 3))),
    "batch": lambda: matrix_analysis(np.ones((2, 3, 2))),
    "table": lambda: statistical_analysis(TABLE, include=("bootstrap", "families")),
    "one value": lambda: statistical_analysis([1.0], ddof=1),
    "bootstrap": lambda: bootstrap_interval([1.0, 2.0, 4.0], resamples=50),
    "t test": lambda: welch_t_test([1.0, 2.0], [2.0, 4.0]),
    "no test": lambda: chi_squared_test([3, 4], ddof=1),
    "holm": lambda: holm_correction([0.1, 0.2]),
    "search": lambda: optimize_function(lambda p: p["a"] ** 2, {"a": 1.0}),
    "simplex": lambda: optimize_function(lambda p: (p**2).sum(), [1.0], method="nelder_mead"),
}


def through_the_codec(data):
    encoded = values.encode(data)
    values.prepare(encoded.structure)
    return values.decode(encoded.structure, encoded.buffers)


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_comes_back_from_plain_data_as_it_was(name):
    result = RESULTS[name]()
    back = from_plain(through_the_codec(to_plain(result)))

    assert type(back) is type(result)
    assert repr(back) == repr(result)


MATRIX = to_plain(matrix_analysis([[1.0]]))
SAMPLE = to_plain(statistical_analysis([1.0, 2.0]))


@pytest.mark.parametrize(
    "forged",
    [
        None,
        5,
        [],
        {},
        {"record": "os"},
        {"record": ["MatrixAnalysis"]},
        {"record": "MatrixAnalysis"},
        {**MATRIX, "more": 1},
        {**MATRIX, "rank": "1"},
        {**MATRIX, "reliable": 1},
        {**MATRIX, "shape": [1, 1]},
        {**MATRIX, "shape": (1, "1")},
        {**MATRIX, "eigenvalues": [1.0]},
        {**MATRIX, "record": "Summary"},
        {**SAMPLE, "quantiles": {"a": 1.0}},
        {**SAMPLE, "distribution": None},
        {**SAMPLE, "distribution": {**SAMPLE["distribution"], "distribution_type": "strange"}},
        {**SAMPLE, "distribution": MATRIX},
        {**SAMPLE, "columns": ({"record": "Summary"},)},
    ],
)
def test_what_is_not_exactly_a_record_is_refused(forged):
    with pytest.raises(ProtocolError, match="a worker sent"):
        from_plain(forged)


def test_every_operation_is_a_public_function_of_the_package():
    from dspex_actors import compute  # noqa: PLC0415 -- to read its names

    assert all(getattr(compute, name) is function for name, function in OPERATIONS.items())
    assert answer("matrix_analysis", ([[2.0]],), {})["determinant"] == 2.0


ERRORS = [
    ComputeError("text"),
    ComputeInputError("data", "text", "numbers", (2, 3)),
    ComputeInputError("data", "a ragged list", "regular"),
    ObjectiveError("objective", "an array", "one real number", (3,)),
    MissingPackageError("scipy", "compute", "a t test"),
]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
def test_an_error_of_numeric_work_is_picklable_and_keeps_its_parts(error):
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
    assert isinstance(error, DspexError)


def test_each_error_says_what_was_seen_and_what_would_be_right():
    assert [str(error) for error in ERRORS[1:]] == [
        "data must be numbers, got text of shape (2, 3)",
        "data must be regular, got a ragged list",
        "the objective must return one real number, it returned an array of shape (3,)",
        "a t test needs scipy, which is not installed: pip install 'dspex-actors[compute]'",
    ]
