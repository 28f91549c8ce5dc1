"""A loss minimised four ways; and the same in a sandboxed worker, where an endless one is killed."""

from __future__ import annotations

import numpy as np

from dspex_actors import Compute, ComputeExecutor, ExecutionContext, Limits
from dspex_actors.compute import optimize_function
from supervisors import Supervisor

# expect: the next one: converged

generator = np.random.default_rng(3)
inputs = generator.normal(size=(200, 2))
targets = inputs @ [1.5, -2.0] + 0.5


def loss(p: dict[str, np.ndarray]) -> float:
    """Return the mean squared error of a line; parameters may be nested in any way."""
    return ((inputs @ p["w"] + p["b"] - targets) ** 2).mean()


def endless(_: object) -> float:
    """Never return."""
    while True:
        pass


if __name__ == "__main__":  # the guest gets the functions of this file by value
    start = {"w": np.zeros(2), "b": 0.0}
    for method in ("gradient_descent", "adam", "bfgs", "nelder_mead"):
        found = optimize_function(loss, start, method=method, learning_rate=0.1)
        print(f"{method}: {found.reason.value} after {found.iterations} steps,", end=" ")
        print(f"loss {found.final_loss:.1e}, gradient by {found.gradient_source.value}")

    with Supervisor.start([ComputeExecutor.child_spec(id="compute")], strategy="one_for_one") as tree:
        numbers = tree.child("compute")
        half_a_second = ExecutionContext(limits=Limits(time_s=0.5))
        runaway = Compute("optimize_function", endless, [0.0], context=half_a_second)
        print("an endless loss:", numbers.call(runaway, timeout=None))
        result = numbers.call(Compute("optimize_function", loss, start, method="bfgs"), timeout=None)
        print("the next one:", "converged" if result.unwrap().converged else "not converged")
