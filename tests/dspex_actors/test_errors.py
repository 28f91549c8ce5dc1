"""Every error is one family, says its sentence from its data, and survives pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from dspex_actors import _errors
from dspex_actors._errors import (
    ConfigError,
    DspexError,
    EngineError,
    EngineNotFoundError,
    EngineStartError,
    EngineVersionError,
    ExecutorBusyError,
    ExecutorUnavailableError,
    FramingError,
    GuestError,
    LimitExceededError,
    ProtocolError,
    RollbackUnavailableError,
    RuntimeClosedError,
    SandboxUnavailableError,
    SessionClosedError,
    SessionLimitError,
    ToolError,
    UnknownLanguageError,
    ValueDecodeError,
    ValueEncodeError,
    WorkerDiedError,
    WorkerLostError,
    WritePathError,
    describe_limit,
)

EXAMPLES = [
    DspexError("something"),
    ConfigError("Limits.time_s", -1, "a number > 0"),
    UnknownLanguageError("language", "ruby", "'python'"),
    SandboxUnavailableError("landlock", "no such call", "use a newer kernel"),
    GuestError("KeyError", "'x'", "Traceback"),
    GuestError("KeyError", ""),
    LimitExceededError("memory", 2**20),
    LimitExceededError("time", 1.5, 1.6),
    WorkerDiedError(3, None),
    WorkerDiedError(None, 11),
    WorkerLostError("the zygote ended"),
    ProtocolError("two final frames"),
    FramingError("a frame of the unknown type 9"),
    ValueDecodeError("not a value"),
    ValueEncodeError("value['a'][0]", "socket", "only plain data"),
    ExecutorBusyError(5, 5),
    ExecutorBusyError(5, 10, 1.25),
    ExecutorUnavailableError("it is being restarted"),
    RuntimeClosedError(),
    ToolError("search", "KeyError", "'x'"),
    ToolError("search", "TimeoutError"),
    SessionClosedError("it was idle for 5 s"),
    SessionLimitError(64),
    RollbackUnavailableError("2 threads are alive"),
    WritePathError("/srv/out", "No such file or directory"),
    EngineError("ruby", "it is broken", "apt-get install ruby"),
    EngineNotFoundError("ruby", "ruby is not in PATH", "apt-get install ruby"),
    EngineVersionError("ruby", "it is version 1.8", "apt-get install ruby"),
    EngineStartError("ruby", "it ended", "apt-get install ruby"),
]


def errors_of_the_package():
    return {
        value
        for value in vars(_errors).values()
        if isinstance(value, type) and issubclass(value, BaseException)
    }


def test_every_error_class_of_the_package_has_an_example_here():
    assert {type(error) for error in EXAMPLES} == errors_of_the_package()


def test_every_error_has_the_one_root():
    assert all(issubclass(error, DspexError) for error in errors_of_the_package())


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_comes_back_from_pickle_with_its_text_and_attributes(error, protocol):
    back = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301 -- our own bytes

    assert type(back) is type(error)
    assert str(back) == str(error)
    assert vars(back) == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=repr)
def test_an_error_can_be_copied(error):
    assert vars(copy.copy(error)) == vars(error)


@pytest.mark.parametrize(
    "value", [object(), [object()], lambda: None, type, {1: open}, float("nan"), "x" * 10**6]
)
def test_a_config_error_about_any_value_is_picklable_and_keeps_its_sentence(value):
    error = ConfigError("field", value, "something else")

    back = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert str(back) == str(error)
    assert len(str(error)) < 1000


class Unprintable:
    def __repr__(self):
        msg = "no text"
        raise ValueError(msg)


def test_a_config_error_about_an_object_without_text_still_has_a_sentence():
    assert str(ConfigError("field", Unprintable(), "printable")).startswith("field must be printable")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (EXAMPLES[1], "Limits.time_s must be a number > 0, got -1"),
        (
            EXAMPLES[3],
            "the sandbox layer 'landlock' is required and not active: no such call; use a newer kernel",
        ),
        (EXAMPLES[4], "KeyError: 'x'"),
        (EXAMPLES[5], "KeyError"),
        (EXAMPLES[6], "the guest exceeded its memory limit of 1 MiB"),
        (EXAMPLES[8], "the worker process exited with code 3 before it gave a result"),
        (EXAMPLES[9], "the worker process was ended by signal 11 before it gave a result"),
        (EXAMPLES[14], "value['a'][0] (socket) cannot cross: only plain data"),
        (EXAMPLES[15], "the queue is full: 5 of 5 requests are waiting"),
        (EXAMPLES[16], "no worker became free within 1.25 s; 5 requests are waiting"),
        (EXAMPLES[18], "the runtime is closed; create a new Runtime"),
        (EXAMPLES[19], "search: KeyError: 'x'"),
        (EXAMPLES[20], "search: TimeoutError"),
        (EXAMPLES[21], "the session is closed: it was idle for 5 s"),
        (EXAMPLES[22], "64 sessions are open, which is all that RuntimeConfig.max_sessions allows"),
        (EXAMPLES[23], "the session's state cannot be copied: 2 threads are alive"),
    ],
)
def test_each_error_says_its_sentence(error, sentence):
    assert str(error) == sentence


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(EXAMPLES[1], ValueError), (EXAMPLES[2], LookupError), (EXAMPLES[14], ValueError)],
)
def test_errors_about_arguments_are_also_the_builtin_that_fits(error, builtin):
    assert isinstance(error, builtin)


@pytest.mark.parametrize(
    ("limit", "allowed", "text"),
    [
        ("time", 2, "2 s"),
        ("cpu", 0.5, "0.5 s"),
        ("memory", 2**30, "1 GiB"),
        ("memory", 2**30 - 1, "1024 MiB"),
        ("result", 1536, "1.5 KiB"),
        ("output", 1023, "1023 bytes"),
        ("output", 0, "0 bytes"),
        ("tool_calls", 1000, "1000 calls"),
        ("tool_calls", 10**7, "10000000 calls"),
    ],
)
def test_a_limit_is_told_with_its_unit(limit, allowed, text):
    assert describe_limit(limit, allowed) == text
