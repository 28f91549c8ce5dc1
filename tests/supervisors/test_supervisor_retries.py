"""Restarts that fail: requests between two tries, groups; more is in conformance/test_intensity.py."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from supervisors import SHUTDOWN, ChildState, Crash, Supervisor
from supervisors.testing import (
    CEILING_S,
    Events,
    Journal,
    Misbehaving,
    fail_later,
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
