"""A compute executor in a tree: numeric work in real sandboxed workers, and what hostile work costs."""

from __future__ import annotations

import asyncio
import inspect
import queue
import sys

import numpy as np
import pytest

from dspex_actors import (
    Completed,
    Compute,
    ComputeExecutor,
    ConfigError,
    ExecutionContext,
    ExecutorConfig,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    Runtime,
    RuntimeConfig,
    WorkerDied,
    compute,
)
from supervisors import StartError, Supervisor
from tests.integration._tools import CEILING_S, MIB

pytestmark = pytest.mark.may_leak("spares come and go; the module's fixture checks at its end")

CONFIG = ExecutorConfig(spares=1, limits=Limits(time_s=60, memory_bytes=512 * MIB), start_timeout_s=60)

SETTINGS = compute.ComputeConfig(
    statistics=compute.StatisticsSettings(confidence_level=0.5, bootstrap_samples=30)
)


@pytest.fixture(scope="module")
def tree(clean_module):  # noqa: ARG001 -- set up before
    spec = ComputeExecutor.child_spec(SETTINGS, CONFIG, id="compute")
    with Supervisor.start([spec], strategy="one_for_one") as tree:
        yield tree


@pytest.fixture
def ask(tree):
    def ask(*arguments, limits=None, **options):
        context = ExecutionContext(limits=limits)
        return tree.child("compute").call(Compute(*arguments, context=context, **options), timeout=None)

    return ask


SAMPLE = [2.0, 8.0, 0.0, 4.0, 1.0, 9.0, 9.0, 0.5]


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("matrix_analysis", ([[2, 1j], [3, 4]],), {}),
        ("matrix_analysis", (np.ones((2, 3, 3)),), {}),
        ("statistical_analysis", (SAMPLE,), {"include": ("bootstrap", "families"), "seed": 3}),
        ("bootstrap_interval", (SAMPLE, "median"), {"resamples": 200}),
        ("mann_whitney_test", (SAMPLE, [1.0, 2.0]), {"alternative": compute.Alternative.LESS}),
        ("holm_correction", ([0.1, 0.01],), {}),
    ],
)
def test_a_worker_gives_the_same_result_as_the_function_called_directly(ask, name, arguments, options):
    result = ask(name, *arguments, **options)
    function = compute.OPERATIONS[name]
    if "config" in inspect.signature(function).parameters:
        options = {**options, "config": SETTINGS}
    direct = function(*arguments, **options)

    assert isinstance(result, Completed)
    assert type(result.value) is type(direct)
    assert repr(result.value) == repr(direct)


def test_an_objective_its_gradient_and_its_callback_run_in_the_guest(ask):
    def loss(p):
        return ((p["w"] - 2) ** 2).sum() + p["b"] ** 2

    def gradient(p):
        return {"w": 2 * (p["w"] - 2), "b": 2 * p["b"]}

    def callback(step):
        sys.stdout.write(f"step {step.iteration}\n")

    start = {"w": np.zeros((2, 2)), "b": 1.0}
    result = ask("optimize_function", loss, start, method="bfgs", gradient=gradient, callback=callback)

    assert result.value.converged is True
    assert result.value.optimized_params["w"] == pytest.approx(np.full((2, 2), 2.0))
    assert result.stdout.splitlines() == [f"step {i + 1}" for i in range(result.value.iterations)]


def test_exact_gradients_are_to_be_had_in_a_guest(ask):
    result = ask("optimize_function", lambda p: (p**4).sum(), [1.0, 2.0], method="l_bfgs_b")

    assert result.value.gradient_source is compute.GradientSource.AUTOGRAD


def test_an_objective_that_never_ends_is_killed_and_the_next_request_is_served(ask):
    def endless(p):
        while True:
            p = p + 0

    result = ask("optimize_function", endless, [1.0], limits=Limits(time_s=0.3))

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.allowed) == ("time", 0.3)
    assert ask("matrix_analysis", [[2.0]]).value.frobenius_norm == 2.0


def test_an_objective_that_eats_memory_is_stopped_at_its_limit(ask):
    def hungry(p):
        return float(np.ones(2**27).sum() + p[0])  # a gibibyte

    result = ask("optimize_function", hungry, [1.0], limits=Limits(memory_bytes=128 * MIB, time_s=60))

    assert isinstance(result, LimitExceeded)
    assert result.limit == "memory"
    assert isinstance(ask("optimize_function", lambda p: p[0] ** 2, [1.0]), Completed)


def test_an_objective_that_ends_its_process_costs_its_worker_alone(ask):
    def gone(_):
        import os  # noqa: PLC0415 -- in the guest

        os._exit(7)

    result = ask("optimize_function", gone, [1.0])
    assert isinstance(result, WorkerDied)
    assert result.exit_code == 7


def test_an_objective_has_no_files_and_no_network_of_the_host(ask):
    def curious(_):
        import socket  # noqa: PLC0415 -- in the guest

        refused = 0
        for attempt in (lambda: open("/etc/passwd"), lambda: socket.socket()):  # noqa: PLW0108, PTH123, SIM115
            try:
                attempt()
            except OSError:
                refused += 1
        return float(refused)

    result = ask("optimize_function", curious, [1.0], method="nelder_mead", max_iterations=1)

    assert result.unwrap().final_loss == 2.0


def test_a_guest_that_makes_up_its_result_is_told_as_failed(ask):
    def liar(_):
        import dspex_actors.compute as package  # noqa: PLC0415 -- in the guest

        package._records.to_plain = lambda _: "nine"
        return 0.0

    result = ask("optimize_function", liar, [1.0], method="nelder_mead", max_iterations=1)

    assert isinstance(result, Failed)
    assert result.error.type == "ProtocolError"
    assert "a worker sent str for Optimization.final_loss" in result.error.message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("matrix_analysis", [[1, 2], [3]]), "ComputeInputError", "row 0 has 2 values, row 1 has 1"),
        (("matrix_analysis", [1.0, 2.0]), "ComputeInputError", "of shape (2,)"),
        (("statistical_analysis", ["a"]), "ComputeInputError", "text of shape (1,)"),
        (("optimize_function", lambda p: p, [1.0, 2.0]), "ObjectiveError", "an array of shape (2,)"),
        (("optimize_function", lambda p: float("nan"), [1.0]), "ObjectiveError", "nan"),  # noqa: ARG005
        (("optimize_function", lambda p: {}["x"], [1.0]), "KeyError", "x"),  # noqa: ARG005
    ],
)
def test_wrong_input_is_a_value_that_names_the_error_and_the_shape(ask, arguments, error, message):
    result = ask(*arguments)

    assert isinstance(result, Failed)
    assert result.error.type == error
    assert message in result.error.message


def test_a_computation_can_be_awaited(tree):
    address = tree.child("compute")
    result = asyncio.run(address.acall(Compute("matrix_analysis", [[3.0]]), timeout=None))

    assert result.value.frobenius_norm == 3.0


def test_a_computation_that_was_cast_ends_in_an_event_with_its_tag(tree):
    ended = queue.SimpleQueue()
    detach = tree.system.telemetry.attach("execution.finished", lambda *event: ended.put(event[-1]))
    tree.child("compute").cast(Compute("matrix_analysis", [[3.0]], context=ExecutionContext(tag="mine")))
    while (facts := ended.get(timeout=CEILING_S))["tag"] != "mine":
        pass  # the end of an earlier test's computation
    detach()

    assert isinstance(facts["result"], Completed)


@pytest.mark.parametrize("message", [None, "matrix_analysis", 5])
def test_a_message_of_another_kind_is_refused_and_the_executor_serves_on(tree, ask, message):
    with pytest.raises(ConfigError, match=r"Compute\(\.\.\.\)"):
        tree.child("compute").call(message)

    assert ask("matrix_analysis", [[1.0]]).value.rank == 1


def test_settings_of_the_executor_hold_where_a_request_has_none(ask):
    default = ask("bootstrap_interval", SAMPLE).value
    asked = ask("bootstrap_interval", SAMPLE, resamples=40).value
    other = ask("bootstrap_interval", SAMPLE, resamples=40, config=compute.ComputeConfig()).value

    assert (default.resamples, default.interval.confidence) == (30, 0.5)
    assert (asked.resamples, asked.interval.confidence) == (40, 0.5)
    assert (other.resamples, other.interval.confidence) == (40, 0.95)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Compute("eval", "1"), "operation must be one of 'bootstrap_interval'"),
        (lambda: Compute(None), "operation must be one of"),
        (
            lambda: Compute("matrix_analysis", [[1]], context=ExecutionContext(variables={"x": 1})),
            "without variables and tools",
        ),
        (
            lambda: ComputeExecutor.child_spec(executor=ExecutorConfig(policy=Policy(profile="strict"))),
            "profile",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_an_executor_started_alone_says_how_it_is_meant():
    with pytest.raises(StartError, match="child_spec"):
        ComputeExecutor.start(None)


def test_a_runtime_computes_in_workers_that_have_what_it_takes():
    def endless(_):
        while True:
            pass

    soon = ExecutionContext(limits=Limits(time_s=0.3))
    executor = ExecutorConfig(policy=Policy(profile="strict"), spares=0, start_timeout_s=60)
    with Runtime(RuntimeConfig(executor=executor)) as runtime:
        found = runtime.compute("statistical_analysis", SAMPLE, ddof=1)
        awaited = asyncio.run(runtime.acompute("matrix_analysis", [[3.0]]))
        killed = runtime.compute("optimize_function", endless, [1.0], context=soon)
        with pytest.raises(ConfigError, match="profile"):
            runtime.compute("matrix_analysis", [[3.0]], policy=Policy(profile="strict"))

    assert found.unwrap().std == compute.statistical_analysis(SAMPLE, ddof=1).std
    assert awaited.unwrap().frobenius_norm == 3.0
    assert isinstance(killed, LimitExceeded)
