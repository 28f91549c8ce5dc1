"""OTP's behaviour, rows K08 to K13: links, monitors and exit signals."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    NO_PROCESS,
    NORMAL,
    SHUTDOWN,
    Address,
    Crash,
    Down,
    Exit,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")

BOOM = Crash("ValueError", "boom")


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def trapping(journal):
    with Misbehaving.start(journal, "trapping", trap_exit=True) as address:
        yield address


@pytest.fixture
def plain(journal):
    with Misbehaving.start(journal, "plain") as address:
        yield address


@pytest.fixture
def target():
    with Misbehaving.start(name="target") as address:
        yield address


def link(address, target):
    address.call(("do", lambda server, _: server.link(target)))


def watch(address, target):
    return address.call(("do", lambda server, _: server.monitor(target)))


def heard(journal):
    """Return the messages that arrived in `handle_info`, in order."""
    return [entry[2] for entry in journal.entries() if entry[0] == "info"]


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, BOOM])
def test_k08_the_end_of_a_linked_actor_is_a_message_for_one_that_traps_exits(
    journal, trapping, target, reason
):
    pid = target.pid
    link(trapping, target)

    target.stop(reason)

    journal.wait_for(("info", "trapping", Exit(pid, reason)))
    assert trapping.call("alive") == "alive"


def test_k08_the_normal_end_of_a_linked_actor_does_nothing_to_one_that_traps_none(journal, plain, target):
    link(plain, target)

    target.stop(NORMAL)

    assert plain.call("alive") == "alive"
    assert heard(journal) == []


@pytest.mark.parametrize("reason", [SHUTDOWN, BOOM, KILLED])
def test_k08_any_other_end_ends_a_linked_actor_with_the_same_reason_without_terminate(
    journal, plain, target, reason
):
    pid = plain.pid
    link(plain, target)

    target.stop(reason)

    assert wait_exit(pid) == reason
    pid.join()
    assert journal.entries() == [("init", "plain")]


def test_k08_a_crash_spreads_along_a_chain_of_links_until_somebody_traps_it(journal, trapping, plain, target):
    pid = plain.pid
    link(trapping, plain)
    link(plain, target)

    target.cast(("raise", ValueError("boom")))

    journal.wait_for(("info", "trapping", Exit(pid, BOOM)))


def test_k09_a_kill_ends_an_actor_that_traps_exits_and_its_monitor_hears_killed(journal, trapping, target):
    target.call(("do", lambda server, _: setattr(server, "trap_exit", True)))
    pid, ref = target.pid, watch(trapping, target)

    target.exit(KILLED)

    journal.wait_for(("info", "trapping", Down(ref, target, pid, KILLED)))


def test_k09_the_kill_of_a_linked_actor_can_be_trapped_like_any_other_end(journal, trapping, target):
    pid = target.pid
    link(trapping, target)

    target.exit(KILLED)

    journal.wait_for(("info", "trapping", Exit(pid, KILLED)))
    assert trapping.call("alive") == "alive"


def test_k10_a_normal_signal_of_another_actor_is_ignored_by_one_that_traps_none(
    journal, plain, target, inside
):
    inside(target, plain.exit, NORMAL)

    assert plain.call("alive") == "alive"
    assert journal.entries() == [("init", "plain")]


def test_k10_a_normal_signal_of_another_actor_is_a_message_for_one_that_traps_exits(
    journal, trapping, target, inside
):
    inside(target, trapping.exit, NORMAL)

    journal.wait_for(("info", "trapping", Exit(target.pid, NORMAL)))


def test_k11_a_monitor_of_a_dead_actor_hears_at_once_why_it_ended(journal, trapping, target):
    """OTP knows no more than that there is no such process; here the reason is kept with the Pid."""
    pid = target.pid
    target.cast(("raise", ValueError("boom")))
    wait_exit(pid)

    ref = watch(trapping, pid)

    journal.wait_for(("info", "trapping", Down(ref, pid, pid, BOOM)))


def test_k11_a_link_to_a_dead_actor_brings_its_reason_at_once(journal, trapping, target):
    """The same difference as with monitors."""
    pid = target.pid
    target.stop(SHUTDOWN)

    link(trapping, pid)

    journal.wait_for(("info", "trapping", Exit(pid, SHUTDOWN)))


def test_k11_a_monitor_of_an_actor_that_never_was_hears_of_no_process(journal, trapping, target):
    nobody = Address(target.root, ("no", "such"))

    ref = watch(trapping, nobody)

    journal.wait_for(("info", "trapping", Down(ref, nobody, None, NO_PROCESS)))


def test_k11_a_link_to_an_actor_that_never_was_brings_no_process(journal, trapping, target):
    link(trapping, Address(target.root, ("nobody",)))

    journal.wait_for(("info", "trapping", Exit(None, NO_PROCESS)))


def test_k11_a_link_to_an_actor_that_never_was_ends_one_that_traps_no_exits(plain, target):
    pid = plain.pid

    plain.cast(("do", lambda server, _: server.link(Address(target.root, ("nobody",)))))

    assert wait_exit(pid) == NO_PROCESS


def test_k12_three_monitors_of_one_actor_bring_three_messages(journal, trapping, target):
    pid = target.pid
    refs = [watch(trapping, pid) for _ in range(3)]

    pid.kill()
    trapping.call("all have arrived")

    assert heard(journal) == [Down(ref, pid, pid, KILLED) for ref in refs]


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_k12_a_registered_name_is_free_when_the_message_of_the_end_arrives(names, target, inside, end):
    seen = Journal()

    class Watcher(Misbehaving):
        def handle_info(self, message):
            seen.add((names.whereis("target"), message.reason))

    inside(target, names.register, "target", None)
    with Watcher.start(trap_exit=True) as watcher:
        watch(watcher, target)
        link(watcher, target)
        pid = target.pid
        {"stop": target.stop, "kill": pid.kill, "crash": lambda: pid.cast(("raise", ValueError("boom")))}[
            end
        ]()
        seen.wait_for((None, wait_exit(pid)), times=2)

    assert len(seen.entries()) == 2


def test_k13_nothing_is_left_in_the_mailbox_after_a_demonitor_that_follows_the_end(journal, trapping, target):
    entered, release = threading.Event(), threading.Event()
    ref = watch(trapping, target)

    def block_then_drop(server, _):
        entered.set()
        release.wait(CEILING_S)
        server.demonitor(ref)

    pending = trapping.call_async(("do", block_then_drop))
    entered.wait(CEILING_S)
    target.stop()
    release.set()
    pending.get(timeout=CEILING_S)
    trapping.call("anything queued was handled")

    assert heard(journal) == []
