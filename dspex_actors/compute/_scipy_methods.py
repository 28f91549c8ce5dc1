"""BFGS, L-BFGS-B and Nelder and Mead's simplex, by scipy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from dspex_actors.compute._descent import Found, Problem
from dspex_actors.compute._methods import Ending, Method
from dspex_actors.compute._optional import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dspex_actors.compute._config import OptimizationSettings
    from dspex_actors.compute._progress import Recorder

_NAMES = {Method.BFGS: "BFGS", Method.L_BFGS_B: "L-BFGS-B", Method.NELDER_MEAD: "Nelder-Mead"}
_MANY = 10  # parameters, from which on the simplex moves by rules made for many


def quasi_newton(
    problem: Problem,
    method: Method,
    settings: OptimizationSettings,
    recorder: Recorder,
) -> Found:
    """Minimise by BFGS or L-BFGS-B.

    Raises:
        MissingPackageError: scipy is not installed.

    Source:
        Nocedal & Wright (2006), Numerical Optimization, 2nd ed., chapter 6; Byrd, Lu, Nocedal & Zhu (1995),
        SIAM Journal on Scientific Computing 16(5), 1190-1208.
    """
    optimize = load("scipy.optimize", extra="compute", needed_for=f"the method {method.value!r}")
    gradients = _Remembered(problem)
    recorder.begin(problem.start_loss, problem.norm(problem.start, gradients(problem.start)))
    ended: list[Ending] = []

    def callback(intermediate_result: Any) -> None:  # noqa: ANN401 -- scipy's; it goes by the parameter's name
        vector = np.asarray(intermediate_result.x)
        norm = problem.norm(vector, gradients(vector))
        ending = recorder.step(vector.copy(), float(intermediate_result.fun), norm)
        if ending is not None:
            ended.append(ending)
            raise StopIteration

    options: dict[str, Any] = {"maxiter": settings.max_iterations, "gtol": settings.tolerance}
    if method is Method.L_BFGS_B:
        options |= {"maxfun": 10**9, "ftol": 0.0, "maxls": 40}
    found = optimize.minimize(
        problem.objective,
        problem.start,
        jac=gradients,
        method=_NAMES[method],
        bounds=optimize.Bounds(problem.low, problem.high) if problem.bounded else None,
        callback=callback,
        options=options,
    )
    vector, loss = np.asarray(found.x, dtype=np.float64), float(found.fun)
    norm = problem.norm(vector, gradients(vector)) if math.isfinite(loss) else math.nan
    return Found(vector, loss, norm, _ending(norm, loss, ended, settings, recorder), str(found.message))


def simplex(problem: Problem, settings: OptimizationSettings, recorder: Recorder) -> Found:
    """Minimise by the simplex method.

    Raises:
        MissingPackageError: scipy is not installed.

    Source:
        Nelder & Mead (1965), The Computer Journal 7, 308-313; for ten parameters and more with the factors of
        Gao & Han (2012), Computational Optimization and Applications 51, 259-277.
    """
    optimize = load("scipy.optimize", extra="compute", needed_for="the method 'nelder_mead'")
    recorder.begin(problem.start_loss, None)
    ended: list[Ending] = []

    def callback(intermediate_result: Any) -> None:  # noqa: ANN401 -- as above
        if recorder.step(np.array(intermediate_result.x), float(intermediate_result.fun), None):
            ended.append(Ending.CALLBACK)
            raise StopIteration

    def loss_of(vector: NDArray[np.float64]) -> float:
        loss = problem.objective(vector)
        return math.inf if math.isnan(loss) else loss

    def search(start: NDArray[np.float64]) -> Any:  # noqa: ANN401 -- scipy's
        options = {
            "maxiter": settings.max_iterations - recorder.iterations + 1,  # it counts from one
            "maxfev": 10**9,
            "xatol": settings.tolerance,
            "fatol": settings.tolerance,
            "adaptive": start.size >= _MANY,
        }
        return optimize.minimize(
            loss_of,
            start,
            method=_NAMES[Method.NELDER_MEAD],
            bounds=optimize.Bounds(problem.low, problem.high) if problem.bounded else None,
            callback=callback,
            options=options,
        )

    found = search(problem.start)
    # Pressed against a bound a simplex can lose a dimension and shrink anywhere: a new one has to agree.
    while problem.bounded and found.success and not ended and recorder.iterations < settings.max_iterations:
        again = search(np.asarray(found.x))
        agrees = found.fun - again.fun <= settings.tolerance
        found = again if again.fun <= found.fun else found
        if agrees and again.success:
            break
    ending = ended[0] if ended else Ending.SIMPLEX_TOLERANCE if found.success else Ending.ITERATION_LIMIT
    return Found(np.asarray(found.x), float(found.fun), None, ending, str(found.message))


class _Remembered:
    """The gradient, with its last value kept: scipy's callback asks for it again."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._at, self._value = problem.start, problem.start_gradient()

    def __call__(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        if not np.array_equal(self._at, vector):
            self._value, self._at = self._problem.gradient(vector), vector.copy()
        return self._value


def _ending(
    norm: float, loss: float, ended: list[Ending], settings: OptimizationSettings, recorder: Recorder
) -> Ending:
    """Say why a quasi-Newton method ended, by what holds where it did."""
    if not math.isfinite(loss) or not math.isfinite(norm):
        return Ending.DIVERGED
    if ended:
        return ended[0]
    if norm <= settings.tolerance:
        return Ending.GRADIENT_TOLERANCE
    return Ending.ITERATION_LIMIT if recorder.iterations >= settings.max_iterations else Ending.NO_PROGRESS
