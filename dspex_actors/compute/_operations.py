"""What can be asked for by name, and what a guest does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.compute._bootstrap import bootstrap_interval
from dspex_actors.compute._count_tests import chi_squared_independence_test, chi_squared_test
from dspex_actors.compute._hypotheses import holm_correction
from dspex_actors.compute._matrix import matrix_analysis
from dspex_actors.compute._optimize import optimize_function
from dspex_actors.compute._rank_tests import kolmogorov_smirnov_test, mann_whitney_test
from dspex_actors.compute._records import to_plain
from dspex_actors.compute._statistics import statistical_analysis
from dspex_actors.compute._t_tests import one_sample_t_test, student_t_test, welch_t_test

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OPERATIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        bootstrap_interval,
        chi_squared_independence_test,
        chi_squared_test,
        holm_correction,
        kolmogorov_smirnov_test,
        mann_whitney_test,
        matrix_analysis,
        one_sample_t_test,
        optimize_function,
        statistical_analysis,
        student_t_test,
        welch_t_test,
    )
}
"""The functions of this package that compute, by name."""


def operation(name: object) -> Callable[..., Any]:
    """Return a function by its name.

    Raises:
        ConfigError: there is none.
    """
    found = OPERATIONS.get(name) if isinstance(name, str) else None
    if found is None:
        raise ConfigError("operation", name, one_of(sorted(OPERATIONS)))
    return found


def answer(name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- plain data
    """Compute, and return the result as plain data; this is what runs in a guest."""
    return to_plain(operation(name)(*arguments, **options))
