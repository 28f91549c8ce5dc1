"""The thread that interrupts calls of a session: at the deadline of the call under way, and no other."""

from __future__ import annotations

import queue
import threading

import pytest

from dspex_actors.workers.engines.wasm._interrupt import Interrupter
from tests.integration._tools import CEILING_S


@pytest.fixture
def interrupts():
    return queue.SimpleQueue()


@pytest.fixture
def interrupter(interrupts):
    return Interrupter(lambda: interrupts.put("now"))


def test_a_call_that_lasts_too_long_is_interrupted_and_once_only(interrupter, interrupts):
    assert interrupter.begin(0.0)

    assert interrupts.get(timeout=CEILING_S) == "now"
    assert interrupter.begin(CEILING_S)
    assert interrupts.empty()


def test_a_later_call_with_an_earlier_deadline_wakes_the_thread(interrupter, interrupts):
    interrupter.begin(1000.0)
    interrupter.end()
    interrupter.begin(0.0)

    assert interrupts.get(timeout=CEILING_S) == "now"


def test_a_call_that_has_ended_is_not_interrupted_by_its_own_deadline(interrupter, interrupts):
    interrupter.begin(0.001)
    interrupter.end()
    interrupter.begin(0.002)  # wakes the thread, or is seen by it, after the first deadline

    interrupts.get(timeout=CEILING_S)
    assert interrupts.empty()


def test_without_a_thread_to_be_had_a_call_is_not_interrupted(interrupter, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)

    assert not interrupter.begin(0.0)
