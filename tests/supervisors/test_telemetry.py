"""Telemetry handlers: attached to a tree, detached when they fail."""

from __future__ import annotations

import pytest

from supervisors import SHUTDOWN, Crash, DynamicSupervisor, StartError, Supervisor, System, Telemetry
from supervisors.telemetry import ALL_EVENTS
from supervisors.testing import Events, Misbehaving, fail_later, wait_exit, wait_restarted

BOOM = Crash("ValueError", "boom")


@pytest.fixture
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


def story(events):
    """Return what supervisors told, as (event without its first word, supervisor, child, reason)."""
    return [
        (name.partition(".")[2], facts["supervisor"].name, facts.get("child_id"), facts.get("reason"))
        for name, facts in events._seen
        if name.startswith("supervisor.")
    ]


def boom(_generation=1):
    raise ValueError("boom")


def crash(address):
    address.cast(("raise", ValueError("boom")))


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


@pytest.mark.parametrize(
    ("attached", "heard"), [((), False), (("other",), False), (("a",), True), (("*",), True)]
)
def test_an_event_is_heard_if_a_handler_of_it_or_of_all_is_attached(attached, heard):
    telemetry = Telemetry()
    detach = [telemetry.attach(event, lambda *_: None) for event in attached]

    assert telemetry.is_heard("a") is heard

    for take_away in detach:
        take_away()
    assert not telemetry.is_heard("a")


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


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_a_handler_that_raises_is_detached_and_the_others_go_on(caplog, error):
    def broken(*_):
        raise error

    telemetry, seen = Telemetry(), []
    telemetry.attach("a", broken)
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


@pytest.mark.usefixtures("quiet")
def test_a_crash_is_told_as_an_exit_a_start_and_a_restart_with_their_counts():
    counts = []
    with Supervisor.start([Misbehaving.child_spec(id="a")], name="root") as tree:
        events = Events(tree.system)
        tree.system.telemetry.attach(
            "supervisor.child_restarted", lambda _, numbers, __: counts.append(numbers)
        )
        old = tree.child("a").pid
        crash(tree.child("a"))
        events.names.wait_for("supervisor.child_restarted")

        assert story(events) == [
            ("child_exited", "root", "a", BOOM),
            ("child_started", "root", "a", None),
            ("child_restarted", "root", "a", BOOM),
        ]
        assert counts == [{"generation": 2, "restarts": 1}]
        assert [facts["pid"] for facts in events.of("supervisor.child_exited")] == [old]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("kind", [Supervisor, DynamicSupervisor])
def test_a_start_that_fails_is_told_with_its_reason(kind):
    with kind.start(name="root") as tree:
        events = Events(tree.system)
        with pytest.raises(StartError):
            tree.start_child(Misbehaving.child_spec(id="a", on_init=boom))

        (facts,) = events.of("supervisor.child_start_failed")
        assert facts["reason"] == BOOM
        assert facts["pid"].exit_reason == BOOM
        assert events.names.entries() == ["actor.exited", "supervisor.child_start_failed"]


@pytest.mark.usefixtures("quiet")
def test_a_start_that_is_rolled_back_is_told_child_by_child():
    system = System()
    events = Events(system)
    specs = [Misbehaving.child_spec(id="a"), Misbehaving.child_spec(id="b", on_init=boom)]

    with pytest.raises(StartError):
        Supervisor.start(specs, name="root", system=system)
    system.close()

    assert story(events) == [
        ("child_started", "root", "a", None),
        ("child_start_failed", "root", "b", BOOM),
        ("child_stopped", "root", "a", SHUTDOWN),
    ]


@pytest.mark.usefixtures("quiet")
def test_an_escalation_is_told_by_each_supervisor_on_its_way_up():
    below = Supervisor.child_spec([Misbehaving.child_spec(id="leaf")], id="sub", intensity=1)
    with Supervisor.start([below], name="root", intensity=1) as tree:
        leaf, sub = tree.supervisor("sub").child("leaf"), tree.child("sub")
        events = Events(tree.system)
        for _ in range(2):
            old, above = leaf.pid, sub.pid
            crash(leaf)
            wait_restarted(leaf, old)
        assert wait_exit(above) == SHUTDOWN
        events.names.wait_for("supervisor.child_restarted", times=2)

        assert story(events) == [
            ("child_exited", "root/sub", "leaf", BOOM),
            ("child_started", "root/sub", "leaf", None),
            ("child_restarted", "root/sub", "leaf", BOOM),
            ("child_exited", "root/sub", "leaf", BOOM),
            ("restarts_exceeded", "root/sub", None, BOOM),
            ("child_exited", "root", "sub", SHUTDOWN),
            ("child_started", "root/sub", "leaf", None),
            ("child_started", "root", "sub", None),
            ("child_restarted", "root", "sub", SHUTDOWN),
        ]


@pytest.mark.usefixtures("quiet")
def test_every_incarnation_is_told_to_have_started_at_most_once_and_to_have_ended_once():
    system = System()
    events = Events(system)
    specs = [Misbehaving.child_spec(id=name) for name in "abc"]
    with Supervisor.start(specs, strategy="one_for_all", name="root", system=system) as tree:
        old = tree.child("c").pid
        crash(tree.child("a"))
        wait_restarted(tree.child("c"), old)
        with pytest.raises(StartError):
            tree.start_child(Misbehaving.child_spec(id="d", on_init=boom))
        tree.start_child(Misbehaving.child_spec(id="e", on_init=fail_later))
        tree.terminate_child("e")
        root = tree.pid
    system.close()

    started = [facts["pid"] for facts in events.of("actor.started")]
    ended = [facts["pid"] for facts in events.of("actor.exited")]
    assert len(started) == len(set(started)) == 8
    assert len(ended) == len(set(ended)) == 9
    assert set(started) < set(ended)
    assert ended[-1] is root
    assert all(facts["reason"] == facts["pid"].exit_reason for facts in events.of("actor.exited"))
