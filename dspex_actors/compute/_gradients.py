"""Where the gradient of an objective comes from: its user, autograd, or central differences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._errors import ComputeInputError, MissingPackageError, ObjectiveError
from dspex_actors.compute._methods import GradientSource
from dspex_actors.compute._optional import load
from dspex_actors.compute._parameters import flatten_like, leaf_shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dspex_actors.compute._objective import Objective

AUTO = "auto"
_EPS = float(np.finfo(np.float64).eps)
_STEP = _EPS ** (1 / 3)  # balances the rounding of the difference against its cut-off
_AGREE = 1e-3  # by how much two gradients may differ, relatively, and be of the same function


class Gradient(Protocol):
    """A gradient as a function of one vector; `source` says where it comes from."""

    source: GradientSource
    evaluations: int

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient, of the vector's shape."""


def choose(
    asked: str | GradientSource | Callable[[Any], object],
    objective: Objective,
    start: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
    params: object,
) -> Gradient:
    """Return a source of gradients.

    Args:
        asked: a function of the user's, `"autograd"`, `"central_differences"`, or `"auto"`: autograd if it is
            installed and its gradient at the start agrees with a difference of the objective, else central
            differences.
        objective: whose gradient.
        start: the initial vector.
        box: lowest and highest vector that the objective may be asked for.
        params: the initial parameters, whose nesting a user's gradient has to have.

    Raises:
        ConfigError: there is no such source.
        MissingPackageError: autograd was asked for and is not installed.
        ObjectiveError: autograd was asked for and cannot differentiate the objective.
    """
    if callable(asked):
        return _Users(asked, objective, params)
    name = asked.value if isinstance(asked, GradientSource) else asked
    if name == GradientSource.CENTRAL.value:
        return _Central(objective, box)
    if name == GradientSource.AUTOGRAD.value:
        traced = _Traced(objective)
        problem = _trouble(traced, objective, start, box)
        if problem:
            raise ObjectiveError("objective", problem, "what autograd can differentiate; see `gradient`")
        return traced
    if name != AUTO:
        names = (AUTO, GradientSource.AUTOGRAD.value, GradientSource.CENTRAL.value)
        raise ConfigError("gradient", asked, f"{one_of(names)}, or a function")
    try:
        traced = _Traced(objective)
    except MissingPackageError:
        return _Central(objective, box)
    return traced if not _trouble(traced, objective, start, box) else _Central(objective, box)


def none() -> Gradient:
    """Return what stands for the gradient of a method that takes none."""
    return _Nothing()


class _Nothing:
    """No gradient; nobody asks for it."""

    source = GradientSource.NONE
    evaluations = 0

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.full_like(vector, np.nan)


class _Users:
    """The user's own."""

    source = GradientSource.USER

    def __init__(self, function: Callable[[Any], object], objective: Objective, params: object) -> None:
        self._function = function
        self._objective = objective
        self._params = params
        self._shape = leaf_shape(params)
        self.evaluations = 0

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        self.evaluations += 1
        structure = self._objective.structure
        found = self._function(structure.build(vector.copy()))
        if type(found) is np.ndarray and found.dtype == np.float64 and found.shape == self._shape:
            return found.reshape(-1)
        try:
            return flatten_like(found, structure, self._params, field="gradient")
        except ComputeInputError as error:
            raise ObjectiveError("gradient", error.seen, error.allowed, error.shape) from None


class _IndependentError(Exception):
    """What the objective returned was made without the parameters, as far as autograd can see."""


class _Traced:
    """Autograd's: the objective is run on objects that note what is done to them."""

    source = GradientSource.AUTOGRAD

    def __init__(self, objective: Objective) -> None:
        autograd = load("autograd", extra="compute", needed_for="gradient='autograd'")
        is_traced = load("autograd.tracer", extra="compute", needed_for="gradient='autograd'").isbox
        build, function = objective.structure.build, objective.function

        def loss(vector: Any) -> Any:  # noqa: ANN401 -- a traced array to a traced number
            value = function(build(vector))
            if not is_traced(value):  # autograd would warn, by way of a list that all threads share
                raise _IndependentError("the result does not depend on the parameters")
            return value

        self._gradient = autograd.grad(loss)
        self.evaluations = 0

    def at_start(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient where the search begins; raises what the objective makes of traced objects."""
        self.evaluations += 1
        found: NDArray[np.float64] = np.asarray(self._gradient(vector.copy()), dtype=np.float64)
        return found

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        try:
            return self.at_start(vector)
        except _IndependentError:  # a flat part of the objective
            return np.zeros_like(vector)


class _Central:
    """Differences of the objective to both sides of each number, or to one side at a bound."""

    source = GradientSource.CENTRAL

    def __init__(self, objective: Objective, box: tuple[NDArray[np.float64], NDArray[np.float64]]) -> None:
        self._objective = objective
        self._low, self._high = box
        self.evaluations = 0

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the differences.

        Source:
            Press et al. (2007), Numerical Recipes, 3rd ed., section 5.7: the step, and making it exact.
        """
        self.evaluations += 1
        found, moved = np.empty_like(vector), vector.copy()
        steps = _STEP * np.maximum(np.abs(vector), 1.0)
        above = np.minimum(vector + steps, self._high)
        below = np.maximum(vector - steps, self._low)
        for i in range(vector.size):
            moved[i] = above[i]
            up = self._objective(moved)
            moved[i] = below[i]
            down = self._objective(moved)
            moved[i] = vector[i]
            width = above[i] - below[i]
            found[i] = (up - down) / width if width > 0 else 0.0
        return found


def _trouble(
    gradient: _Traced,
    objective: Objective,
    start: NDArray[np.float64],
    box: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> str:
    """Say why a traced gradient is not to be used; empty if it is.

    An objective that leaves numpy on its way raises, or loses the trace: then its gradient is wrong without
    an error. So it is compared with a difference of the objective in one direction.
    """
    try:
        found = gradient.at_start(start)
    except Exception as error:  # noqa: BLE001 -- whatever the objective does with objects it does not know
        return f"what autograd cannot trace ({type(error).__name__}: {str(error)[:100]})"
    if found.shape != start.shape or not np.isfinite(found).all():
        return "what autograd finds no finite gradient of"
    signs = np.where(np.arange(start.size) % 3 == 1, -1.0, 1.0)
    steps = _STEP * np.maximum(np.abs(start), 1.0) * signs
    after, before = (np.clip(start + way * steps, *box) for way in (1, -1))
    slope = objective(after) - objective(before)
    foreseen = float(found @ (after - before))
    size = float(np.abs(found) @ np.abs(after - before))
    noise = 10 * _EPS * abs(objective(start))
    if abs(slope - foreseen) <= _AGREE * size + noise:
        return ""
    return "what autograd finds a gradient of that differences do not confirm"
