"""Settings of executors and runtimes are checked once, where they are made."""

from __future__ import annotations

import dataclasses
import math

import pytest

from dspex_actors import (
    CheckpointAt,
    ConfigError,
    Limits,
    OnError,
    Policy,
    Runtime,
    RuntimeConfig,
    SessionConfig,
)
from dspex_actors._config import ExecutorConfig
from dspex_actors.executors.languages import Languages
from dspex_actors.runtime._settings import config_of

WRONG_COUNTS = [-1, 1.0, "1", True, False, None, math.nan, [], 1j]
WRONG_SECONDS = [0, -1, math.nan, math.inf, True, "5", None, 10**400, 1e300]


@pytest.mark.parametrize("field", ["spares", "max_workers", "max_queue"])
@pytest.mark.parametrize("value", WRONG_COUNTS)
def test_counts_of_an_executor_that_are_no_whole_number_are_refused(field, value):
    with pytest.raises(ConfigError) as caught:
        ExecutorConfig(**{field: value})

    assert caught.value.field == field


@pytest.mark.parametrize(("field", "least"), [("spares", 0), ("max_workers", 1), ("max_queue", 0)])
def test_counts_of_an_executor_are_taken_from_the_least_on(field, least):
    assert getattr(ExecutorConfig(**{field: least}), field) == least
    with pytest.raises(ConfigError):
        ExecutorConfig(**{field: least - 1})


@pytest.mark.parametrize("value", WRONG_SECONDS)
def test_a_start_timeout_that_is_no_duration_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        ExecutorConfig(start_timeout_s=value)

    assert caught.value.field == "start_timeout_s"


@pytest.mark.parametrize(
    ("field", "value"), [("policy", "strict"), ("policy", None), ("limits", {}), ("limits", None)]
)
def test_policies_and_limits_of_another_type_are_refused(field, value):
    with pytest.raises(ConfigError) as caught:
        ExecutorConfig(**{field: value})

    assert caught.value.field == field


def test_an_executor_that_does_not_count_fuel_refuses_a_number():
    with pytest.raises(ConfigError, match="fuel"):
        ExecutorConfig(limits=Limits(fuel=1))


@pytest.mark.parametrize("value", [*WRONG_COUNTS, 0])
def test_a_number_of_policies_below_one_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(max_policies=value)

    assert caught.value.field == "max_policies"


@pytest.mark.parametrize("value", WRONG_SECONDS)
def test_a_stop_timeout_that_is_no_duration_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(stop_timeout_s=value)

    assert caught.value.field == "stop_timeout_s"


@pytest.mark.parametrize("field", ["handle_signals", "hot_reload"])
@pytest.mark.parametrize("value", [None, 1, "yes", [True]])
def test_handling_signals_and_reloading_are_a_yes_or_a_no(field, value):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(**{field: value})

    assert caught.value.field == field


@pytest.mark.parametrize("value", ["", "nul\0byte", 5, b"/run/c.sock", True, ["/run"]])
def test_a_control_socket_without_a_path_is_refused(value):
    with pytest.raises(ConfigError, match="control must be a path, or None"):
        RuntimeConfig(control=value)


@pytest.mark.parametrize(("length", "taken"), [(107, True), (108, False)])
def test_the_path_of_a_control_socket_has_as_many_bytes_as_the_kernel_takes(length, taken):
    path = "/" + "é" * ((length - 2) // 2) + "x" * (1 + length % 2)
    path = path[:1] + "x" * (length - len(path.encode())) + path[1:]
    if taken:
        assert str(RuntimeConfig(control=path).control) == path
        return
    with pytest.raises(ConfigError, match="control must be a path of at most 107 bytes"):
        RuntimeConfig(control=path)


def test_the_path_of_a_control_socket_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert RuntimeConfig(control="own/c.sock").control == tmp_path / "own" / "c.sock"
    assert RuntimeConfig().control is None


@pytest.mark.parametrize("value", [None, Policy(), {}, ExecutorConfig])
def test_an_executor_setting_of_another_type_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(executor=value)

    assert caught.value.field == "executor"


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((5,), {}),
        (({},), {}),
        ((ExecutorConfig(),), {}),
        ((RuntimeConfig(),), {"policy": Policy()}),
        ((RuntimeConfig(),), {"limits": Limits()}),
        ((RuntimeConfig(),), {"control": "c.sock"}),
        ((), {"policy": "strict"}),
        ((), {"limits": 5}),
    ],
)
def test_a_runtime_refuses_wrong_settings_before_it_starts_anything(args, options):
    with pytest.raises(ConfigError):
        Runtime(*args, **options)


def test_the_settings_of_executors_are_public():
    import dspex_actors  # noqa: PLC0415 -- the lazy names are what is tested

    assert dspex_actors.ExecutorConfig is ExecutorConfig
    assert "SandboxReport" in dspex_actors.__all__


@pytest.mark.parametrize("value", [*WRONG_COUNTS, 0])
def test_a_number_of_sessions_below_one_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        RuntimeConfig(max_sessions=value)

    assert caught.value.field == "max_sessions"


@pytest.mark.parametrize("value", [None, *(each for each in WRONG_SECONDS if each is not None)])
def test_an_idle_timeout_is_a_number_of_seconds_or_none(value):
    if value is None:
        assert SessionConfig(idle_timeout_s=None).idle_timeout_s is None
        return
    with pytest.raises(ConfigError) as caught:
        SessionConfig(idle_timeout_s=value)

    assert caught.value.field == "idle_timeout_s"


def test_the_words_of_a_session_s_settings_become_members():
    config = SessionConfig(checkpoint="idle", on_error="rollback")

    assert (config.checkpoint, config.on_error) == (CheckpointAt.IDLE, OnError.ROLLBACK)
    assert SessionConfig(checkpoint=CheckpointAt.NEVER).checkpoint is CheckpointAt.NEVER


@pytest.mark.parametrize("value", WRONG_COUNTS)
def test_a_history_that_is_no_whole_number_is_refused(value):
    with pytest.raises(ConfigError) as caught:
        SessionConfig(history=value)

    assert caught.value.field == "history"


@pytest.mark.parametrize("engines", [{"cobol": "/x"}, {"python": "/x"}, {"javascript": "/x", "Rust": "/y"}])
def test_an_engine_for_what_is_no_language_or_has_its_own_is_refused(engines):
    with pytest.raises(ConfigError, match="engines must be a mapping with keys out of 'javascript', "):
        config_of(RuntimeConfig(engines=engines), None, None)


@pytest.mark.parametrize("engines", [{"javascript": ""}, {"": "/x"}, {"javascript": None}, {"rust": b"/x"}])
def test_an_engine_without_a_name_or_a_path_is_refused(engines):
    with pytest.raises(ConfigError, match="both text that is not empty"):
        RuntimeConfig(engines=engines)


def test_the_engine_of_a_language_of_ones_own_is_taken():
    mine = dataclasses.replace(Languages()["javascript"], name="mine")
    config = RuntimeConfig(languages=(mine,), engines={"mine": "/x", "javascript": "/y"})

    assert config_of(config, None, None) is config
