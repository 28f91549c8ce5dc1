"""Restarts that fail: tried again through the intensity, with requests served between."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from supervisors import IGNORE, SHUTDOWN, ChildState, Crash, Supervisor
from supervisors.testing import (
    CEILING_S,
    Events,
    Journal,
    ManualClock,
    Misbehaving,
    fail_later,
    wait_exit,
    wait_restarted,
)

pytestmark = pytest.mark.usefixtures("quiet")

BOOM = Crash("ValueError", "boom")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


def crash(address):
    """Crash the child and wait for its next incarnation."""
    old = address.pid
    address.cast(("raise", ValueError("boom")))
    return wait_restarted(address, old)


@pytest.mark.parametrize("intensity", [0, 1, 3, 10])
def test_a_restart_that_keeps_failing_is_tried_exactly_as_often_as_the_intensity_allows(journal, intensity):
    specs = [Misbehaving.child_spec(journal, "a", id="a", on_init=fail_later), *children(journal, "b")]
    tree = Supervisor.start(specs, intensity=intensity, system=ManualClock().system())
    journal.clear()

    tree.child("a").cast(("raise", ValueError()))

    assert wait_exit(tree) == SHUTDOWN
    assert journal.entries().count(("init", "a")) == intensity
    assert journal.entries()[-1] == ("terminate", "b", SHUTDOWN)


def test_a_restart_that_fails_once_is_tried_again_without_help(journal):
    def second_fails(generation):
        if generation == 2:
            raise OSError

    specs = [Misbehaving.child_spec(journal, "a", id="a", on_init=second_fails)]
    with Supervisor.start(specs) as tree:
        assert crash(tree.child("a")).generation == 3


def test_between_two_tries_the_supervisor_serves_requests(journal):
    """The third try blocks; the requests queued meanwhile come before the fourth."""
    entered, release, fails = threading.Event(), threading.Event(), count(1)

    def fail(generation):
        if generation == 1:
            return
        if next(fails) == 2:
            entered.set()
            release.wait(CEILING_S)
        raise OSError

    spec = Misbehaving.child_spec(journal, "a", id="a", on_init=fail)
    with Supervisor.start([spec], intensity=1000) as tree:
        tree.child("a").cast(("raise", ValueError()))
        entered.wait(CEILING_S)
        future = tree.start_child_async(Misbehaving.child_spec(journal, "b", id="b"))
        release.set()

        assert future.get(timeout=CEILING_S) == tree.child("b")
        tree.terminate_child("a")
        assert [child.state for child in tree.which_children() if child.id == "a"] == [ChildState.STOPPED]


def test_terminating_a_child_ends_its_restart_tries(journal):
    spec = Misbehaving.child_spec(journal, "a", id="a", on_init=fail_later)
    with Supervisor.start([spec], intensity=10**6) as tree:
        events = Events(tree.system)
        tree.child("a").cast(("raise", ValueError()))
        events.names.wait_for("supervisor.child_exited")

        tree.terminate_child("a")

        tries = journal.entries().count(("init", "a"))
        tree.count_children()
        assert journal.entries().count(("init", "a")) == tries
        assert [child.state for child in tree.which_children()] == [ChildState.STOPPED]


def test_a_shutdown_ends_restart_tries_at_once(journal):
    specs = [*children(journal, "b"), Misbehaving.child_spec(journal, "a", id="a", on_init=fail_later)]
    tree = Supervisor.start(specs, intensity=10**6)
    events = Events(tree.system)
    tree.child("a").cast(("raise", ValueError()))
    events.names.wait_for("supervisor.child_exited")

    assert tree.stop().clean
    assert journal.entries()[-1] == ("terminate", "b", SHUTDOWN)


def test_in_one_for_all_a_failed_restart_starts_the_whole_group_again(journal):
    def second_fails(generation):
        if generation == 2:
            raise OSError

    specs = [*children(journal, "a"), Misbehaving.child_spec(journal, "b", id="b", on_init=second_fails)]
    with Supervisor.start(specs, strategy="one_for_all") as tree:
        journal.clear()
        old = tree.child("b").pid
        tree.child("a").cast(("raise", ValueError("boom")))
        wait_restarted(tree.child("b"), old)

        assert journal.entries() == [
            ("terminate", "a", BOOM),
            ("terminate", "b", SHUTDOWN),
            ("init", "a"),
            ("init", "b"),  # fails
            ("terminate", "a", SHUTDOWN),
            ("init", "a"),
            ("init", "b"),
        ]


def test_in_rest_for_one_a_failed_restart_leaves_those_before_it_alone(journal):
    def second_fails(generation):
        if generation == 2:
            raise OSError

    specs = [*children(journal, "a"), Misbehaving.child_spec(journal, "b", id="b", on_init=second_fails)]
    with Supervisor.start(specs, strategy="rest_for_one") as tree:
        journal.clear()
        old = tree.child("b").pid
        tree.child("a").cast(("raise", ValueError("boom")))
        wait_restarted(tree.child("b"), old)

        assert journal.entries()[2:] == [("init", "a"), ("init", "b"), ("init", "b")]


def test_a_child_that_ignores_its_restart_stays_stopped_with_its_spec(journal):
    spec = Misbehaving.child_spec(
        journal, "a", id="a", on_init=lambda generation: IGNORE if generation == 2 else None
    )
    with Supervisor.start([spec]) as tree:
        tree.child("a").cast(("raise", ValueError()))
        journal.wait_for(("init", "a"), times=2)
        tree.terminate_child("a")  # served after the restart

        assert [child.state for child in tree.which_children()] == [ChildState.STOPPED]
        assert tree.restart_child("a").pid.generation == 3
