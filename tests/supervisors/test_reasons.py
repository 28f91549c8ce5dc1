"""Exit reasons: what counts as abnormal, and what a crash keeps of its exception."""

from __future__ import annotations

import gc
import pickle
import weakref

import pytest

from supervisors import (
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    Crash,
    Shutdown,
    is_abnormal,
)


@pytest.mark.parametrize(
    ("reason", "abnormal"),
    [
        (NORMAL, False),
        (SHUTDOWN, False),
        (Shutdown("upgrade"), False),
        (Crash("ValueError", "x"), True),
        (KILLED, True),
        (NO_PROCESS, True),
    ],
)
def test_only_crashes_kills_and_absence_are_abnormal(reason, abnormal):
    assert is_abnormal(reason) is abnormal


def crash_of(function):
    try:
        function()
    except Exception as error:  # noqa: BLE001 -- whatever the case raises
        return Crash.from_exception(error)
    raise AssertionError


class Precious:
    """Something a frame holds."""


def test_a_crash_does_not_keep_the_frames_of_its_exception_alive():
    refs = []

    def fail():
        held = Precious()
        refs.append(weakref.ref(held))
        raise ValueError("x")

    crash = crash_of(fail)
    gc.collect()

    assert refs[0]() is None
    assert crash.error_type == "ValueError"


def test_the_traceback_of_a_crash_names_file_line_and_cause():
    def fail():
        try:
            {}["key"]
        except KeyError as error:
            raise RuntimeError("no key") from error

    text = crash_of(fail).traceback

    assert "test_reasons.py" in text
    assert text.index("KeyError: 'key'") < text.index("RuntimeError: no key")


def test_crashes_are_equal_when_type_and_message_are():
    first, second = (crash_of(lambda: int("x")) for _ in range(2))

    assert first == second
    assert pickle.loads(pickle.dumps(first)) == first  # noqa: S301 -- made here


def test_an_error_that_cannot_be_shown_still_makes_a_crash():
    class HostileError(Exception):
        def __str__(self):
            raise RuntimeError

    def fail():
        raise HostileError

    assert crash_of(fail).message == "<no text: RuntimeError>"


def test_a_recursion_error_keeps_both_ends_of_its_traceback_only():
    def deeper(depth=0):
        return deeper(depth + 1)

    assert len(crash_of(deeper).frames) <= 100
