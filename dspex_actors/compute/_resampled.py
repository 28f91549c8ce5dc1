"""Statistics of many resamples at once."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._errors import ComputeInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Resampled:
    """A statistic.

    Attributes:
        name: its name.
        of: rows of shape `(k, n)` to their statistics, shape `(k,)`.
        builtin: whether it is one of ours, whose leave-one-out values are known in closed form.
    """

    name: str
    of: Callable[[Rows], NDArray[np.float64]]
    builtin: bool

    def of_sample(self, values: NDArray[np.float64]) -> float:
        """Return the statistic of the sample itself; of equal values as of one of them, for those of ours."""
        equal = self.builtin and values.min() == values.max()
        return float(self.of(values[None, : 1 if equal else None])[0])


def _variance(rows: Rows) -> NDArray[np.float64]:
    n = rows.shape[1]
    if n < 2:
        return np.zeros(len(rows))
    apart = rows - rows.mean(axis=1, keepdims=True)
    result: NDArray[np.float64] = np.einsum("ij,ij->i", apart, apart) / (n - 1)
    return result


_BUILTIN: dict[str, Callable[[Rows], NDArray[np.float64]]] = {
    "mean": lambda rows: rows.mean(axis=1),
    "median": lambda rows: np.median(rows, axis=1, overwrite_input=False),
    "variance": _variance,
    "std": lambda rows: np.sqrt(_variance(rows)),
}


def resampled(statistic: str | Callable[..., object]) -> Resampled:
    """Return a statistic by its name, or made of a function.

    Raises:
        ConfigError: there is none of that name, or it is no function.
    """
    if isinstance(statistic, str):
        if statistic not in _BUILTIN:
            raise ConfigError("statistic", statistic, f"{one_of(_BUILTIN)}, or a function")
        return Resampled(statistic, _BUILTIN[statistic], builtin=True)
    if not callable(statistic):
        raise ConfigError("statistic", statistic, f"{one_of(_BUILTIN)}, or a function")
    name = getattr(statistic, "__name__", type(statistic).__name__)
    call = _whole_batches(statistic) if _takes_axis(statistic) else _one_by_one(statistic)
    return Resampled(name, call, builtin=False)


def _takes_axis(function: Callable[..., object]) -> bool:
    try:
        return "axis" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # some functions of C tell nothing
        return False


def _whole_batches(function: Callable[..., Any]) -> Callable[[Rows], NDArray[np.float64]]:
    def of(rows: Rows) -> NDArray[np.float64]:
        found = np.asarray(function(rows, axis=-1))
        if found.shape != (len(rows),) or found.dtype.kind not in "biuf":
            seen = f"an array of dtype {found.dtype}"
            raise ComputeInputError("statistic", seen, f"a function to shape ({len(rows)},)", found.shape)
        return _checked(found)

    return of


def _one_by_one(function: Callable[..., Any]) -> Callable[[Rows], NDArray[np.float64]]:
    def of(rows: Rows) -> NDArray[np.float64]:
        found = [np.asarray(function(row)) for row in rows]
        for each in found:
            if each.size != 1 or each.dtype.kind not in "biuf":
                seen = f"a function to an array of dtype {each.dtype}"
                raise ComputeInputError("statistic", seen, "a function to one real number", each.shape)
        return _checked(np.array([each.item() for each in found]))

    return of


def _checked(found: NDArray[Any]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = found.astype(np.float64, copy=False)
    bad = ~np.isfinite(result)
    if bad.any():
        seen = f"a function to {result[bad][0]} for {int(bad.sum())} of {len(result)} resamples"
        raise ComputeInputError("statistic", seen, "a function to finite numbers", result.shape)
    return result
