"""What is to be known of a matrix, or of each of a batch of matrices, and how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 -- the fields of the records are read at run time

from dspex_actors.compute._config import DEFAULT
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._inputs import matrices
from dspex_actors.compute._methods import EigenvalueMethod

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from dspex_actors.compute._config import ComputeConfig

_EPS = float(np.finfo(np.float64).eps)
_HALF = _EPS**0.5  # a relative error that leaves half of the digits

RELIABLE = ""  # no reason not to be
SINGULAR = "singular to working precision: the determinant is rounding, the condition number infinite"
ILL_CONDITIONED = "ill-conditioned: fewer than half of the digits of the determinant hold"
DEFECTIVE = "its eigenvectors are nearly dependent: fewer than half of the digits of the eigenvalues hold"
BEYOND_DOUBLES = "a sum of squares, or the determinant, is beyond the range of doubles; see `log_magnitude`"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixAnalysis:
    """What `matrix_analysis` found.

    For one matrix the values are Python numbers and the arrays those of the matrix; for a batch of shape
    `(..., m, n)` each is an array with the batch's shape `(...)` in front.

    Attributes:
        shape: of the input.
        determinant: may be 0 or infinite where `log_magnitude` is finite; None if not square.
        determinant_sign: 1, -1 or 0; on the unit circle for complex matrices; None if not square.
        log_magnitude: natural logarithm of the determinant's magnitude, -inf for 0; None if not square.
        eigenvalues: shape `(..., n)`, ascending and real where the symmetric solver was used, else complex
            in the order in which LAPACK gives them; shape `(..., 0)` if not square.
        eigenvalue_condition: how many times larger than a relative change of the matrix that of an eigenvalue
            may be: the condition number of the eigenvectors, 1 for the symmetric solver; None if not square.
        singular_values: shape `(..., min(m, n))`, descending.
        condition_number: largest by smallest singular value; infinite if singular to working precision; None
            if there are none.
        rank: singular values above `rank_tolerance`.
        rank_tolerance: the larger of the setting and `max(m, n)` rounding errors, times the largest one.
        frobenius_norm: root of the sum of all squared magnitudes.
        symmetric: whether it equals its conjugate transpose, up to `max(m, n)` rounding errors of its largest
            element.
        reliable: whether at least half of the digits of the above hold.
        reason: why not; empty if they do. With a batch, `reliable` and `reason` are for each matrix, the
            reasons in the order of the flattened batch.
    """

    shape: tuple[int, ...]
    determinant: float | complex | NDArray[Any] | None
    determinant_sign: float | complex | NDArray[Any] | None
    log_magnitude: float | NDArray[Any] | None
    eigenvalues: NDArray[Any]
    eigenvalue_condition: float | NDArray[Any] | None
    singular_values: NDArray[Any]
    condition_number: float | NDArray[Any] | None
    rank: int | NDArray[Any]
    rank_tolerance: float | NDArray[Any]
    frobenius_norm: float | NDArray[Any]
    symmetric: bool | NDArray[Any]
    reliable: bool | NDArray[Any]
    reason: str | tuple[str, ...]


def matrix_analysis(matrix: ArrayLike, *, config: ComputeConfig | None = None) -> MatrixAnalysis:
    """Analyse a matrix, or each of a batch.

    Args:
        matrix: real or complex, shape `(..., m, n)`, finite; m and n may be 0.
        config: its `matrix` settings.

    Returns:
        See `MatrixAnalysis`. An empty matrix has determinant 1 if it is square, rank 0 and no condition
        number.

    Raises:
        ComputeInputError: not a regular array of finite numbers with at least two dimensions; or not
            symmetric, with `eigenvalue_method="eigh"`.

    Source:
        Determinant as sign and logarithm, and its conditioning: Higham (2002), Accuracy and Stability of
        Numerical Algorithms, 2nd ed., sections 9.1 and 14.6. Rank by singular values: Golub & Van Loan
        (2013), Matrix Computations, 4th ed., section 5.4; eigenvalue condition (Bauer & Fike): section 7.2.
    """
    settings = (config or DEFAULT).matrix
    array = matrices("matrix", matrix)
    m, n = array.shape[-2:]
    scaled, scale = _scaled(array)
    symmetric = _is_symmetric(scaled)
    if settings.eigenvalue_method is EigenvalueMethod.EIGH and not symmetric.all():
        raise ComputeInputError("matrix", "one that is not symmetric", "symmetric for 'eigh'", array.shape)
    values = np.linalg.svd(scaled, compute_uv=False)
    rounding = max(m, n, 1) * _EPS
    largest = values[..., 0] if values.shape[-1] else np.zeros(array.shape[:-2])
    tolerance = largest * max(settings.tolerance, rounding)
    condition = _condition(values, rounding)
    with np.errstate(over="ignore", under="ignore"):
        norm = np.sqrt(np.sum(np.abs(scaled) ** 2, axis=(-2, -1))) * scale
        determinant = _determinant(scaled, scale) if m == n else None
        found, sensitivity = _eigenvalues(scaled, symmetric, settings.eigenvalue_method)
        eigenvalues = found * scale[..., None]
        singular_values = values * scale[..., None]
        tolerances = tolerance * scale
    reasons = _reasons(array.shape, condition, sensitivity, determinant, norm)
    single = array.ndim == 2
    return MatrixAnalysis(
        shape=array.shape,
        determinant=None if determinant is None else _plain(determinant[2], single=single),
        determinant_sign=None if determinant is None else _plain(determinant[0], single=single),
        log_magnitude=None if determinant is None else _plain(determinant[1], single=single),
        eigenvalues=eigenvalues,
        eigenvalue_condition=None if m != n else _plain(sensitivity, single=single),
        singular_values=singular_values,
        condition_number=None if condition is None else _plain(condition, single=single),
        rank=_plain((values > tolerance[..., None]).sum(axis=-1), single=single),
        rank_tolerance=_plain(tolerances, single=single),
        frobenius_norm=_plain(norm, single=single),
        symmetric=_plain(symmetric, single=single),
        reliable=_plain(np.array([not each for each in reasons]).reshape(array.shape[:-2]), single=single),
        reason=reasons[0] if single else tuple(reasons),
    )


def _scaled(array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the matrices with largest elements near 1, and the powers of two they were divided by.

    Powers of two round nothing. Only matrices whose squares would overflow or vanish are touched.
    """
    if 0 in array.shape:
        return array, np.ones(array.shape[:-2])
    parts = np.maximum(np.abs(array.real), np.abs(array.imag)) if array.dtype.kind == "c" else np.abs(array)
    exponents = np.frexp(parts.max(axis=(-2, -1)))[1]
    exponents = np.where((np.abs(exponents) > 400) & (parts.max(axis=(-2, -1)) > 0), exponents, 0)
    if not exponents.any():
        return array, np.ones(array.shape[:-2])
    scale = np.ldexp(1.0, np.minimum(exponents, 1023))
    return array / scale[..., None, None], scale


def _is_symmetric(array: NDArray[Any]) -> NDArray[np.bool_]:
    m, n = array.shape[-2:]
    if m != n:
        return np.zeros(array.shape[:-2], dtype=np.bool_)
    if n == 0:
        return np.ones(array.shape[:-2], dtype=np.bool_)
    apart = np.abs(array - np.conj(np.swapaxes(array, -2, -1))).max(axis=(-2, -1))
    result: NDArray[np.bool_] = apart <= n * _EPS * np.abs(array).max(axis=(-2, -1))
    return result


def _determinant(scaled: NDArray[Any], scale: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
    """Return sign, logarithm of the magnitude, and value, of the matrices before they were scaled."""
    sign, log = np.linalg.slogdet(scaled)
    magnitude = np.exp(log)
    if np.any(scale != 1):
        n = scaled.shape[-1]
        magnitude = np.ldexp(magnitude, n * np.rint(np.log2(scale)).astype(np.int64))
        log = log + n * np.log(scale)
    # Part by part: an infinite magnitude times a part that is 0 is 0.
    value = np.zeros(np.shape(sign), dtype=np.asarray(sign).dtype)
    for part, share in ((value.real, np.real(sign)), (value.imag, np.imag(sign))):
        if np.any(share):
            np.multiply(share, magnitude, out=part, where=share != 0)
    return sign, log, value


def _condition(values: NDArray[np.float64], rounding: float) -> NDArray[np.float64] | None:
    """Return largest by smallest singular value, infinite where that is rounding; None if there are none."""
    if not values.shape[-1]:
        return None
    largest, smallest = values[..., 0], values[..., -1]
    regular = smallest > rounding * largest
    ratio = np.divide(largest, smallest, out=np.full(largest.shape, np.inf), where=regular)
    return np.asarray(ratio)


def _eigenvalues(
    array: NDArray[Any], symmetric: NDArray[np.bool_], method: EigenvalueMethod | str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the eigenvalues, and the condition numbers of the eigenvectors they were found with."""
    m, n = array.shape[-2:]
    sensitivity = np.ones(array.shape[:-2])
    if m != n or n == 0:
        return np.empty((*array.shape[:-2], 0)), sensitivity
    as_symmetric = symmetric if method is not EigenvalueMethod.EIG else np.zeros_like(symmetric)
    if as_symmetric.all():
        return np.linalg.eigvalsh(array), sensitivity
    found = np.empty(array.shape[:-1], dtype=np.complex128)
    if as_symmetric.any():
        found[as_symmetric] = np.linalg.eigvalsh(array[as_symmetric])
    found[~as_symmetric], vectors = np.linalg.eig(array[~as_symmetric])
    spread = np.linalg.svd(vectors, compute_uv=False)
    with np.errstate(divide="ignore"):
        sensitivity[~as_symmetric] = spread[..., 0] / spread[..., -1]
    return found, sensitivity


def _reasons(
    shape: tuple[int, ...],
    condition: NDArray[np.float64] | None,
    sensitivity: NDArray[np.float64],
    determinant: tuple[NDArray[Any], ...] | None,
    norm: NDArray[np.float64],
) -> list[str]:
    """Say of each matrix why its figures are not to be trusted; empty where they are.

    The relative error of a determinant, and of a solution, is about `n * eps * condition`; that of an
    eigenvalue about `n * eps * sensitivity`.
    """
    many = int(np.prod(shape[:-2], dtype=np.int64))
    if condition is None:
        return [RELIABLE] * many
    rounding = max(shape[-2:]) * _EPS
    beyond = ~np.isfinite(norm)
    if determinant is not None:
        sign, log, value = determinant
        beyond = beyond | ~np.isfinite(value) | ((value == 0) & (sign != 0) & np.isfinite(log))
    found = np.full(shape[:-2], RELIABLE, dtype=object)
    for holds, reason in (  # the last one that holds stays
        (beyond, BEYOND_DOUBLES),
        (sensitivity * rounding > _HALF, DEFECTIVE),
        (condition * rounding > _HALF, ILL_CONDITIONED),
        (np.isinf(condition), SINGULAR),
    ):
        found[holds] = reason
    return list(found.reshape(-1))


def _plain(values: Any, *, single: bool) -> Any:  # noqa: ANN401 -- a number for one matrix, an array for a batch
    """Return a Python number for one matrix, the array for a batch."""
    return np.asarray(values).item() if single else np.asarray(values)
