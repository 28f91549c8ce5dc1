"""OTP's behaviour, rows I16 to I23: entries of a registry and the lives of their owners."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    KILLED,
    Registration,
    Registry,
)
from supervisors.testing import CEILING_S, Journal, Misbehaving, wait_exit

pytestmark = pytest.mark.usefixtures("quiet")


def owners(entries):
    return [entry.owner for entry in entries]


def values(entries):
    return [entry.value for entry in entries]


def test_i16_the_entries_of_killed_owners_vanish_before_anybody_is_told(topics, actor, other, inside):
    for address in (actor, other):
        for key in ("hello", "world", "hello"):
            inside(address, topics.register, key)
    seen = Journal()
    pids = [actor.pid, other.pid]
    for pid in pids:
        from supervisors import MonitorRef  # noqa: PLC0415 -- only here

        pid.monitor(MonitorRef(pid), lambda down: seen.add(topics.keys(down.pid)))
        pid.kill()

    assert seen.entries() == [[], []]
    assert (topics.count(), topics.select()) == (0, [])


def test_i17_owner_and_partition_are_linked_while_a_key_remains(either, actor, inside):
    inside(actor, either.register, "hello")
    inside(actor, either.register, "world")
    inside(actor, either.unregister, "hello")
    [partition] = either.address.which_children()

    partition.pid.kill()
    assert wait_exit(actor) is KILLED


def test_i17_the_link_is_dropped_with_the_last_key(either, actor, inside):
    for key in ("hello", "world"):
        inside(actor, either.register, key)
    for key in ("hello", "world"):
        inside(actor, either.unregister, key)
    [partition] = either.address.which_children()

    partition.pid.kill()
    assert actor.call("still there") == "still there"


def test_i17_the_end_of_an_owner_leaves_its_partition_alive(either, actor, inside):
    inside(actor, either.register, "hello")
    [partition] = either.address.which_children()
    actor.pid.kill()

    with Misbehaving.start() as next_one:
        inside(next_one, either.register, "hello")
        assert owners(either.lookup("hello")) == [next_one.pid]
    assert partition.pid.alive


@pytest.mark.parametrize("partitions", [1, 8])
@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_i18_partitions_change_only_the_number_of_children(keys, partitions, actor, other, inside):
    registry = Registry(keys=keys, partitions=partitions)
    with registry.start() as address:
        for number in range(20):
            inside(actor if number % 2 else other, registry.register, number, -number)

        assert address.count_children().active == partitions
        assert [child.id for child in reversed(address.which_children())] == list(range(partitions))
        assert registry.count() == 20
        assert sorted(registry.keys(actor)) == list(range(1, 20, 2))
        assert all(values(registry.lookup(number)) == [-number] for number in range(20))


def test_i19_locks_of_different_keys_do_not_wait_for_each_other(names):
    with names.lock("hello"), names.lock("world"), names.lock(1), names.lock(1.0):
        assert names.count() == 0


def test_i20_the_second_to_lock_a_key_waits_until_the_first_has_left(names, actor, other):
    entered, leave, order = threading.Event(), threading.Event(), Journal()

    def hold_first():
        with names.lock("hello"):
            entered.set()
            leave.wait(CEILING_S)
            order.add("first left")
            return "first result"

    def hold_second():
        with names.lock("hello"):
            order.add("second entered")
            return "second result"

    first = actor.call_async(("do", lambda *_: hold_first()))
    assert entered.wait(CEILING_S)
    second = other.call_async(("do", lambda *_: hold_second()))
    leave.set()

    assert (first.get(timeout=CEILING_S), second.get(timeout=CEILING_S)) == ("first result", "second result")
    assert order.entries() == ["first left", "second entered"]


def test_i21_a_lock_is_released_when_its_holder_raises(names, actor, inside):
    def fail():
        with names.lock("hello"):
            raise ZeroDivisionError

    assert isinstance(inside(actor, fail), ZeroDivisionError)
    with names.lock("hello", timeout=0):
        pass


def test_i21_a_lock_is_released_when_its_holder_is_killed_and_waiters_go_on(names, actor):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with names.lock("hello"):
            entered.set()
            leave.wait(CEILING_S)

    actor.cast(("do", lambda *_: hold()))
    assert entered.wait(CEILING_S)
    actor.pid.kill()
    with names.lock("hello", timeout=CEILING_S):
        leave.set()


def test_i22_a_name_whose_owner_is_dead_but_not_cleaned_up_yet_stands_for_nobody(names, actor, other, inside):
    cleaning, go_on = threading.Event(), threading.Event()

    def slow_release():
        cleaning.set()
        go_on.wait(CEILING_S)

    pid = actor.pid
    pid.on_release(slow_release)  # runs before the registry's, which comes later
    inside(actor, names.register, "hello")
    killing = threading.Thread(target=pid.kill)
    killing.start()
    try:
        assert cleaning.wait(CEILING_S)
        assert (names.whereis("hello"), names.lookup("hello"), names.via("hello").alive) == (None, [], False)
        assert inside(other, names.register, "hello") is None
    finally:
        go_on.set()
        killing.join()
    assert names.whereis("hello") is other.pid


def test_i23_select_lists_filters_and_counts_all_entries(topics, actor, other, inside):
    for address, key, value in ((actor, "a", 1), (other, "a", 2), (actor, "b", 3)):
        inside(address, topics.register, key, value)

    everything = {
        Registration("a", actor.pid, 1),
        Registration("a", other.pid, 2),
        Registration("b", actor.pid, 3),
    }
    assert set(topics.select()) == everything
    assert values(topics.select(lambda entry: entry.owner is other.pid)) == [2]
    assert topics.count_select(lambda entry: entry.value > 1) == 2
    assert values(topics.match("a", lambda value: value < 2)) == [1]
