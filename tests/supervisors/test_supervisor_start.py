"""How a supervisor starts, and what goes on beside; more is in conformance/test_starting.py."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    SHUTDOWN,
    GenServer,
    StartError,
    Supervisor,
    SupervisorFlags,
    SupervisorInit,
)
from supervisors.testing import CEILING_S, Journal, ManualClock, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


def test_a_child_whose_init_takes_too_long_fails_the_start(journal):
    clock, release = ManualClock(), threading.Event()
    spec = Misbehaving.child_spec(
        journal, "slow", id="slow", on_init=lambda _: release.wait(CEILING_S) and None, start_timeout_s=3
    )
    failed = Journal()

    def start():
        try:
            Supervisor.start([*children(journal, "a"), spec], system=clock.system())
        except StartError as error:
            failed.add((error.child_id, error.reason.error_type))

    thread = threading.Thread(target=start)
    thread.start()
    clock.wait_armed(1)
    clock.advance(3)
    clock.wait_armed(1)  # the grace of the killed thread
    release.set()

    failed.wait_for(("slow", "TimeoutError"))
    thread.join()
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a_subclass_gives_flags_and_children_from_its_own_arguments(journal):
    class Tree(Supervisor):
        def init(self, names):
            return SupervisorInit(SupervisorFlags(strategy="one_for_all"), children(journal, names))

    with Tree.start("ab", name="tree") as tree:
        assert [child.id for child in tree.which_children()] == ["b", "a"]
        assert tree.name == "tree"


def test_a_stop_in_the_middle_of_a_start_ends_it_at_once(journal):
    entered, release, trees = threading.Event(), threading.Event(), Journal()

    class Slow(GenServer):
        def init(self):
            trees.add(self.parent)
            entered.set()
            release.wait(CEILING_S)

    outcome = Journal()

    def start():
        try:
            Supervisor.start(
                [*children(journal, "a"), Slow.child_spec(id="slow", shutdown_s=0), *children(journal, "c")]
            )
        except StartError as error:
            outcome.add(error.reason)

    thread = threading.Thread(target=start)
    thread.start()
    entered.wait(CEILING_S)
    (tree,) = trees.entries()

    tree.root.request_stop(SHUTDOWN)
    release.set()

    outcome.wait_for(SHUTDOWN)
    thread.join()
    assert journal.entries() == [("init", "a"), ("terminate", "a", SHUTDOWN)]


def test_a_child_that_ends_right_after_its_init_is_restarted_like_any_other():
    ready = threading.Event()

    def once(generation):
        if generation > 1:
            ready.set()

    class Hasty(Misbehaving):
        def init(self, **options):
            super().init(**options)
            if self.pid.generation == 1:
                self.address.cast(("raise", ValueError()))

    with Supervisor.start([Hasty.child_spec(on_init=once, id="a")]) as tree:
        assert ready.wait(CEILING_S)
        tree.child("a").wait_available(CEILING_S)
        assert tree.child("a").pid.generation == 2


def test_a_root_started_in_another_root_does_not_depend_on_it():
    with Misbehaving.start() as outer:
        inner = outer.call(("do", lambda *_: Supervisor.start([Misbehaving.child_spec(id="a")])))
        wait_exit_of = outer.pid
        outer.stop()
        wait_exit(wait_exit_of)

        assert inner.child("a").call("alive") == "alive"
        inner.stop()
