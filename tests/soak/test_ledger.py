"""The books of the soak notice what is lost and what comes twice; else the soak would prove nothing."""

from __future__ import annotations

import pytest

from tests.soak._ledger import Ledger

ONE, OTHER = object(), object()


@pytest.fixture
def ledger():
    return Ledger()


@pytest.mark.parametrize("event_first", [True, False])
def test_a_request_with_its_result_and_its_event_is_settled(ledger, event_first):
    token = ledger.issue("verb")
    for step in sorted([ledger.told, ledger.returned], key=lambda step: step.__name__, reverse=event_first):
        assert ledger.unsettled() == [token]
        step(token, ONE)
    ledger.rest()

    assert ledger.faults == []
    assert ledger.counted == {("verb", "object"): 1}


def test_a_request_without_result_or_without_event_is_lost(ledger):
    silent, untold, unanswered = (ledger.issue("verb") for _ in range(3))
    ledger.returned(untold, ONE)
    ledger.told(unanswered, ONE)
    ledger.rest()

    assert ledger.faults == [f"{token}: lost" for token in (silent, untold, unanswered)]


def test_a_second_result_or_event_is_noticed_before_and_after_the_request_is_settled(ledger):
    token = ledger.issue("verb")
    ledger.returned(token, ONE)
    ledger.returned(token, ONE)
    ledger.told(token, ONE)
    ledger.told(token, ONE)
    ledger.returned(token, ONE)

    assert len(ledger.faults) == 3


def test_a_result_that_is_another_one_s_is_noticed(ledger):
    early, late = ledger.issue("verb"), ledger.issue("verb")
    ledger.told(early, ONE)
    ledger.returned(early, OTHER)
    ledger.returned(late, ONE)
    ledger.told(late, OTHER)

    assert len(ledger.faults) == 2


def test_a_request_that_was_withdrawn_may_have_one_event_or_none(ledger):
    told, told_late, never, twice = tokens = [ledger.issue("verb") for _ in range(4)]
    for token in tokens:
        ledger.withdraw(token)
    for token in (told, twice):
        ledger.told(token, ONE)
    ledger.rest()
    ledger.told(told_late, ONE)
    assert ledger.faults == []
    assert never not in ledger.unsettled()
    ledger.told(twice, ONE)

    assert len(ledger.faults) == 1


def test_what_nobody_waits_for_is_settled_by_its_event(ledger):
    told, lost = (ledger.issue("verb", awaits_result=False) for _ in range(2))
    ledger.told(told, ONE)
    ledger.rest()

    assert ledger.faults == [f"{lost}: lost"]
    assert ledger.counted["verb", "object"] == 1
