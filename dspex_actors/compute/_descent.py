"""Gradient descent and Adam, with bounds by projection."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dspex_actors.compute._errors import ObjectiveError
from dspex_actors.compute._methods import Ending

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dspex_actors.compute._config import OptimizationSettings
    from dspex_actors.compute._gradients import Gradient
    from dspex_actors.compute._objective import Objective
    from dspex_actors.compute._progress import Recorder

_GROWTH = 1e6  # times the size of the first loss: beyond, it does not come back
_ARMIJO = 1e-4  # share of the foreseen decrease that a step has to bring
_MOST_HALVINGS = 60
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # of Adam, as in its paper


@dataclass(frozen=True, slots=True)
class Problem:
    """What is minimised, where.

    Attributes:
        objective: the loss.
        gradient: its gradient.
        low, high: the box; infinite where there is no bound.
        start: where the search begins, in the box.
        start_loss: there; finite.
    """

    objective: Objective
    gradient: Gradient
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    start: NDArray[np.float64]
    start_loss: float

    @property
    def bounded(self) -> bool:
        """Whether there is a bound; scipy takes milliseconds to look at a thousand infinite ones."""
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())

    def start_gradient(self) -> NDArray[np.float64]:
        """Return the gradient where the search begins.

        Raises:
            ObjectiveError: it is not finite.
        """
        found = self.gradient(self.start)
        if not np.isfinite(found).all():
            seen = f"{found[~np.isfinite(found)][0]} at the initial parameters"
            raise ObjectiveError("gradient", seen, "finite numbers", found.shape)
        return found

    def project(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the nearest point of the box."""
        return np.clip(vector, self.low, self.high)

    def norm(self, vector: NDArray[np.float64], gradient: NDArray[np.float64]) -> float:
        """Return the largest part of the projected gradient, which is 0 at a minimum in the box."""
        return float(np.abs(self.project(vector - gradient) - vector).max())


@dataclass(frozen=True, slots=True)
class Found:
    """Where a method ended.

    Attributes:
        vector: the point.
        loss: there.
        norm: of the projected gradient there; None for methods without gradients.
        ending: why it ended.
        detail: what else there is to say.
    """

    vector: NDArray[np.float64]
    loss: float
    norm: float | None
    ending: Ending
    detail: str = ""


@dataclass(slots=True)
class _Point:
    vector: NDArray[np.float64]
    loss: float
    gradient: NDArray[np.float64]
    norm: float


def gradient_descent(problem: Problem, settings: OptimizationSettings, recorder: Recorder) -> Found:
    """Go down the gradient, with momentum (heavy ball) and by Armijo's rule if asked for.

    Source:
        Nocedal & Wright (2006), Numerical Optimization, 2nd ed., sections 3.1 (backtracking) and 16.7
        (projection); Polyak (1964), USSR Computational Mathematics and Mathematical Physics 4(5), 1-17.
    """
    velocity, factor = np.zeros_like(problem.start), 1.0

    def plain(at: _Point) -> _Point:
        nonlocal velocity
        velocity = settings.momentum * velocity - settings.learning_rate * at.gradient
        return _arrive(problem, problem.project(at.vector + velocity))

    def backtracking(at: _Point) -> _Point | None:
        nonlocal velocity, factor
        down = -settings.learning_rate * at.gradient
        for direction in (down + settings.momentum * velocity, down):
            share = factor
            for halvings in range(_MOST_HALVINGS):
                vector = problem.project(at.vector + share * direction)
                slope = float(at.gradient @ (vector - at.vector))
                if slope >= 0:
                    break  # no way down: not this direction
                loss = problem.objective(vector)
                if loss <= at.loss + _ARMIJO * slope:
                    velocity = vector - at.vector
                    factor = share if halvings else share * 2
                    return _arrive(problem, vector, loss)
                share /= 2
        return None

    return _search(problem, settings, recorder, backtracking if settings.backtracking else plain)


def adam(problem: Problem, settings: OptimizationSettings, recorder: Recorder) -> Found:
    """Go down the gradient, each number with a step of its own.

    Source:
        Kingma & Ba (2015), Adam, arXiv:1412.6980, algorithm 1.
    """
    first, second, count = np.zeros_like(problem.start), np.zeros_like(problem.start), 0

    def step(at: _Point) -> _Point:
        nonlocal first, second, count
        count += 1
        first = _BETA_1 * first + (1 - _BETA_1) * at.gradient
        second = _BETA_2 * second + (1 - _BETA_2) * at.gradient**2
        mean, square = first / (1 - _BETA_1**count), second / (1 - _BETA_2**count)
        moved = at.vector - settings.learning_rate * mean / (np.sqrt(square) + _EPSILON)
        return _arrive(problem, problem.project(moved))

    return _search(problem, settings, recorder, step)


def _search(
    problem: Problem,
    settings: OptimizationSettings,
    recorder: Recorder,
    step: Callable[[_Point], _Point | None],
) -> Found:
    """Make steps until there is a reason to end; `step` returns None if it finds none to make."""
    gradient = problem.start_gradient()
    at = _Point(problem.start, problem.start_loss, gradient, problem.norm(problem.start, gradient))
    best, limit = at, _GROWTH * max(1.0, abs(at.loss))
    recorder.begin(at.loss, at.norm)
    for _ in range(settings.max_iterations):
        if at.norm <= settings.tolerance:
            return Found(at.vector, at.loss, at.norm, Ending.GRADIENT_TOLERANCE)
        to = step(at)
        if to is None or (np.array_equal(to.vector, at.vector) and not settings.momentum):
            return Found(at.vector, at.loss, at.norm, Ending.NO_PROGRESS, "no step lowers the loss")
        if not (math.isfinite(to.loss) and math.isfinite(to.norm) and to.loss <= limit):
            number = recorder.iterations + 1
            detail = f"step {number} led to a loss of {to.loss:.6g}; the best point is returned"
            return Found(best.vector, best.loss, best.norm, Ending.DIVERGED, detail)
        at = to
        if at.loss < best.loss:
            best = at
        ending = recorder.step(at.vector, at.loss, at.norm)
        if ending is not None:
            return Found(at.vector, at.loss, at.norm, ending)
    if at.norm <= settings.tolerance:
        return Found(at.vector, at.loss, at.norm, Ending.GRADIENT_TOLERANCE)
    return Found(best.vector, best.loss, best.norm, Ending.ITERATION_LIMIT)


def _arrive(problem: Problem, vector: NDArray[np.float64], loss: float | None = None) -> _Point:
    value = problem.objective(vector) if loss is None else loss
    if not math.isfinite(value):
        return _Point(vector, value, np.full_like(vector, np.nan), math.nan)
    gradient = problem.gradient(vector)
    return _Point(vector, value, gradient, problem.norm(vector, gradient))
