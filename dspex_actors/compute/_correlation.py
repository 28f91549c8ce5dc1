"""Correlation of the columns of a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 -- the fields of the records are read at run time

from dspex_actors.compute._moments import centred
from dspex_actors.compute._optional import special


class Missing(Enum):
    """What a correlation does about rows with NaN, where these are to be left out."""

    LISTWISE = "listwise"  # a row with any NaN is left out of all of it
    PAIRWISE = "pairwise"  # a row is left out for the pairs of columns that it has a NaN in


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelationAnalysis:
    """Correlation of p columns.

    Attributes:
        correlation_matrix: Pearson's coefficients, shape `(p, p)`, symmetric, 1 on the diagonal; NaN for the
            columns in `constant_columns`.
        p_values: of the hypothesis that two columns do not correlate, shape `(p, p)`, two-sided, by Student's
            t; 0 on the diagonal; NaN where the coefficient is, or for fewer than three rows.
        eigenvalues: of the matrix, ascending, shape `(p,)`; None if it has NaN. With rows left out pairwise
            they may be negative.
        counts: rows that each coefficient is made of, shape `(p, p)`.
        constant_columns: indices of columns without spread, whose coefficients do not exist.
    """

    correlation_matrix: NDArray[np.float64]
    p_values: NDArray[np.float64]
    eigenvalues: NDArray[np.float64] | None
    counts: NDArray[np.int64]
    constant_columns: tuple[int, ...]


def correlate(table: NDArray[np.float64], *, missing: Missing = Missing.LISTWISE) -> CorrelationAnalysis:
    """Correlate the columns of a table.

    Args:
        table: shape `(n, p)`, n >= 1, p >= 1; may have NaN.
        missing: what to do about rows with NaN.

    Raises:
        MissingPackageError: scipy is not installed.

    Source:
        Student (1908), Probable Error of a Correlation Coefficient, Biometrika 6, 302-310: the distribution
        under independence and normality.
    """
    p = table.shape[1]
    known = ~np.isnan(table)
    if known.all() or missing is Missing.LISTWISE:
        kept = table[known.all(axis=1)]
        matrix = _pearson(kept)
        counts = np.full((p, p), len(kept), dtype=np.int64)
    else:
        matrix, counts = _pairwise(table, known)
    constant = tuple(int(i) for i in np.flatnonzero(np.isnan(np.diag(matrix))))
    return CorrelationAnalysis(
        correlation_matrix=matrix,
        p_values=_p_values(matrix, counts),
        eigenvalues=None if np.isnan(matrix).any() else np.asarray(np.linalg.eigvalsh(matrix), np.float64),
        counts=counts,
        constant_columns=constant,
    )


def _pearson(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Pearson's coefficients; NaN in rows and columns of those without spread."""
    p = table.shape[1]
    if not len(table):
        return np.full((p, p), np.nan)
    constant = table.min(axis=0) == table.max(axis=0)
    largest = np.abs(table).max(axis=0)
    apart = centred(table / np.where(largest > 0, largest, 1.0))
    apart = apart / np.where(constant, 1.0, np.abs(apart).max(axis=0))
    norms = np.sqrt((apart * apart).sum(axis=0))
    unit = apart / np.where(constant, 1.0, norms)
    matrix = np.clip(unit.T @ unit, -1.0, 1.0)
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    matrix[constant, :] = matrix[:, constant] = np.nan
    return np.asarray(matrix)


def _pairwise(
    table: NDArray[np.float64], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p = table.shape[1]
    matrix, counts = np.full((p, p), np.nan), np.zeros((p, p), dtype=np.int64)
    for i in range(p):
        for j in range(i, p):
            rows = known[:, i] & known[:, j]
            counts[i, j] = counts[j, i] = rows.sum()
            pair = _pearson(table[rows][:, [i, j]])
            matrix[i, j] = matrix[j, i] = pair[0, 0] if i == j else pair[0, 1]
    return matrix, counts


def _p_values(matrix: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return two-sided p-values; by the beta distribution of r squared, which keeps the small ones."""
    beta = special("the p-value of a correlation")
    freedom = counts - 2.0
    known = (freedom > 0) & ~np.isnan(matrix)
    apart = np.where(known, (1 - matrix) * (1 + matrix), np.nan)
    result = np.where(known, beta.betainc(np.where(known, freedom, 1.0) / 2, 0.5, apart), np.nan)
    diagonal = np.diag(known)
    result[np.diag_indices_from(result)] = np.where(diagonal, 0.0, np.nan)
    return np.asarray(result)
