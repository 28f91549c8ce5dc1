"""Telemetry handlers: attached to a tree, detached when they fail."""

from __future__ import annotations

import pytest

from supervisors import Telemetry
from supervisors.telemetry import ALL_EVENTS
from supervisors.testing import Events, Misbehaving


def test_a_handler_gets_its_event_with_measurements_and_metadata():
    telemetry, seen = Telemetry(), []
    telemetry.attach("a.b", lambda *event: seen.append(event))

    telemetry.emit("a.b", {"count": 1}, {"who": "me"})
    telemetry.emit("a.c", {}, {})

    assert seen == [("a.b", {"count": 1}, {"who": "me"})]


def test_a_handler_of_all_events_gets_every_one():
    telemetry, seen = Telemetry(), []
    telemetry.attach(ALL_EVENTS, lambda event, *_: seen.append(event))

    for event in "abc":
        telemetry.emit(event, {}, {})

    assert seen == ["a", "b", "c"]


def test_several_handlers_run_in_the_order_they_were_attached():
    telemetry, seen = Telemetry(), []
    for number in range(3):
        telemetry.attach("a", lambda *_, number=number: seen.append(number))

    telemetry.emit("a", {}, {})

    assert seen == [0, 1, 2]


def test_detaching_takes_one_handler_away_and_twice_is_quiet():
    telemetry, seen = Telemetry(), []
    detach = telemetry.attach("a", lambda *_: seen.append("first"))
    telemetry.attach("a", lambda *_: seen.append("second"))

    detach()
    detach()
    telemetry.emit("a", {}, {})

    assert seen == ["second"]


def test_a_handler_that_raises_is_detached_and_the_others_go_on(caplog):
    telemetry, seen = Telemetry(), []
    telemetry.attach("a", lambda *_: 1 / 0)
    telemetry.attach("a", lambda *_: seen.append(1))

    telemetry.emit("a", {}, {})
    telemetry.emit("a", {}, {})

    assert seen == [1, 1]
    assert caplog.text.count("telemetry.handler_detached") == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_every_actor_tells_of_its_start_and_its_end(end):
    with Misbehaving.start() as outer:
        events = Events(outer.system)
        actor = Misbehaving.start(system=outer.system)
        pid = actor.pid
        pid.kill() if end == "kill" else actor.stop()
        events.names.wait_for("actor.exited")

        assert events.names.entries() == ["actor.started", "actor.exited"]
        assert [facts["pid"] for facts in events.of("actor.exited")] == [pid]
        assert [facts["reason"] for facts in events.of("actor.exited")] == [pid.exit_reason]


def test_two_trees_do_not_hear_each_other():
    with Misbehaving.start() as one, Misbehaving.start() as two:
        events = Events(one.system)
        two.cast("x")
        two.stop()

        assert events.names.entries() == []


def test_a_dropped_cast_is_told_with_its_target():
    actor = Misbehaving.start(name="gone")
    events = Events(actor.system)
    actor.stop()

    actor.cast("x")

    assert events.of("actor.cast_dropped") == [{"target": "gone"}]
