"""Links, monitors and the order of the end; the rest of their rules is in the conformance tests."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    ActorExitedError,
    CallFuture,
    Down,
    Exit,
    MonitorRef,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def watcher(journal):
    with Misbehaving.start(journal, "watcher", trap_exit=True) as address:
        yield address


@pytest.fixture
def target():
    with Misbehaving.start(name="target") as address:
        yield address


def watch(watcher, target):
    return watcher.call(("do", lambda actor, _: actor.monitor(target)))


def link(watcher, target):
    watcher.call(("do", lambda actor, _: actor.link(target)))


def infos(journal):
    return [entry[2] for entry in journal.entries() if entry[0] == "info"]


def test_a_monitor_hears_the_reason_of_the_end_once(journal, watcher, target):
    pid = target.pid
    ref = watch(watcher, target)

    target.stop(SHUTDOWN)

    journal.wait_for(("info", "watcher", Down(ref, target, pid, SHUTDOWN)))


def test_monitoring_puts_no_tie_on_the_watcher(journal, target):
    watcher = Misbehaving.start(journal)
    watch(watcher, target)

    watcher.stop()

    assert target.call("alive") == "alive"


def test_a_link_works_in_both_directions(journal, watcher):
    pid = watcher.pid
    with Misbehaving.start(journal, "other", trap_exit=True) as other:
        link(watcher, other)

        pid.kill()

        journal.wait_for(("info", "other", Exit(pid, KILLED)))


def test_unlinking_undoes_a_link(watcher, target, journal):
    link(watcher, target)
    watcher.call(("do", lambda actor, _: actor.unlink(target)))

    target.stop(SHUTDOWN)
    watcher.call("anything queued was handled")

    assert infos(journal) == []


def test_a_signal_is_handled_before_messages_that_were_queued_earlier(journal, watcher, target):
    entered, release = threading.Event(), threading.Event()
    ref, pid = watch(watcher, target), target.pid
    watcher.cast(("block", entered, release))
    entered.wait(CEILING_S)
    for number in range(5):
        watcher.cast(number)

    target.stop(SHUTDOWN)
    release.set()
    watcher.call("all were handled")

    assert journal.entries()[1:] == [
        ("info", "watcher", Down(ref, target, pid, SHUTDOWN)),
        *(("cast", "watcher", number) for number in range(5)),
    ]


def test_the_end_comes_in_order_mailbox_replies_names_then_those_who_watch():
    seen = []
    target = Misbehaving.start()
    pid = target.pid
    future = target.call_async(("hold",))
    target.call("held")
    future.add_done_callback(lambda _: seen.append(("reply", pid.mailbox.closed, pid.alive)))
    pid.on_release(lambda: seen.append(("name", future.done, pid.alive)))
    pid.monitor(MonitorRef(pid), lambda down: seen.append(("down", down.reason, pid.alive)))

    pid.kill()

    assert seen == [("reply", True, True), ("name", True, True), ("down", KILLED, False)]
    pid.thread.join(CEILING_S)


def test_an_actor_ends_exactly_once_whoever_comes_first():
    for _ in range(100):
        pid = Misbehaving.start().pid
        downs = Journal()
        pid.monitor(MonitorRef(pid), downs.add)
        barrier = threading.Barrier(3)

        def end(act, barrier=barrier):
            barrier.wait(CEILING_S)
            act()

        acts = (pid.kill, lambda pid=pid: pid.request_stop(NORMAL), pid.kill)
        threads = [threading.Thread(target=end, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_exit(pid)
        pid.thread.join(CEILING_S)
        assert len(downs.entries()) == 1
        assert downs.entries()[0].reason == pid.exit_reason


def test_a_name_that_fails_to_be_released_does_not_hide_the_end(caplog):
    caplog.set_level("ERROR")
    pid = Misbehaving.start().pid
    pid.on_release(lambda: 1 / 0)

    pid.kill()

    assert pid.exit_reason == KILLED
    assert "actor.release_failed" in caplog.text
    pid.thread.join(CEILING_S)


def test_a_call_to_a_dead_pid_fails_with_its_reason():
    target = Misbehaving.start()
    pid = target.pid
    target.stop(SHUTDOWN)

    future = pid.call_async("late")

    assert isinstance(future, CallFuture)
    with pytest.raises(ActorExitedError) as caught:
        future.get(timeout=0)
    assert caught.value.reason == SHUTDOWN
