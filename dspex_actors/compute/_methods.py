"""The choices by name: methods of optimisation, sources of gradients, ways to eigenvalues."""

from __future__ import annotations

from enum import Enum


class Method(Enum):
    """How a minimum is looked for. The first two are ours, the others scipy's."""

    GRADIENT_DESCENT = "gradient_descent"
    ADAM = "adam"
    BFGS = "bfgs"
    L_BFGS_B = "l_bfgs_b"
    NELDER_MEAD = "nelder_mead"

    @property
    def takes_gradients(self) -> bool:
        """Whether it goes by gradients."""
        return self is not Method.NELDER_MEAD


class GradientSource(Enum):
    """Where gradients come from."""

    USER = "user"  # a function of the caller's
    AUTOGRAD = "autograd"  # reverse mode, exact; the objective has to be of numpy operations
    CENTRAL = "central_differences"  # two evaluations a parameter; about ten digits
    NONE = "none"  # the method takes none


class Ending(Enum):
    """Why an optimisation ended. The first two are convergence."""

    GRADIENT_TOLERANCE = "gradient_tolerance"  # no part of the (projected) gradient is above the tolerance
    SIMPLEX_TOLERANCE = "simplex_tolerance"  # the simplex is smaller than the tolerance, in place and value
    LOSS_TOLERANCE = "loss_tolerance"  # a step changed the loss by no more than was asked for
    ITERATION_LIMIT = "iteration_limit"
    NO_PROGRESS = "no_progress"  # no step along the search direction lowers the loss any more
    DIVERGED = "diverged"  # the loss grew without bound, or left the numbers
    CALLBACK = "callback"  # the callback asked for it

    @property
    def converged(self) -> bool:
        """Whether a tolerance that was asked for was reached."""
        return self in {Ending.GRADIENT_TOLERANCE, Ending.SIMPLEX_TOLERANCE, Ending.LOSS_TOLERANCE}


class EigenvalueMethod(Enum):
    """How eigenvalues are computed."""

    AUTO = "auto"  # as symmetric if the matrix is symmetric or Hermitian, else as general
    EIGH = "eigh"  # as symmetric or Hermitian; any other matrix is refused
    EIG = "eig"  # as general, always
