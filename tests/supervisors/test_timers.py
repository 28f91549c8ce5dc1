"""The timer thread: order, cancelling, waking, compaction."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import MonotonicClock, System, Timers
from supervisors._timers import COMPACT_ABOVE
from supervisors.testing import CEILING_S, Journal, ManualClock


class HeldClock(MonotonicClock):
    """Stands at 0 until it is let go, so that nothing is due while a test arms and cancels."""

    held = True

    def now(self):
        return 0.0 if self.held else super().now()


def test_timers_fire_in_the_order_of_their_deadlines():
    clock, journal = HeldClock(), Journal()
    timers = Timers(clock)
    for delay in (0.02, 0.0, 0.01):
        timers.arm(delay, lambda delay=delay: journal.add(delay))
    clock.held = False

    journal.wait_for(0.02)
    timers.close()

    assert journal.entries() == [0.0, 0.01, 0.02]


def test_an_earlier_deadline_wakes_the_thread_that_sleeps_towards_a_later_one():
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timers.arm(3600, lambda: None)
    timers.arm(0, fired.set)

    assert fired.wait(CEILING_S)
    timers.close()


def test_arming_a_later_deadline_does_not_wake_the_thread():
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timers.arm(3600, lambda: None)
    timers.arm(0, fired.set)
    fired.wait(CEILING_S)
    woken = []
    timers._rouse = lambda: woken.append(1)

    timers.arm(7200, lambda: None)

    assert woken == []
    del timers._rouse
    timers.close()


def test_a_cancelled_timer_does_not_fire_and_says_so_once():
    clock, journal = HeldClock(), Journal()
    timers = Timers(clock)
    timer = timers.arm(0.005, lambda: journal.add("cancelled one"))

    assert timer.cancel() is True
    assert timer.cancel() is False

    clock.held = False
    timers.arm(0.01, lambda: journal.add("later"))
    journal.wait_for("later")
    timers.close()
    assert journal.entries() == ["later"]


def test_a_timer_that_has_fired_cannot_be_cancelled():
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timer = timers.arm(0, fired.set)
    fired.wait(CEILING_S)

    assert timer.cancel() is False
    timers.close()


def test_cancelled_timers_do_not_pile_up():
    timers = Timers(MonotonicClock())
    for _ in range(10_000):
        timers.arm(3600, lambda: None).cancel()

    assert len(timers) <= 2 * COMPACT_ABOVE + 2
    timers.close()


def test_compaction_keeps_what_is_still_armed():
    timers, journal = Timers(MonotonicClock()), Journal()
    timers.arm(0.05, lambda: journal.add("kept"))
    for _ in range(10 * COMPACT_ABOVE):
        timers.arm(3600, lambda: None).cancel()

    journal.wait_for("kept")
    timers.close()


def test_a_callback_that_raises_is_logged_and_the_next_one_runs(caplog):
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timers.arm(0, lambda: 1 / 0)
    timers.arm(0, fired.set)

    assert fired.wait(CEILING_S)
    timers.close()
    assert "timer.callback_failed" in caplog.text


def test_a_callback_may_arm_and_cancel():
    timers, fired = Timers(MonotonicClock()), threading.Event()
    other = timers.arm(3600, lambda: None)
    timers.arm(0, lambda: (other.cancel(), timers.arm(0, fired.set)))

    assert fired.wait(CEILING_S)
    timers.close()


def test_closing_ends_the_thread_and_arming_again_starts_another():
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timers.arm(3600, lambda: None)
    thread = timers._thread
    timers.close()
    thread.join(CEILING_S)
    assert not thread.is_alive()

    timers.arm(0, fired.set)

    assert fired.wait(CEILING_S)
    timers.close()


@pytest.mark.parametrize("end", ["fires", "is cancelled"])
def test_a_thread_started_after_closing_ends_when_the_last_timer_fires_or_is_cancelled(end):
    timers, fired = Timers(MonotonicClock()), threading.Event()
    timers.close()
    timer = timers.arm(0 if end == "fires" else 3600, fired.set)
    thread = timers._thread

    if end == "fires":
        assert fired.wait(CEILING_S)
    else:
        assert timer.cancel()

    if thread is not None:  # else it has ended already
        thread.join(CEILING_S)
        assert not thread.is_alive()


def test_no_thread_runs_before_the_first_timer():
    system = System()

    assert system.timers._thread is None
    system.close()


def test_many_threads_may_arm_and_cancel_at_once():
    timers, journal = Timers(MonotonicClock()), Journal()

    def work():
        for _ in range(500):
            timers.arm(3600, lambda: None).cancel()
        timers.arm(0, lambda: journal.add("done"))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.wait_for("done", times=4)
    timers.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arm"), st.integers(0, 20)),
        st.tuples(st.just("cancel"), st.integers(0, 30)),
        st.tuples(st.just("advance"), st.integers(0, 10)),
    ),
    max_size=40,
)


@given(STEPS)
def test_the_manual_clock_fires_what_is_due_and_nothing_else(steps):
    clock, fired, armed, expected, now = ManualClock(), [], [], [], 0
    for verb, number in steps:
        if verb == "arm":
            armed.append([now + number, clock.arm(number, partial(fired.append, len(armed))), True])
        elif verb == "cancel" and number < len(armed):
            assert armed[number][1].cancel() is armed[number][2]
            armed[number][2] = False
        elif verb == "advance":
            now += number
            clock.advance(number)
            due = [(at, position) for position, (at, _, live) in enumerate(armed) if live and at <= now]
            for _, position in sorted(due):
                armed[position][2] = False
                expected.append(position)
        assert fired == expected
