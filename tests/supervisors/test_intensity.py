"""The restart window: whole seconds, inclusive at both ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors._intensity import RestartWindow


def exceeded_at(times, *, intensity, period):
    """Return the position of the first incident that is one too many, None if there is none."""
    window = RestartWindow(intensity, period)
    for position, now in enumerate(times):
        window = window.add(now)
        if window.exceeded:
            return position
    return None


@pytest.mark.parametrize(
    ("times", "intensity", "period", "expected"),
    [
        ([10], 0, 5, 0),  # no restart is allowed
        ([10, 10, 10], 3, 5, None),
        ([10, 10, 10, 10], 3, 5, 3),  # the fourth in the window
        ([10.0, 11.05], 1, 1, 1),  # 1.05 s apart, but 10 and 11 are one whole second apart
        ([10.0, 11.99], 1, 1, 1),  # still: the window is inclusive
        ([10.9, 12.0], 1, 1, None),  # 1.1 s apart, but 10 and 12 are two
        ([10.0, 12.05], 1, 1, None),
        ([10, 15], 1, 5, 1),
        ([10, 16], 1, 5, None),
    ],
)
def test_the_window_is_cut_to_whole_seconds_and_includes_its_ends(times, intensity, period, expected):
    assert exceeded_at(times, intensity=intensity, period=period) == expected


TIMES = st.lists(st.floats(0, 100), max_size=30).map(sorted)


@given(TIMES, st.integers(0, 5), st.integers(1, 10))
def test_it_gives_up_exactly_when_too_many_lie_within_the_period(times, intensity, period):
    expected = next(
        (
            position
            for position, now in enumerate(times)
            if sum(int(now) - int(then) <= period for then in times[: position + 1]) > intensity
        ),
        None,
    )

    assert exceeded_at(times, intensity=intensity, period=period) == expected


@given(TIMES, st.integers(0, 5), st.integers(1, 10))
def test_it_remembers_no_more_than_the_window_holds(times, intensity, period):
    window = RestartWindow(intensity, period)
    for now in times:
        window = window.add(now)
        assert all(int(now) - second <= period for second, _ in window.seconds)
        assert len(window.seconds) <= period + 1
