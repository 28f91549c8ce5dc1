"""What `matrix_analysis` says of special, damaged and strange matrices, and of batches."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from dspex_actors.compute import (
    ComputeConfig,
    ComputeInputError,
    MatrixSettings,
    matrix_analysis,
)

NUMBERS = ("determinant", "determinant_sign", "log_magnitude", "condition_number", "frobenius_norm")


def test_a_small_symmetric_matrix_has_the_figures_of_the_textbook():
    found = matrix_analysis([[2, 1], [1, 2]])

    assert found.determinant == pytest.approx(3.0, rel=1e-15)
    assert found.eigenvalues == pytest.approx([1.0, 3.0])
    assert found.condition_number == pytest.approx(3.0)
    assert (found.rank, found.symmetric, found.reliable) == (2, True, True)
    assert found.frobenius_norm == pytest.approx(math.sqrt(10))


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30, 1e200])
@pytest.mark.parametrize("matrix", [np.ones((3, 3)), [[1, 2], [2, 4]], np.zeros((2, 2)), [[0.0]]])
def test_a_singular_matrix_is_told_by_its_rank_at_any_scale(matrix, scale):
    array = np.asarray(matrix) * scale
    found = matrix_analysis(array)

    assert found.rank < len(array)
    assert found.condition_number == np.inf
    assert not found.reliable
    assert "singular" in found.reason


def test_a_nearly_singular_matrix_is_finite_but_not_called_reliable():
    found = matrix_analysis([[1.0, 1.0], [1.0, 1.0 + 1e-9]])

    assert 1e9 < found.condition_number < 1e10
    assert found.reliable is False
    assert "ill-conditioned" in found.reason


def test_a_determinant_beyond_doubles_is_told_by_sign_and_logarithm():
    found = matrix_analysis(10 * np.eye(400))

    assert found.determinant == np.inf
    assert (found.determinant_sign, found.reliable) == (1.0, False)
    assert found.log_magnitude == pytest.approx(400 * math.log(10), rel=1e-14)
    assert (found.condition_number, found.rank) == (1.0, 400)
    assert "log_magnitude" in found.reason


@pytest.mark.parametrize(("scale", "determinant"), [(1e300, np.inf), (1e-300, 0.0)])
def test_squares_that_overflow_or_vanish_do_not_spoil_the_norm(scale, determinant):
    found = matrix_analysis(scale * np.array([[3.0, 0.0], [0.0, 4.0]]))

    assert found.frobenius_norm == pytest.approx(5 * scale, rel=1e-14)
    assert found.singular_values == pytest.approx([4 * scale, 3 * scale])
    assert found.log_magnitude == pytest.approx(math.log(12) + 2 * math.log(scale), rel=1e-14)
    assert found.determinant == determinant
    assert found.condition_number == pytest.approx(4 / 3)


def test_a_hermitian_matrix_has_real_eigenvalues_and_a_unit_determinant_sign():
    found = matrix_analysis([[2, 1j], [-1j, 2]])

    assert found.symmetric is True
    assert found.eigenvalues.dtype == np.float64
    assert found.eigenvalues == pytest.approx([1.0, 3.0])
    assert abs(found.determinant_sign) == pytest.approx(1.0)
    assert found.determinant == pytest.approx(3.0)


def test_a_complex_matrix_of_extreme_size_keeps_its_determinant_free_of_nan():
    found = matrix_analysis([[1e200, 0], [0, 1e200j]])

    assert (found.determinant.real, found.determinant.imag) == (0.0, np.inf)
    assert found.determinant_sign == pytest.approx(1j)


def test_a_rotation_has_complex_eigenvalues_of_magnitude_one():
    found = matrix_analysis([[0, -1], [1, 0]])

    assert sorted(found.eigenvalues, key=lambda z: z.imag) == pytest.approx([-1j, 1j])
    assert found.eigenvalue_condition == pytest.approx(1.0)


def test_a_defective_matrix_says_that_its_eigenvalues_cannot_be_trusted():
    found = matrix_analysis([[1.0, 1.0], [0.0, 1.0]])

    assert found.reliable is False
    assert "eigenvectors" in found.reason


@pytest.mark.parametrize(
    ("shape", "determinant", "eigenvalues"),
    [((0, 0), 1.0, 0), ((0, 3), None, 0), ((3, 0), None, 0), ((1, 1), 1.0, 1), ((2, 3), None, 0)],
)
def test_empty_tiny_and_oblong_matrices_are_answered(shape, determinant, eigenvalues):
    found = matrix_analysis(np.eye(*shape))

    assert found.determinant == determinant
    assert found.eigenvalues.shape == (eigenvalues,)
    assert found.rank == min(shape)
    assert found.reliable is True
    assert (found.condition_number is None) is (0 in shape)


def test_the_stated_tolerance_decides_the_rank():
    matrix = np.diag([1.0, 1e-5, 1e-12])
    ranks = {
        tolerance: matrix_analysis(
            matrix, config=ComputeConfig(matrix=MatrixSettings(tolerance=tolerance))
        ).rank
        for tolerance in (1e-4, 1e-10, 0.0)
    }

    assert ranks == {1e-4: 1, 1e-10: 2, 0.0: 3}
    assert matrix_analysis(matrix).rank_tolerance == pytest.approx(1e-10)


def test_the_symmetric_solver_refuses_another_matrix_when_it_was_insisted_on():
    config = ComputeConfig(matrix=MatrixSettings(eigenvalue_method="eigh"))

    assert matrix_analysis([[2, 1], [1, 2]], config=config).eigenvalues == pytest.approx([1, 3])
    with pytest.raises(ComputeInputError, match=r"symmetric.*\(2, 2\)"):
        matrix_analysis([[2, 1], [0, 2]], config=config)


def test_the_general_solver_can_be_asked_for_and_gives_complex_numbers():
    config = ComputeConfig(matrix=MatrixSettings(eigenvalue_method="eig"))
    found = matrix_analysis([[2, 1], [1, 2]], config=config)

    assert found.eigenvalues.dtype == np.complex128
    assert sorted(found.eigenvalues.real) == pytest.approx([1, 3])


MIXED = np.stack([[[2.0, 1.0], [1.0, 2.0]], [[0.0, -1.0], [1.0, 0.0]], np.ones((2, 2)), 1e300 * np.eye(2)])


def test_each_matrix_of_a_batch_is_analysed_as_if_it_were_alone():
    batch = matrix_analysis(MIXED)
    alone = [matrix_analysis(matrix) for matrix in MIXED]

    for name in (*NUMBERS, "rank", "rank_tolerance", "symmetric", "reliable", "eigenvalue_condition"):
        assert getattr(batch, name).shape == (4,)
        assert list(getattr(batch, name)) == pytest.approx([getattr(each, name) for each in alone]), name
    assert batch.reason == tuple(each.reason for each in alone)
    for name in ("eigenvalues", "singular_values"):
        assert np.allclose(getattr(batch, name), [getattr(each, name) for each in alone], atol=0), name


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 0), (2, 3, 2, 4), (1, 1, 1)])
def test_batches_of_any_shape_have_figures_of_their_shape(shape):
    found = matrix_analysis(np.ones(shape))

    assert found.rank.shape == found.frobenius_norm.shape == shape[:-2]
    assert found.singular_values.shape == (*shape[:-2], min(shape[-2:]))
    assert len(found.reason) == math.prod(shape[:-2])


elements = st.floats(-1e6, 1e6).map(lambda x: round(x, 3))


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=elements))
def test_any_matrix_agrees_with_the_plain_calls_of_numpy(matrix):
    found = matrix_analysis(matrix)
    norm = float(np.linalg.norm(matrix))

    assert found.frobenius_norm == pytest.approx(norm, rel=1e-12)
    assert np.allclose(found.singular_values, np.linalg.svd(matrix, compute_uv=False), atol=1e-9 * norm)
    assert found.rank == np.linalg.matrix_rank(matrix, tol=found.rank_tolerance)
    if matrix.shape[0] == matrix.shape[1]:
        sign, log = np.linalg.slogdet(matrix)
        assert (found.determinant_sign, found.log_magnitude) == (sign, log)
        assert found.symmetric is bool(np.allclose(matrix, matrix.T, rtol=0, atol=1e-12 * norm))
        assert found.eigenvalues.sum() == pytest.approx(np.trace(matrix), abs=1e-6 * (1 + norm))
