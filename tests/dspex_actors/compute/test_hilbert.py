"""Hilbert matrices against exact arithmetic: figures are right where they claim to be, and only there."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from dspex_actors.compute import matrix_analysis

EPS = float(np.finfo(float).eps)
SIZES = range(3, 13)


def hilbert(n):
    return np.array([[1 / (i + j + 1) for j in range(n)] for i in range(n)])


def exact_determinant(n):
    """Eliminate in fractions: no rounding anywhere."""
    rows = [[Fraction(1, i + j + 1) for j in range(n)] for i in range(n)]
    result = Fraction(1)
    for k in range(n):
        result *= rows[k][k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return result


def exact_inverse(n):
    """Return the inverse, whose elements are whole numbers."""
    return [
        [
            (-1) ** (i + j)
            * (i + j + 1)
            * comb(n + i, n - j - 1)
            * comb(n + j, n - i - 1)
            * comb(i + j, i) ** 2
            for j in range(n)
        ]
        for i in range(n)
    ]


def true_condition(n):
    """Largest eigenvalue by that of the exact inverse: both are found to all digits."""
    inverse = np.array(exact_inverse(n), dtype=np.float64)
    return float(np.linalg.eigvalsh(hilbert(n))[-1] * np.linalg.eigvalsh(inverse)[-1])


def test_the_exact_inverse_is_one():
    n = 7
    inverse = exact_inverse(n)
    product = [
        [sum(Fraction(1, i + k + 1) * inverse[k][j] for k in range(n)) for j in range(n)] for i in range(n)
    ]

    assert product == [[int(i == j) for j in range(n)] for i in range(n)]


@pytest.mark.parametrize("n", SIZES)
def test_a_determinant_is_as_exact_as_the_condition_of_its_matrix_allows(n):
    found, exact = matrix_analysis(hilbert(n)), exact_determinant(n)
    error = abs(Fraction(found.determinant) / exact - 1)

    assert error <= n * EPS * true_condition(n)
    assert found.determinant_sign == 1
    assert found.log_magnitude == pytest.approx(np.log(found.determinant), rel=1e-12)


@pytest.mark.parametrize("n", SIZES)
def test_what_is_called_reliable_has_half_of_its_digits_and_the_rest_is_not_called_so(n):
    found, condition = matrix_analysis(hilbert(n)), true_condition(n)
    error = abs(float(Fraction(found.determinant) / exact_determinant(n) - 1))

    assert found.reliable is (n * EPS * condition <= EPS**0.5)
    assert not found.reliable or error < EPS**0.5
    assert found.reliable is (found.reason == "")


@pytest.mark.parametrize("n", SIZES)
def test_the_condition_number_is_right_until_the_smallest_value_drowns_in_rounding(n):
    found, condition = matrix_analysis(hilbert(n)), true_condition(n)

    if n * EPS * condition < 1:
        assert found.condition_number == pytest.approx(condition, rel=n * EPS * condition)
    else:
        assert found.condition_number == np.inf
        assert "singular" in found.reason


@pytest.mark.parametrize(
    ("n", "condition"), [(3, 524.0568), (5, 476607.3), (8, 1.525758e10), (10, 1.602498e13)]
)
def test_condition_numbers_agree_with_published_ones(n, condition):
    assert matrix_analysis(hilbert(n)).condition_number == pytest.approx(condition, rel=2e-4)
