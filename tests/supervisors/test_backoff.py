"""The wait before a restart, as a table: no thread, no clock, no random number of its own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import Backoff, ChildSpecError, SupervisorFlags
from supervisors._backoff import NO_RESTARTS, Streak, next_wait

BACKOFF = Backoff(minimum_s=3, maximum_s=30, jitter=0.2)


def waits(backoff, ran_s, *, random=0.0):
    """Return the wait before each restart of a child that ran for so many seconds each time."""
    streak, now, found = NO_RESTARTS, 1000.0, []
    for seconds in ran_s:
        now += seconds
        wait, streak = next_wait(backoff, Streak(streak.restarts, now - seconds), now=now, random=random)
        now += wait
        found.append(wait)
    return found


@pytest.mark.parametrize(
    ("ran_s", "expected"),
    [
        ([0], [3]),
        ([0] * 6, [3, 6, 12, 24, 30, 30]),
        ([16.4] * 3, [3, 6, 12]),  # just less than half of 3 + 30
        ([16.5] * 3, [3, 3, 3]),
        ([0, 0, 0, 20, 0, 0], [3, 6, 12, 3, 6, 12]),
    ],
)
def test_the_wait_doubles_until_the_maximum_and_begins_anew_after_a_long_run(ran_s, expected):
    assert waits(BACKOFF, ran_s) == expected


def test_a_start_that_failed_is_no_run_however_long_it_took():
    wait, streak = next_wait(BACKOFF, Streak(2, None), now=10**9, random=0)

    assert (wait, streak) == (12, Streak(3, None))


@pytest.mark.parametrize(("random", "expected"), [(0.0, 3.0), (0.5, 3.3), (1.0, 3.6)])
def test_the_jitter_is_added_in_proportion_to_the_wait(random, expected):
    assert waits(BACKOFF, [0], random=random) == pytest.approx([expected])


def test_the_longest_wait_is_the_maximum_and_all_of_its_jitter():
    assert waits(BACKOFF, [0] * 9, random=1.0)[-1] == 36


LIMITS = st.tuples(st.floats(1e-3, 1e6), st.floats(1e-3, 1e6)).map(sorted)


@given(LIMITS, st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**6))
def test_every_wait_is_within_its_limits_and_adds_one_to_the_streak(limits, jitter, random, restarts):
    backoff = Backoff(minimum_s=limits[0], maximum_s=limits[1], jitter=jitter)

    wait, streak = next_wait(backoff, Streak(restarts), now=0, random=random)

    assert limits[0] <= wait <= limits[1] * (1 + jitter)
    assert streak == Streak(restarts + 1)


@given(LIMITS, st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
def test_a_wait_is_never_shorter_than_the_one_before_unless_the_child_ran_long(limits, ran_s):
    backoff = Backoff(minimum_s=limits[0], maximum_s=limits[1], jitter=0)
    found = waits(backoff, ran_s)

    for seconds, before, after in zip(ran_s[1:], found, found[1:], strict=False):
        if abs(seconds - backoff.reset_s) > 1e-3:  # the clock of `waits` adds up rounded seconds
            assert after >= before or (seconds > backoff.reset_s and after == limits[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"minimum_s": 0}, "minimum_s is 0; it must be a finite number > 0"),
        ({"minimum_s": -1.0}, "minimum_s is -1.0"),
        ({"minimum_s": "1"}, "minimum_s is '1'"),
        ({"minimum_s": True}, "minimum_s is True"),
        ({"minimum_s": math.nan}, "minimum_s is nan"),
        ({"minimum_s": 2, "maximum_s": 1}, "maximum_s is 1; it must be a finite number >= minimum_s"),
        ({"maximum_s": math.inf}, "maximum_s is inf"),
        ({"maximum_s": None}, "maximum_s is None"),
        ({"jitter": -0.1}, "jitter is -0.1; it must be a finite number from 0 to 1"),
        ({"jitter": 1.1}, "jitter is 1.1"),
        ({"jitter": None}, "jitter is None"),
    ],
)
def test_a_wrong_back_off_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ChildSpecError, match=message):
        Backoff(**options)


@pytest.mark.parametrize(
    "options",
    [{}, {"minimum_s": 1, "maximum_s": 1}, {"minimum_s": 1e-9}, {"jitter": 0}, {"jitter": 1}],
)
def test_both_sides_of_each_limit_are_accepted(options):
    backoff = Backoff(**options)

    assert backoff.minimum_s <= backoff.reset_s <= backoff.maximum_s


def test_flags_have_no_back_off_unless_told_and_take_nothing_else():
    assert SupervisorFlags().backoff is None
    assert SupervisorFlags(backoff=BACKOFF).backoff is BACKOFF
    with pytest.raises(ChildSpecError, match=r"backoff is 5; it must be None or Backoff\(...\)"):
        SupervisorFlags(backoff=5)
