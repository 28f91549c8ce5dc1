"""Calls that race with the end of their actor: each is answered, whatever the interleaving."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import sys
import threading
from collections import Counter

import pytest

from supervisors import NORMAL, ActorExitedError, GenServer, System

CALLS = 120_000
CALLERS = 2
CALLS_EACH = 40


class Echo(GenServer):
    def handle_call(self, message, sender):
        return message


@pytest.fixture
def frantic_switching():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def race(system, end):
    """Let callers send while the actor ends; return how each call came out."""
    pid = Echo.start(system=system).pid
    futures = []

    def send():
        futures.extend([pid.call_async(number) for number in range(CALLS_EACH)])

    callers = [threading.Thread(target=send) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    end(pid)
    for caller in callers:
        caller.join()
    outcomes = Counter()
    for future in futures:
        try:
            future.get(timeout=10)
        except ActorExitedError:
            outcomes["exited"] += 1
        else:
            outcomes["answered"] += 1
    return outcomes


@pytest.mark.usefixtures("frantic_switching")
def test_of_120000_calls_that_race_with_a_stop_or_a_kill_none_is_lost():
    system = System(kill_grace_s=60)
    outcomes = Counter()
    for turn in range(CALLS // (CALLERS * CALLS_EACH)):
        outcomes += race(
            system, (lambda pid: pid.request_stop(NORMAL)) if turn % 2 else lambda pid: pid.kill()
        )
    system.close()

    assert outcomes.total() == CALLS
    assert outcomes["exited"] > 0
    assert outcomes["answered"] > 0


@pytest.mark.usefixtures("frantic_switching")
def test_casts_that_race_with_a_kill_are_handled_or_counted_never_both():
    system = System(kill_grace_s=60)
    handled = []

    class Sink(GenServer):
        def handle_cast(self, message):
            handled.append(message)

    for _ in range(300):
        pid = Sink.start(system=system).pid
        sender = threading.Thread(target=lambda pid=pid: [pid.cast(number) for number in range(50)])
        sender.start()
        pid.kill()
        sender.join()
        pid.thread.join()
    system.close()

    assert len(handled) + system.dropped_casts == 300 * 50
