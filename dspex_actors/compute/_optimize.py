"""Finding parameters that make a loss small."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray  # noqa: TC002 -- the fields of the records are read at run time

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._config import DEFAULT, OptimizationSettings
from dspex_actors.compute._descent import Found, Problem, adam, gradient_descent
from dspex_actors.compute._errors import ComputeInputError
from dspex_actors.compute._gradients import AUTO, choose, none
from dspex_actors.compute._inputs import choice
from dspex_actors.compute._methods import Ending, GradientSource, Method
from dspex_actors.compute._objective import Objective
from dspex_actors.compute._parameters import Structure, flatten, flatten_like, plain
from dspex_actors.compute._progress import Bar, Recorder, Step
from dspex_actors.compute._scipy_methods import quasi_newton, simplex

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.compute._config import ComputeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimization:
    """What `optimize_function` found.

    Attributes:
        optimized_params: nested as the initial ones, with floats and arrays of doubles.
        final_loss: of them.
        initial_loss: of the initial ones.
        iterations: steps made.
        evaluations: calls of the objective, those for differences included, those of autograd not.
        gradient_evaluations: gradients computed.
        converged: whether a tolerance that was asked for was reached.
        reason: why it ended.
        detail: what else there is to say.
        method: that was used.
        gradient_source: where its gradients came from.
        gradient_norm: largest part of the projected gradient at the end; None without gradients.
        losses: of the initial parameters and after each step, shape `(iterations + 1,)`.
        gradient_norms: the same for the gradient; empty without gradients.
    """

    optimized_params: Any
    final_loss: float
    initial_loss: float
    iterations: int
    evaluations: int
    gradient_evaluations: int
    converged: bool
    reason: Ending
    detail: str
    method: Method
    gradient_source: GradientSource
    gradient_norm: float | None
    losses: NDArray[np.float64]
    gradient_norms: NDArray[np.float64]


class OptimizationOptions(TypedDict, total=False):
    """The settings that a call of `optimize_function` may change; see `OptimizationSettings`."""

    learning_rate: float
    tolerance: float
    loss_tolerance: float | None
    max_iterations: int
    momentum: float
    backtracking: bool


def optimize_function(
    objective: Callable[[Any], object],
    initial_params: object,
    *,
    method: Method | str | None = None,
    gradient: str | GradientSource | Callable[[Any], object] = AUTO,
    bounds: tuple[object, object] | None = None,
    callback: Callable[[Step], object] | None = None,
    progress: bool = False,
    config: ComputeConfig | None = None,
    **settings: Unpack[OptimizationOptions],
) -> Optimization:
    """Minimise a function of any number of parameters. All is done in the caller's thread.

    Args:
        objective: takes the parameters, nested as the initial ones, returns one real number. What it raises
            comes through; numpy's warnings about overflow and the like are off while it runs.
        initial_params: a number, an array, a list of numbers (which counts as an array), or a dict, list or
            tuple of these, nested as you like.
        method: `"gradient_descent"`, `"adam"`, `"bfgs"`, `"l_bfgs_b"` or `"nelder_mead"`; the config's
            default by default. The last three need scipy.
        gradient: a function of the parameters that returns their gradient, nested as they are;
            `"autograd"`; `"central_differences"`; or `"auto"`: autograd if it is there and can differentiate
            the objective, which is checked at the start, else central differences.
        bounds: lowest and highest parameters, each nested as they are, one number for all, or None. Not for
            `bfgs`.
        callback: called with a `Step` after each step; True ends the search.
        progress: whether to show on standard error how far it is.
        config: its `optimization` settings.
        settings: what is to be other than there: `learning_rate`, `tolerance`, `loss_tolerance`,
            `max_iterations`, `momentum`, `backtracking`.

    Returns:
        See `Optimization`. A loss that grows without bound ends the search with the reason `diverged`, and
        the best parameters seen.

    Raises:
        ComputeInputError: the parameters or bounds are not as above.
        ObjectiveError: the objective does not return one real number, or not a finite one at the start; or a
            gradient of another shape.
        ConfigError: a setting is wrong, or the method takes no bounds.
        MissingPackageError: scipy, or autograd where it was asked for, is not installed.

    Source:
        See the methods: `gradient_descent`, `adam`, `quasi_newton`, `simplex`.
    """
    if not callable(objective):
        raise ConfigError("objective", objective, "a function of the parameters")
    chosen = _settings((config or DEFAULT).optimization, settings)
    how = choice(Method, "method", chosen.default_method if method is None else method)
    structure, start = flatten(initial_params)
    low, high = _box(bounds, structure, initial_params, how)
    _check_inside(start, low, high)
    wrapped = Objective(objective, structure)
    bar = Bar(how.value, chosen.max_iterations) if progress else None
    recorder = Recorder(structure, callback, chosen.loss_tolerance if how.takes_gradients else None, bar)
    with np.errstate(all="ignore"), bar or nullcontext():  # what overflows is judged, not warned about
        initial_loss, source = wrapped.first(start), none()
        if how.takes_gradients:
            source = choose(gradient, wrapped, start, (low, high), initial_params)
        problem = Problem(wrapped, source, low, high, start, initial_loss)
        found = _run(how, problem, chosen, recorder)
    return Optimization(
        optimized_params=plain(structure.build(found.vector.copy())),
        final_loss=found.loss,
        initial_loss=initial_loss,
        iterations=recorder.iterations,
        evaluations=wrapped.evaluations,
        gradient_evaluations=source.evaluations,
        converged=found.ending.converged,
        reason=found.ending,
        detail=found.detail,
        method=how,
        gradient_source=source.source,
        gradient_norm=found.norm,
        losses=np.array(recorder.losses),
        gradient_norms=np.array(recorder.norms),
    )


def _run(method: Method, problem: Problem, settings: OptimizationSettings, recorder: Recorder) -> Found:
    match method:
        case Method.GRADIENT_DESCENT:
            return gradient_descent(problem, settings, recorder)
        case Method.ADAM:
            return adam(problem, settings, recorder)
        case Method.NELDER_MEAD:
            return simplex(problem, settings, recorder)
        case _:
            return quasi_newton(problem, method, settings, recorder)


def _settings(base: OptimizationSettings, changed: OptimizationOptions) -> OptimizationSettings:
    """Return the settings with changes.

    Raises:
        ConfigError: there is no such setting, or its value is wrong.
    """
    known = [each.name for each in fields(OptimizationSettings) if each.name != "default_method"]
    unknown = [name for name in changed if name not in known]
    if unknown:
        raise ConfigError("optimize_function option", unknown[0], one_of(known))
    return replace(base, **changed)


def _box(
    bounds: tuple[object, object] | None, structure: Structure, params: object, method: Method
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest vector.

    Raises:
        ConfigError: the method takes no bounds.
        ComputeInputError: they are not two, nested otherwise, NaN, or crossed.
    """
    low, high = np.full(structure.size, -np.inf), np.full(structure.size, np.inf)
    if bounds is None:
        return low, high
    if method is Method.BFGS:
        raise ConfigError("bounds", bounds, "None for 'bfgs'; 'l_bfgs_b' takes bounds")
    if not isinstance(bounds, tuple) or len(bounds) != 2:
        raise ComputeInputError("bounds", type(bounds).__name__, "a tuple of the lowest and the highest")
    for vector, given, name in zip((low, high), bounds, ("low", "high"), strict=True):
        if given is None:
            continue
        if isinstance(given, (int, float)):
            vector[:] = given
        else:
            vector[:] = flatten_like(given, structure, params, field=f"bounds ({name})")
    if np.isnan(low).any() or np.isnan(high).any() or (low > high).any():
        raise ComputeInputError("bounds", "a NaN, or a lowest above its highest", "in order", low.shape)
    return low, high


def _check_inside(start: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
    """Refuse initial parameters beyond the bounds.

    Raises:
        ComputeInputError: one is.
    """
    outside = np.flatnonzero((start < low) | (start > high))
    if outside.size:
        first = int(outside[0])
        seen = f"{start[first]:g} for number {first}"
        allowed = f"within its bounds {low[first]:g} and {high[first]:g}"
        raise ComputeInputError("initial_params", seen, allowed, start.shape)
