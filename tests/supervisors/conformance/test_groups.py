"""OTP's behaviour, row K14: process groups."""

from __future__ import annotations

import threading

import pytest

from supervisors import (
    NO_PROCESS,
    ActorExitedError,
    GroupJoined,
    GroupLeft,
    GroupRef,
    Groups,
    NotAnActorError,
    NotJoinedError,
    StartError,
)
from supervisors.testing import Journal, Misbehaving

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture
def groups():
    handle = Groups()
    with handle.start():
        yield handle


def inside(address, function, *args):
    return address.call(("do", lambda _server, _sender: function(*args)))


class Watcher:
    """An actor that monitors a group, and what it was told."""

    def __init__(self, groups, group):
        self.journal = Journal()
        self.address = Misbehaving.start(self.journal, "watcher")
        self.ref, self.members = inside(self.address, groups.monitor, group)

    def heard(self, last):
        self.journal.wait_for(("info", "watcher", last))
        return [entry[2] for entry in self.journal.entries() if entry[0] == "info"]


@pytest.fixture
def watcher(groups):
    made = Watcher(groups, "room")
    with made.address:
        yield made


def test_k14_an_actor_that_joined_twice_is_listed_twice(groups, actor):
    inside(actor, groups.join, "room")
    groups.join("room", actor)

    assert groups.members("room") == (actor.pid, actor.pid)
    assert groups.which_groups() == ("room",)


def test_k14_both_memberships_go_with_the_actor_with_one_notice_each(groups, actor, watcher):
    for _ in range(2):
        inside(actor, groups.join, "room")
    pid = actor.pid
    pid.kill()

    assert (groups.members("room"), groups.which_groups()) == ((), ())
    assert watcher.members == ()
    left = GroupLeft(watcher.ref, "room", pid)
    watcher.journal.wait_for(("info", "watcher", left), times=2)
    assert watcher.heard(left) == [GroupJoined(watcher.ref, "room", pid)] * 2 + [left] * 2


def test_k14_the_leave_of_a_non_member_is_refused(groups, actor):
    groups.join("other room", actor)

    with pytest.raises(NotJoinedError) as refused:
        groups.leave("room", actor)
    assert (refused.value.group, refused.value.member) == ("room", "actor")


def test_each_leave_ends_one_membership(groups, actor, watcher):
    for _ in range(2):
        groups.join("room", actor)
    groups.leave("room", actor)

    assert groups.members("room") == (actor.pid,)
    groups.leave("room", actor)
    assert groups.members("room") == ()
    with pytest.raises(NotJoinedError):
        groups.leave("room", actor)
    left = GroupLeft(watcher.ref, "room", actor.pid)
    watcher.journal.wait_for(("info", "watcher", left), times=2)


def test_groups_of_different_types_are_different_groups(groups, actor):
    groups.join(1, actor)
    groups.join(True, actor)

    assert (groups.members(1), groups.members(1.0)) == ((actor.pid,), ())
    assert [repr(group) for group in groups.which_groups()] == ["1", "True"]


def test_a_monitor_knows_the_members_at_its_start_and_stops_when_it_is_told(groups, actor, watcher):
    groups.join("room", actor)
    second = Watcher(groups, "room")
    with second.address:
        assert second.members == (actor.pid,)
        groups.demonitor(second.ref)
        groups.demonitor(second.ref)
        groups.leave("room", actor)

        assert watcher.heard(GroupLeft(watcher.ref, "room", actor.pid))
        assert second.address.call("sync") == "sync"
        assert [entry for entry in second.journal.entries() if entry[0] == "info"] == []


def test_a_watcher_that_has_ended_is_forgotten(groups, actor, watcher):
    watcher.address.stop()

    groups.join("room", actor)
    assert groups.state.watchers == {}


def test_a_member_that_is_dead_already_leaves_at_once(groups, actor):
    pid = actor.pid
    actor.stop()
    groups.join("room", pid)

    assert groups.members("room") == ()


def test_only_actors_join_by_themselves_and_only_known_ones_are_joined(groups):
    with pytest.raises(NotAnActorError):
        groups.join("room")
    with pytest.raises(NotAnActorError):
        groups.monitor("room")


def test_the_memberships_end_with_the_groups_actor(actor):
    groups = Groups(name="rooms")
    with groups.start():
        groups.join("room", actor)
        with pytest.raises(StartError):
            groups.start()

    with pytest.raises(ActorExitedError) as refused:
        groups.members("room")
    assert (refused.value.target, refused.value.reason) == ("rooms", NO_PROCESS)
    with groups.start():
        assert groups.members("room") == ()


def test_joins_and_ends_in_many_threads_leave_no_membership_behind(groups):
    def join_and_die():
        address = Misbehaving.start()
        for _ in range(20):
            inside(address, groups.join, "room")
        address.pid.kill()

    threads = [threading.Thread(target=join_and_die) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (groups.members("room"), groups.which_groups()) == ((), ())
    assert (groups.state.joined, groups.state.known) == ({}, set())


def test_a_notice_of_a_join_never_equals_one_of_a_leave(actor):
    ref = GroupRef("room")

    assert GroupJoined(ref, "room", actor.pid) != GroupLeft(ref, "room", actor.pid)
    assert GroupJoined(ref, "room", actor.pid) == GroupJoined(ref, "room", actor.pid)
