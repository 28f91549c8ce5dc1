"""A language that a third party adds: a row, and an engine that runs in the worker's own process."""

from __future__ import annotations

import queue
import threading
from pathlib import Path

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    ConsoleMessage,
    Diagnostic,
    EngineStartError,
    Execute,
    ExecutorConfig,
    Failed,
    FoundEngine,
    Language,
    LimitExceeded,
    Limits,
    Policy,
    Profile,
    PythonExecutor,
    Runtime,
    RuntimeConfig,
    UnknownLanguageError,
    WorkerDied,
    WorkerLostError,
)
from dspex_actors.workers import Cause, WorkerProcess
from supervisors import Supervisor
from tests.integration._tools import CEILING_S

THIRD_PARTY = Path(__file__).parent / "third_party"
pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


def shout(**options):
    """Return the language; options are what its finder tells its engine."""
    return Language(
        name="shout",
        maker="shout_engine:make",
        find=lambda given: FoundEngine(path=given or "here", version="1.0", options=options),
        install="pip install shout",
        profiles=(Profile.PROCESS, Profile.TRUSTED),
        policy=Policy(packages=()),
        counts_fuel=True,
    )


@pytest.fixture(scope="module", autouse=True)
def installed():
    """Have the engine's module where modules are found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(THIRD_PARTY))
        yield


@pytest.fixture(scope="module")
def runtime(clean_module, installed):  # noqa: ARG001 -- set up before
    with Runtime(RuntimeConfig(languages=(shout(),))) as runtime:
        yield runtime


def run(runtime, code, **options):
    return runtime.execute(code, language="shout", **options)


def test_an_engine_in_the_worker_gives_a_value_output_and_usage(runtime):
    result = run(runtime, "hello {name}", variables={"name": "you"})

    assert isinstance(result, Completed), result
    assert (result.value, result.stdout, result.worker.profile) == ("HELLO YOU", "shouting\n", "process")
    assert result.usage.memory_peak_bytes > 7


@pytest.mark.parametrize(
    ("code", "kind", "facts"),
    [
        ("fail", Failed, {"type": "Whisper", "message": "too quiet", "traceback": "line 1"}),
        ("odd", Failed, {"type": "ValueError", "message": "odd"}),
        ("memory", LimitExceeded, {"limit": "memory"}),
        ("hungry", LimitExceeded, {"limit": "memory"}),
        ("fuel", LimitExceeded, {"limit": "fuel", "allowed": 10, "used": 10}),
        ("big", LimitExceeded, {"limit": "result", "used": 5}),
        ("die", WorkerDied, {"signal": 9}),
    ],
)
def test_each_way_in_which_an_engine_can_fail_has_its_result(runtime, code, kind, facts):
    result = run(runtime, code, limits=Limits(fuel=10))

    assert isinstance(result, kind), result
    told = result.error if kind is Failed else result
    assert {name: getattr(told, name) for name in facts} == facts


def test_an_engine_tells_warnings_and_messages_of_a_console_as_data(runtime):
    result = run(runtime, "chat")

    assert result.console == (ConsoleMessage("whisper", "psst"),)
    assert result.diagnostics == (Diagnostic("warning", "too quiet", line=1),)
    assert run(runtime, "hello").console == ()


def test_an_engine_calls_the_tools_of_its_request(runtime):
    assert run(runtime, "call add", tools={"add": lambda a, b: a + b}, variables={"a": 1, "b": 2}).value == 3


def test_a_session_keeps_what_the_engine_keeps_and_reads_it_by_name(runtime):
    with runtime.session(language="shout") as session:
        session.execute("hi")

        assert session["last"] == "hi"
        with pytest.raises(KeyError):
            session["nothing"]


def test_a_language_is_known_to_the_runtime_that_was_given_it_and_no_other(runtime):
    with (
        Runtime() as other,
        pytest.raises(UnknownLanguageError, match="'python', 'javascript', 'typescript'"),
    ):
        run(other, "hi")
    assert run(runtime, "hi").value == "HI"


def test_a_policy_that_is_none_for_the_language_is_refused(runtime):
    with pytest.raises(ConfigError, match="'process', 'trusted' for the language shout"):
        run(runtime, "hi", policy=Policy(profile="shell"))


def test_an_executor_of_one_language_in_a_tree_of_ones_own_takes_no_other(clean_module, installed):  # noqa: ARG001 -- set up before
    row = shout()
    config = ExecutorConfig(language=row, policy=row.policy, spares=1)
    with Supervisor.start([PythonExecutor.child_spec(config, id="shout")], strategy="one_for_one") as tree:
        executor = tree.child("shout")

        assert executor.call(Execute("hi", language="shout"), timeout=None).value == "HI"
        with pytest.raises(UnknownLanguageError, match="'shout', the executor's own"):
            executor.call(Execute("1"), timeout=None)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"language": "shout"}, "language"),
        ({"language": shout(), "policy": Policy(profile="shell")}, "Policy.profile"),
        ({"limits": Limits(fuel=1)}, "Limits.fuel"),
    ],
)
def test_an_executors_settings_that_do_not_fit_its_language_are_refused(settings, field):
    with pytest.raises(ConfigError) as caught:
        ExecutorConfig(**settings)

    assert caught.value.field == field


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"languages": [shout()]}, "languages"),
        ({"languages": ("shout",)}, "languages"),
        ({"engines": {"shout": 5}}, "engines"),
        ({"engines": "/usr/bin"}, "engines"),
        ({"executor": ExecutorConfig(language=shout())}, "executor.language"),
    ],
)
def test_a_runtimes_settings_about_languages_are_checked(settings, field):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(**settings)

    assert caught.value.field == field


@pytest.mark.parametrize("when", ["broken", "look", "does_not_start"])
def test_an_engine_that_does_not_work_is_told_by_its_own_words(clean_module, when):  # noqa: ARG001 -- set up before
    language = shout(**{when: "it has no voice"})
    with (
        Runtime(RuntimeConfig(languages=(language,))) as runtime,
        pytest.raises(Exception, match="no voice") as caught,
    ):
        run(runtime, "hi")

    if when != "does_not_start":
        assert isinstance(caught.value, EngineStartError)
        assert (caught.value.language, caught.value.install) == ("shout", "pip install shout")


@pytest.mark.parametrize("spares", [0, 1])
def test_what_the_trial_of_an_engine_has_found_comes_with_each_request(clean_module, spares):  # noqa: ARG001 -- set up before
    config = RuntimeConfig(languages=(shout(look=""),), executor=ExecutorConfig(spares=spares))
    with Runtime(config) as runtime, runtime.session(language="shout") as session:
        results = [run(runtime, "idle"), run(runtime, "idle"), session.execute("idle")]

    assert [result.value for result in results] == [[5, 6, 7]] * 3


def test_the_end_of_an_executor_ends_a_worker_that_is_not_ready_yet(clean_module, monkeypatch):  # noqa: ARG001 -- set up before
    starting, causes = threading.Event(), queue.SimpleQueue()
    wait_ready = WorkerProcess.wait_ready

    def watched(process, timeout_s, timers):
        if timeout_s == own_timeout_s:  # else it is a spare of the module's runtime
            starting.set()
        try:
            wait_ready(process, timeout_s, timers)
        except WorkerLostError:
            causes.put(process.cause)
            raise

    monkeypatch.setattr(WorkerProcess, "wait_ready", watched)
    row, own_timeout_s = shout(never_ready="yes"), CEILING_S + 1
    config = ExecutorConfig(language=row, policy=row.policy, spares=1, start_timeout_s=own_timeout_s)
    with Supervisor.start([PythonExecutor.child_spec(config, id="shout")], strategy="one_for_one") as tree:
        assert starting.wait(CEILING_S)
        tree.stop()

    assert causes.get(timeout=CEILING_S) is Cause.STOPPED
