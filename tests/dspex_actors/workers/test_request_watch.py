"""A request is watched with one timer: killed at its deadline, or when its worker has too much memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from dspex_actors import MIB, Limits
from dspex_actors.workers import _request_watch
from dspex_actors.workers._causes import Cause
from dspex_actors.workers._request_watch import LOOK_S, SLACK, Footprint, RequestWatch, footprint_of


class Timers:
    """Arms by hand: `tick` moves the clock to the next timer and fires it."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        self.armed = []
        monkeypatch.setattr(_request_watch.time, "monotonic", lambda: self.now)

    def arm(self, seconds, callback):
        timer = Timer(self, self.now + seconds, callback)
        self.armed.append(timer)
        return timer

    def tick(self):
        (timer,) = self.armed
        self.armed.clear()
        self.now = timer.at
        timer.callback()


class Timer:
    def __init__(self, timers, at, callback):
        self.timers, self.at, self.callback = timers, at, callback

    def cancel(self):
        if self in self.timers.armed:
            self.timers.armed.remove(self)


@pytest.fixture
def timers(monkeypatch):
    return Timers(monkeypatch)


def watched(timers, limits, memory=lambda: 0):
    kills = []
    return RequestWatch(limits, timers, kills.append, memory), kills


@pytest.mark.parametrize(
    ("time_s", "memory_bytes", "looks"),
    [
        (0.01, None, [0.01]),
        (5.0, None, [5.0]),
        (0.01, MIB, [0.01]),
        (2.5 * LOOK_S, MIB, [LOOK_S, LOOK_S, LOOK_S / 2]),
    ],
)
def test_a_deadline_kills_to_the_instant_and_memory_is_looked_at_on_the_way(
    timers, time_s, memory_bytes, looks
):
    _, kills = watched(timers, Limits(time_s=time_s, memory_bytes=memory_bytes))
    seen = []
    while timers.armed:
        before = timers.now
        timers.tick()
        seen.append(timers.now - before)

    assert seen == pytest.approx(looks)
    assert timers.now == pytest.approx(100.0 + time_s)
    assert kills == [Cause.TIME]


def test_without_a_limit_of_time_or_memory_no_timer_is_armed(timers):
    watch, _ = watched(timers, Limits(time_s=None, memory_bytes=None))

    assert timers.armed == []
    watch.cancel()


@pytest.mark.parametrize(
    ("used", "killed"), [(0, False), (MIB + SLACK, False), (MIB + SLACK + 1, True), (None, False)]
)
def test_memory_may_reach_its_limit_and_the_slack_and_no_byte_more(timers, used, killed):
    _, kills = watched(timers, Limits(time_s=None, memory_bytes=MIB), lambda: used)
    timers.tick()

    assert kills == ([Cause.MEMORY] if killed else [])
    assert bool(timers.armed) is not killed


def test_memory_that_grows_after_many_looks_is_found_at_the_next_one(timers):
    grown = iter([0, MIB, None, SLACK, 2 * MIB + SLACK])
    _, kills = watched(timers, Limits(time_s=None, memory_bytes=MIB), lambda: next(grown))
    for _ in range(5):
        assert kills == []
        timers.tick()

    assert kills == [Cause.MEMORY]


def test_memory_is_not_looked_at_where_it_has_no_limit(timers):
    _, kills = watched(timers, Limits(time_s=1.0, memory_bytes=None), lambda: 1 / 0)
    timers.tick()

    assert kills == [Cause.TIME]


def test_a_watch_that_was_cancelled_kills_nobody_and_arms_nothing(timers):
    watch, kills = watched(timers, Limits(time_s=1.0), lambda: 10**12)
    (first,) = timers.armed
    watch.cancel()
    watch.cancel()
    first.callback()  # it had fired already

    assert (kills, timers.armed) == ([], [])


def test_a_watch_that_is_cancelled_while_it_looks_leaves_no_timer(timers):
    def memory():
        watch.cancel()
        return 0

    watch, kills = watched(timers, Limits(time_s=1.0), memory)
    timers.tick()

    assert (kills, timers.armed) == ([], [])


def test_what_a_process_has_filled_is_what_it_shares_with_no_file():
    page = os.sysconf("SC_PAGE_SIZE")

    assert footprint_of("1000 300 100 1 0 250 0\n") == Footprint(200 * page, 250 * page)


LOOKS_AT_ITSELF = """
import os
from dspex_actors.workers._request_watch import look_at
before = look_at(os.getpid())
block = bytearray(os.urandom(2**16) * 256)  # 16 MiB
print(look_at(os.getpid()).filled - before.filled)
"""


def test_a_process_can_be_looked_at_and_one_that_does_not_exist_cannot():
    grown = subprocess.run(
        [sys.executable, "-c", LOOKS_AT_ITSELF], capture_output=True, text=True, check=True
    )

    assert int(grown.stdout) > 2**23
    assert _request_watch.look_at(2**22 + 1) is None
