"""The test tools themselves: a wait that fails says what it waited for."""

from __future__ import annotations

import pytest

from supervisors import testing
from supervisors.testing import Journal, ManualClock, Misbehaving, wait_exit, wait_restarted


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(testing, "CEILING_S", 0.01)


@pytest.mark.usefixtures("impatient")
def test_waiting_in_vain_names_what_was_waited_for():
    with pytest.raises(TimeoutError, match="no 'entry' x 2"):
        Journal().wait_for("entry", times=2)
    with pytest.raises(TimeoutError, match="0 timers armed"):
        ManualClock().wait_armed()
    with Misbehaving.start() as actor:
        with pytest.raises(TimeoutError, match="had not ended"):
            wait_exit(actor)
        pid = actor.pid
        actor.stop()
        with pytest.raises(TimeoutError, match="was not restarted"):
            wait_restarted(actor, pid)


def test_a_closed_manual_clock_fires_nothing():
    clock, fired = ManualClock(), []
    clock.arm(1, lambda: fired.append(1))
    clock.close()

    clock.advance(2)

    assert fired == []


def test_ignoring_first_and_failing_later_depend_on_the_generation():
    assert testing.ignore_first(1) is testing.IGNORE
    assert testing.ignore_first(2) is None
    testing.fail_later(1)
    with pytest.raises(RuntimeError):
        testing.fail_later(2)
