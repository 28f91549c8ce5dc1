"""An objective of the user's as a function of one vector, counted and checked at each call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dspex_actors.compute._errors import ObjectiveError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dspex_actors.compute._parameters import Structure

_ALLOWED = "one real number"


class Objective:
    """An objective.

    Args:
        function: of the user's; takes the parameters, returns one real number.
        structure: of the parameters.

    Attributes:
        evaluations: how often it was called, those for central differences included.
    """

    def __init__(self, function: Callable[[Any], object], structure: Structure) -> None:
        self.function = function
        self.structure = structure
        self.evaluations = 0

    def __call__(self, vector: NDArray[np.float64]) -> float:
        """Return the loss; NaN and infinities are the caller's to judge.

        Raises:
            ObjectiveError: it is not one real number.
        """
        self.evaluations += 1
        value = self.function(self.structure.build(vector.copy()))  # which it may change as it likes
        if isinstance(value, float):
            return float(value)
        return _number(value)

    def first(self, vector: NDArray[np.float64]) -> float:
        """Return the loss where the search begins.

        Raises:
            ObjectiveError: it is not one finite real number.
        """
        value = self(vector)
        if not math.isfinite(value):
            raise ObjectiveError("objective", f"{value} at the initial parameters", "a finite number", ())
        return value


def _number(value: object) -> float:
    try:
        array = np.asarray(value)
    except ValueError:
        raise ObjectiveError("objective", "a ragged list", _ALLOWED) from None
    if array.dtype.kind not in "biuf":
        shape = array.shape if array.dtype.kind != "O" or array.ndim else None
        seen = type(value).__name__ if array.dtype.kind == "O" else f"a value of dtype {array.dtype}"
        raise ObjectiveError("objective", seen, _ALLOWED, shape)
    if array.ndim:
        raise ObjectiveError("objective", "an array", _ALLOWED, array.shape)
    return float(array)
