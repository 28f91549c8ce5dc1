"""How a supervisor stops: nesting, stuck threads, dead parents; more is in conformance/test_stopping.py."""

from __future__ import annotations

import inspect
import math
import threading

import pytest

from supervisors import (
    KILLED,
    SHUTDOWN,
    ActorExitedError,
    CallCycleError,
    Crash,
    Shutdown,
    Supervisor,
)
from supervisors.testing import (
    CEILING_S,
    Events,
    Journal,
    ManualClock,
    Misbehaving,
    wait_exit,
    wait_restarted,
)

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def clock():
    return ManualClock()


def children(journal, names, **options):
    return [Misbehaving.child_spec(journal, name, id=name, **options) for name in names]


class Stuck:
    """A handler that does not return until the test lets it."""

    def __init__(self):
        self.entered, self.release = threading.Event(), threading.Event()

    def block(self, address):
        pid = address.pid
        address.cast(("block", self.entered, self.release))
        self.entered.wait(CEILING_S)
        return pid


@pytest.fixture
def stuck():
    blocked = Stuck()
    yield blocked
    blocked.release.set()


def stopping(tree):
    """Stop in another thread; return a journal that gets the result."""
    results = Journal()
    thread = threading.Thread(target=lambda: results.add(tree.stop()))
    thread.start()
    return results, thread


def test_a_nested_tree_is_stopped_from_the_leaves_up(journal):
    sub = Supervisor.child_spec(children(journal, "bc"), id="sub")
    tree = Supervisor.start([*children(journal, "a"), sub, *children(journal, "d")])
    journal.clear()

    tree.stop()

    assert [entry[1] for entry in journal.entries()] == ["d", "c", "b", "a"]


def test_the_supervisor_ends_with_the_reason_it_was_asked_for(journal):
    tree = Supervisor.start(children(journal, "a"))
    assert tree.stop(Shutdown("upgrade")).reason == Shutdown("upgrade")
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_leaving_the_with_block_stops_the_tree_also_after_an_error(journal):
    with pytest.raises(KeyError), Supervisor.start(children(journal, "a")) as tree:
        raise KeyError

    assert not tree.alive
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a_child_past_its_limit_is_killed_and_the_stop_goes_on(journal, clock, stuck):
    a, c = (children(journal, name, shutdown_s=math.inf) for name in "ac")  # these arm no timer
    tree = Supervisor.start([*a, *children(journal, "s", shutdown_s=2), *c], system=clock.system())
    pid = stuck.block(tree.child("s"))
    results, thread = stopping(tree)
    journal.wait_for(("terminate", "c", SHUTDOWN))
    clock.wait_armed(1)

    clock.advance(1.75)
    assert pid.alive
    clock.advance(0.25)

    assert wait_exit(pid) == KILLED
    stuck.release.set()  # within the grace: nothing is abandoned
    thread.join(CEILING_S)
    (result,) = results.entries()
    assert result.abandoned == ()
    assert journal.entries()[-1] == ("terminate", "a", SHUTDOWN)


def test_a_stuck_thread_is_reported_with_name_file_and_line(journal, clock, stuck):
    tree = Supervisor.start(children(journal, "s", shutdown_s=2), system=clock.system(), name="root")
    stuck.block(tree.child("s"))
    results, thread = stopping(tree)
    clock.wait_armed(1)
    clock.advance(2)
    clock.wait_armed(1)  # the grace
    clock.advance(1)
    thread.join(CEILING_S)

    (result,) = results.entries()
    assert (result.reason, result.clean) == (SHUTDOWN, False)
    (record,) = result.abandoned
    lines, first = inspect.getsourcelines(Misbehaving._obey)
    file, _, line = record.where.rpartition(":")
    assert (record.id, record.thread) == ("root/s", "root/s#1")
    assert file.endswith("supervisors/testing.py")
    assert lines[int(line) - first].strip() == "release.wait()"
    assert record.since == 1002.0


def test_an_abandoned_child_is_counted_until_its_thread_ends(journal, stuck):
    with Supervisor.start(children(journal, "s", shutdown_s=0)) as tree:
        tree.system.kill_grace_s = 0
        pid = stuck.block(tree.child("s"))
        events = Events(tree.system)

        tree.terminate_child("s")

        assert tree.count_children().abandoned == 1
        assert len(tree.system.abandoned.records()) == 1
        assert len(events.of("actor.abandoned")) == 1
        stuck.release.set()
        pid.thread.join(CEILING_S)
        assert tree.count_children().abandoned == 0


def test_what_an_abandoned_actor_still_does_reaches_nobody(journal, stuck):
    with Supervisor.start(children(journal, "s", shutdown_s=0)) as tree:
        tree.system.kill_grace_s = 0
        child = tree.child("s")
        future = child.call_async(("block", stuck.entered, stuck.release))
        stuck.entered.wait(CEILING_S)
        queued = child.call_async("queued")
        tree.terminate_child("s")

        for late in (future, queued):
            with pytest.raises(ActorExitedError) as caught:
                late.get(timeout=CEILING_S)
            assert caught.value.reason == KILLED
        assert tree.restart_child("s").call("hello") == "hello"


def test_a_stop_with_a_timeout_kills_a_supervisor_and_its_children_follow(journal, stuck):
    specs = [*children(journal, "a"), *children(journal, "s", shutdown_s=60)]
    tree = Supervisor.start(specs)
    tree.system.kill_grace_s = 0
    sibling = tree.child("a").pid
    pid = stuck.block(tree.child("s"))

    result = tree.stop(timeout=0.01)

    assert (result.reason, result.killed) == (KILLED, True)
    assert wait_exit(sibling) == KILLED
    stuck.release.set()
    assert wait_exit(pid) in (SHUTDOWN, KILLED)  # whichever of the two signals its thread saw first


@pytest.mark.parametrize("trap_exit", [True, False])
def test_a_child_whose_supervisor_dies_without_order_ends_too(journal, trap_exit):
    tree = Supervisor.start(children(journal, "ab", trap_exit=trap_exit))
    pids = [tree.child(name).pid for name in "ab"]

    tree.pid.kill()

    assert [wait_exit(pid) for pid in pids] == [KILLED, KILLED]
    journal.wait_for(("terminate", "a", KILLED))
    journal.wait_for(("terminate", "b", KILLED))


def test_a_child_that_answers_the_shutdown_with_a_crash_does_not_disturb_the_stop(journal):
    def fail(_):
        raise OSError("while stopping")

    tree = Supervisor.start(children(journal, "ab", on_terminate=fail))
    pid = tree.child("a").pid

    assert tree.stop().clean
    assert pid.exit_reason == Crash("OSError", "while stopping")


def test_a_stop_that_ran_out_of_time_names_the_stuck_threads_below(journal, stuck):
    sub = Supervisor.child_spec(children(journal, "s", shutdown_s=60), id="sub")
    tree = Supervisor.start([sub, *children(journal, "a")], name="root")
    tree.system.kill_grace_s = 0.01
    stuck.block(tree.supervisor("sub").child("s"))

    result = tree.stop(timeout=0.01)

    assert [record.id for record in result.abandoned] == ["root/sub/s"]


def test_an_actor_that_waits_for_its_own_end_or_that_of_its_supervisor_is_refused(journal):
    with Supervisor.start(children(journal, "a"), name="root", intensity=9) as tree:
        child = tree.child("a")
        old = child.pid
        with pytest.raises(CallCycleError, match=r"root/a -> root/a"):
            child.call(("do", lambda actor, _: actor.address.stop()))
        wait_restarted(child, old)
        with pytest.raises(CallCycleError, match=r"root/a -> root -> root/a"):
            child.call(("do", lambda actor, _: actor.parent.stop()))

        assert tree.alive


def test_a_second_stop_while_stopping_waits_for_the_first(journal, stuck):
    tree = Supervisor.start(children(journal, "s"))
    stuck.block(tree.child("s"))
    (first, one), (second, two) = stopping(tree), stopping(tree)

    stuck.release.set()

    one.join(CEILING_S)
    two.join(CEILING_S)
    assert [results.entries()[0].reason for results in (first, second)] == [SHUTDOWN, SHUTDOWN]


def test_requests_during_a_stop_are_answered_by_the_end_and_reads_at_once(journal, stuck):
    tree = Supervisor.start([*children(journal, "s"), *children(journal, "b")])
    stuck.block(tree.child("s"))
    _, thread = stopping(tree)
    journal.wait_for(("terminate", "b", SHUTDOWN))

    change = tree.start_child_async(Misbehaving.child_spec(id="late"))
    assert tree.count_children().specs == 2
    stuck.release.set()

    with pytest.raises(ActorExitedError):
        change.get(timeout=CEILING_S)
    thread.join(CEILING_S)


def test_the_threads_of_a_root_end_with_it(journal):
    before = set(threading.enumerate())
    tree = Supervisor.start(
        [*children(journal, "ab"), Supervisor.child_spec(children(journal, "c"), id="sub")]
    )
    tree.system.timers.arm(60, lambda: None)

    tree.stop()

    for thread in set(threading.enumerate()) - before:
        thread.join(CEILING_S)
        assert not thread.is_alive()
