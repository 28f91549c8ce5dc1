"""An executor in a tree of one's own, spoken to by messages."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from dspex_actors import (
    ConfigError,
    Execute,
    ExecutionContext,
    Limits,
    Policy,
    PythonExecutor,
    SandboxUnavailableError,
    ValueEncodeError,
)
from dspex_actors._config import ExecutorConfig
from dspex_actors.executors import Drain, GetStats, _zygote_actor
from dspex_actors.workers import zygote_config
from supervisors import FailedToStart, GenServer, StartError, Supervisor
from tests.integration._tools import CEILING_S, Events

CONFIG = ExecutorConfig(spares=1, limits=Limits(time_s=10))


@pytest.fixture
def tree():
    with Supervisor.start([PythonExecutor.child_spec(CONFIG, id="py")], strategy="one_for_one") as tree:
        yield tree


def test_the_child_of_the_tree_is_the_executor_itself(tree):
    result = tree.child("py").call(Execute("x + 1", variables={"x": 1}), timeout=None)

    assert result.value == 2


def test_a_context_goes_with_the_request(tree):
    context = ExecutionContext(limits=Limits(time_s=0.2))

    assert tree.child("py").call(Execute("while True: pass", context=context), timeout=None).limit == "time"


def test_a_request_can_be_awaited(tree):
    assert asyncio.run(tree.child("py").acall(Execute("1 + 1"), timeout=None)).value == 2


def test_a_cast_request_ends_in_an_event(tree):
    events = Events(tree.system.telemetry, "execution.finished")
    tree.child("py").cast(Execute("5", tag="t"))

    ((_, facts),) = events.wait("execution.finished")
    assert (facts["tag"], facts["result"].value) == ("t", 5)


@pytest.mark.parametrize("message", ["1 + 1", None, 5, Execute, ("Execute", "1")])
def test_a_message_of_another_kind_is_refused_and_the_executor_lives_on(tree, message):
    executor = tree.child("py")
    before = executor.pid
    with pytest.raises(ConfigError):
        executor.call(message)
    executor.cast(message)
    executor.send_info(message)

    assert executor.call(Execute("1"), timeout=None).value == 1
    assert executor.pid is before


def test_an_actor_may_be_the_caller(tree):
    class Asker(GenServer):
        def init(self, executor):
            self.executor = executor

        def handle_call(self, message, sender):  # noqa: ARG002 -- the interface
            return self.executor.call(Execute(message), timeout=None).value

    with Asker.start(tree.child("py")) as asker:
        assert asker.call("6 * 7", timeout=CEILING_S) == 42


def test_variables_that_cannot_cross_are_raised_in_the_caller(tree):
    with pytest.raises(ValueEncodeError):
        tree.child("py").call(Execute("1", variables={"x": (i for i in ())}), timeout=None)


def test_a_drained_executor_takes_no_more(tree):
    executor = tree.child("py")
    executor.call(Drain())

    with pytest.raises(Exception, match="closed"):
        executor.call(Execute("1"), timeout=None)
    executor.cast(Execute("1"))
    assert executor.call(GetStats()).busy == 0


def test_two_executors_in_one_tree_have_policies_of_their_own():
    specs = [
        PythonExecutor.child_spec(CONFIG, id="process"),
        PythonExecutor.child_spec(ExecutorConfig(policy=Policy(profile="strict"), spares=1), id="strict"),
    ]
    with Supervisor.start(specs, strategy="one_for_one") as tree:
        profiles = [
            tree.child(name).call(Execute("1"), timeout=None).worker.profile for name in ("process", "strict")
        ]

    assert profiles == ["process", "strict"]


def test_an_executor_started_alone_says_how_it_is_meant():
    with pytest.raises(StartError, match="child_spec"):
        PythonExecutor.start(CONFIG)


def test_a_tree_whose_executor_cannot_be_confined_does_not_start(monkeypatch):
    lesser = partial(zygote_config, disabled_layers=["seccomp"])
    monkeypatch.setattr(_zygote_actor, "zygote_config", lesser)
    config = ExecutorConfig(policy=Policy(require=["seccomp"]))
    with pytest.raises(StartError) as caught:
        Supervisor.start([PythonExecutor.child_spec(config, id="py")], strategy="one_for_one")

    reason = caught.value.reason
    while isinstance(getattr(reason, "detail", None), FailedToStart):
        reason = reason.detail.reason
    assert isinstance(reason.detail, SandboxUnavailableError)
