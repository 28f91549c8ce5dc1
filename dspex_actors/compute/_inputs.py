"""The door: what comes in becomes an array of finite doubles, or an error that says what it was.

Everything is computed in double precision: single precision loses the sixth digit of a standard deviation
that double precision gives to fifteen (NumAcc1).
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._errors import ComputeInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats: TypeAlias = NDArray[np.float64]

_Choice = TypeVar("_Choice", bound=Enum)


class NanPolicy(Enum):
    """What is done about NaN, which stands for a missing value."""

    RAISE = "raise"  # it is an error
    OMIT = "omit"  # it is left out and counted
    PROPAGATE = "propagate"  # what it touches becomes NaN


def choice(kind: type[_Choice], field: str, value: _Choice | str) -> _Choice:
    """Return the member of an enum that a value names.

    Raises:
        ConfigError: it names none.
    """
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(field, value, one_of(member.value for member in kind)) from None


def floats(field: str, data: ArrayLike, *, nan: NanPolicy = NanPolicy.RAISE) -> Floats:
    """Return data as an array of doubles of the same shape; a view of it where it is one already.

    Args:
        field: its name, for errors.
        data: real numbers in any form that numpy takes; bools count as 0 and 1. What a masked array masks is
            NaN.
        nan: whether NaN may be in it; the other two let it through.

    Raises:
        ComputeInputError: ragged, not of numbers, complex, or with an infinity or a NaN that is not allowed.
    """
    array = _numbers(field, data)
    if array.dtype.kind == "c":
        raise ComputeInputError(field, "complex numbers", "real numbers", array.shape)
    result: Floats = array.astype(np.float64, copy=False)
    _check_overflow(field, array, result)
    _check_finite(field, result, nan)
    return result


def matrices(field: str, data: ArrayLike) -> NDArray[Any]:
    """Return data of shape `(..., m, n)` as doubles or complex doubles, all finite.

    Raises:
        ComputeInputError: ragged, not of numbers, with fewer than two dimensions, or with a NaN or infinity.
    """
    array = _numbers(field, data)
    if array.ndim < 2:
        raise ComputeInputError(field, "an array", "a matrix, or a batch (..., m, n)", array.shape)
    is_complex = array.dtype.kind == "c"
    result = array.astype(np.complex128 if is_complex else np.float64, copy=False)
    if not is_complex:
        _check_overflow(field, array, result)
    _check_finite(field, result, NanPolicy.RAISE)
    return result


def sample(field: str, data: ArrayLike, *, nan: NanPolicy = NanPolicy.RAISE) -> Floats:
    """Return data as a sample: one dimension, at least one value left.

    Raises:
        ComputeInputError: it is none, see `floats`.
    """
    array = floats(field, data, nan=nan)
    if array.ndim != 1:
        raise ComputeInputError(field, "an array", "a sample of one dimension", array.shape)
    kept = without_nan(array, nan)
    check_not_empty(field, kept, array.shape)
    return kept


def without_nan(array: Floats, nan: NanPolicy) -> Floats:
    """Return the values as one flat array, without NaN if the policy is to omit it."""
    flat = array.reshape(-1)
    if nan is not NanPolicy.OMIT:
        return flat
    missing = np.isnan(flat)
    return flat[~missing] if missing.any() else flat


def check_not_empty(field: str, kept: Floats, shape: tuple[int, ...]) -> None:
    """Refuse data of which nothing is left.

    Raises:
        ComputeInputError: it is empty.
    """
    if not kept.size:
        seen = "nothing but NaN" if 0 not in shape else "an empty array"
        raise ComputeInputError(field, seen, "at least one value", shape)


def fraction(field: str, value: object) -> float:
    """Return a number between 0 and 1, both excluded.

    Raises:
        ConfigError: it is something else.
    """
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else -1.0
    if not 0 < number < 1:
        raise ConfigError(field, value, "a number > 0 and < 1")
    return float(number)


def _numbers(field: str, data: ArrayLike) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.asarray(data)
    except (ValueError, TypeError, OverflowError) as error:
        raise ComputeInputError(field, _ragged(data, error), "a regular array of numbers") from None
    if isinstance(data, np.ma.MaskedArray):
        array = np.ma.filled(data.astype(np.result_type(data.dtype, np.float64)), np.nan)
    if array.dtype.kind not in "biufc":
        raise ComputeInputError(field, _kind(array), "an array of numbers", array.shape)
    return array


def _kind(array: NDArray[Any]) -> str:
    """Say what an array holds that is no number."""
    match array.dtype.kind:
        case "U" | "S" | "T":
            return "text"
        case "M" | "m":
            return "dates or durations"
        case "O":
            first = next((type(each).__name__ for each in array.reshape(-1)), "nothing")
            return f"Python objects ({first} first)"
        case _:
            return f"values of dtype {array.dtype}"


def _ragged(data: object, error: Exception) -> str:
    """Say in what way a nested list is not regular."""
    if not isinstance(data, (list, tuple)):
        return f"{type(data).__name__} that is no array ({error})"
    lengths = [len(row) if isinstance(row, (list, tuple)) or hasattr(row, "__len__") else 0 for row in data]
    odd = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    if odd is None:
        return "a ragged list"
    return f"a ragged list: row 0 has {lengths[0]} values, row {odd} has {lengths[odd]}"


def _check_overflow(field: str, array: NDArray[Any], result: NDArray[Any]) -> None:
    """Refuse numbers that no double can hold, as a long double can be."""
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        lost = int(np.count_nonzero(np.isinf(result) & ~np.isinf(array)))
        if lost:
            raise ComputeInputError(field, f"{lost} numbers beyond 1.8e308", "doubles", array.shape)


def _check_finite(field: str, array: NDArray[Any], nan: NanPolicy) -> None:
    with np.errstate(all="ignore"):
        if np.isfinite(np.sum(array)):
            return  # one pass, nothing allocated; a sum may also overflow, which the exact look below settles
    infinite = np.isinf(array)
    if infinite.any():
        raise ComputeInputError(field, _where("infinite", infinite), "finite numbers", array.shape)
    if nan is NanPolicy.RAISE:
        missing = np.isnan(array)
        if missing.any():
            allowed = "numbers without NaN"
            raise ComputeInputError(field, _where("NaN", missing), allowed, array.shape)


def _where(what: str, mask: NDArray[np.bool_]) -> str:
    """Say how many values are of a kind, and where the first one is."""
    first = tuple(int(axis[0]) for axis in np.nonzero(mask))
    place = first[0] if len(first) == 1 else first
    return f"{int(np.count_nonzero(mask))} values that are {what} (the first at index {place})"
