"""What a kept worker remembers between two calls changes nothing but the time they take."""

from __future__ import annotations

import pytest

from dspex_actors import MIB, Completed, LimitExceeded, Limits
from dspex_actors.executors._variables import encode_variables
from tests.integration._tools import QUICK, TIMERS

TAKE = "len(bytearray({} * 2**20))"


@pytest.fixture
def call(zygote):
    """Return a function that runs code in one kept worker."""
    with zygote.worker() as worker:

        def run(code, limits=QUICK, **variables):
            return worker.execute(code, encode_variables(variables), limits, TIMERS, keep=True)

        yield run


def test_a_source_run_again_sees_the_names_as_they_are_now(call):
    assert [call("x + 1", x=1).value, call("x + 1", x=2).value, call("x = 5").value, call("x + 1").value] == [
        2,
        3,
        None,
        6,
    ]


def test_a_source_that_warns_warns_each_time(call):
    seen = [call("assert (1, 'always true')\n7") for _ in range(3)]

    assert [result.value for result in seen] == [7, 7, 7]
    assert all("SyntaxWarning" in result.stderr for result in seen)


def test_each_call_has_a_traceback_of_its_own_source(call):
    seen = [call(code).error.traceback for code in ("1 / 0", "\n\n1 / 0", "1 / 0")]

    assert seen[0] == seen[2]
    assert ("line 1" in seen[0], "line 3" in seen[1]) == (True, True)


def test_a_lower_limit_of_a_later_call_holds(call):
    roomy, tight = Limits(memory_bytes=128 * MIB), Limits(memory_bytes=32 * MIB)

    assert [type(call(TAKE.format(60), limits)) for limits in (roomy, roomy, tight)] == [
        Completed,
        Completed,
        LimitExceeded,
    ]


def test_a_limit_holds_again_after_it_was_exceeded(call):
    limits = Limits(memory_bytes=64 * MIB)

    seen = [call(TAKE.format(size), limits) for size in (100, 40, 100, 40)]

    assert [type(result) for result in seen] == [LimitExceeded, Completed, LimitExceeded, Completed]
