"""OTP's behaviour, rows J01 to J04: a PartitionSupervisor. A wrong argument is a `ChildSpecError`."""

from __future__ import annotations

import os

import pytest

from supervisors import (
    NO_PROCESS,
    ActorExitedError,
    AutoShutdown,
    ChildCounts,
    ChildSpecError,
    ChildState,
    NoPartitionsError,
    PartitionSupervisor,
)
from supervisors.testing import Journal, Misbehaving, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")


def numbered(journal, *, partitions=3, **options):
    """Return a supervisor whose partitions have their number in their name and in the journal."""
    return PartitionSupervisor(
        Misbehaving.child_spec(journal, "part"),
        name="parts",
        partitions=partitions,
        with_arguments=lambda args, number: (args[0], f"{args[1]}-{number}"),
        **options,
    )


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def parts(journal):
    handle = numbered(journal)
    with handle.start():
        yield handle


def name_behind(handle, key):
    return handle.via(key).call(("do", lambda server, _sender: server.name))


def test_j01_there_is_a_partition_for_each_processor_unless_said_otherwise():
    parts = PartitionSupervisor(Misbehaving.child_spec(), name="parts")
    with parts.start():
        number = os.cpu_count()

        assert [child.id for child in parts.which_children()] == list(reversed(range(number)))
        assert parts.count_children() == ChildCounts(number, number, 0, number, 0)
        assert parts.count == number


def test_j01_the_number_of_partitions_can_be_chosen(parts):
    assert [child.id for child in parts.which_children()] == [2, 1, 0]
    assert parts.count_children() == ChildCounts(3, 3, 0, 3, 0)


@pytest.mark.usefixtures("parts")
def test_j02_each_partition_is_started_with_arguments_of_its_own(journal):
    assert journal.entries() == [("init", "part-0"), ("init", "part-1"), ("init", "part-2")]


@pytest.mark.parametrize(("key", "partition"), [(0, 0), (1, 1), (2, 2), (3, 0), (-1, 1), (-5, 2)])
def test_j02_an_integer_leads_to_the_partition_of_its_absolute_value(parts, key, partition):
    assert parts.partition(key) == partition
    assert name_behind(parts, key) == f"part-{partition}"


@pytest.mark.parametrize(
    ("key", "partition"),
    [("alice", 0), ("bob", 1), (b"alice", 1), (None, 2), (True, 0), (1.0, 1), (("room", 7), 2)],
)
def test_j02_any_other_key_leads_to_the_same_partition_in_every_run(parts, key, partition):
    assert parts.partition(key) == partition
    assert name_behind(parts, key) == f"part-{partition}"


def test_j02_a_key_finds_the_next_incarnation_of_its_partition(parts, journal):
    via = parts.via(1)
    old = via.pid
    via.cast(("raise", ValueError("no")))

    assert wait_restarted(via, old).generation == 2
    assert name_behind(parts, 1) == "part-1"
    assert journal.entries().count(("init", "part-1")) == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"spec": None}, "spec"),
        ({"spec": Misbehaving}, "spec"),
        ({"spec": Misbehaving.child_spec(restart="transient", significant=True)}, "significant"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"partitions": 0}, "partitions"),
        ({"partitions": -1}, "partitions"),
        ({"partitions": True}, "partitions"),
        ({"partitions": 1.0}, "partitions"),
        ({"with_arguments": 1}, "with_arguments"),
        ({"strategy": "all_for_all"}, "strategy"),
        ({"intensity": -1}, "intensity"),
        ({"period": 0}, "period"),
        ({"auto_shutdown": "any_significant"}, "auto_shutdown"),
        ({"auto_shutdown": AutoShutdown.ALL_SIGNIFICANT}, "auto_shutdown"),
        ({"auto_shutdown": "sometimes"}, "auto_shutdown"),
    ],
)
def test_j03_a_wrong_option_is_refused_before_anything_is_started(options, named):
    with pytest.raises(ChildSpecError, match=named):
        PartitionSupervisor(**{"spec": Misbehaving.child_spec(), "name": "parts"} | options)


@pytest.mark.parametrize("missing", ["spec", "name"])
def test_j03_a_missing_option_is_an_error_of_the_call(missing):
    options = {"spec": Misbehaving.child_spec(), "name": "parts"}
    del options[missing]

    with pytest.raises(TypeError, match=missing):
        PartitionSupervisor(**options)


@pytest.mark.parametrize(
    "operation",
    [
        lambda parts: parts.via("key").call("message"),
        lambda parts: parts.partition("key"),
        lambda parts: parts.count,
        lambda parts: parts.resize(1),
        lambda parts: parts.which_children(),
        lambda parts: parts.count_children(),
    ],
)
def test_j04_a_supervisor_that_is_not_there_is_no_process(journal, operation):
    parts = numbered(journal)

    with pytest.raises(ActorExitedError) as refused:
        operation(parts)
    assert refused.value.reason == NO_PROCESS
    with parts.start():
        parts.via("key").call("message")
    with pytest.raises(ActorExitedError):
        operation(parts)


def test_j04_a_cast_to_a_supervisor_that_is_not_there_is_dropped(journal):
    numbered(journal).via("key").cast("message")

    assert journal.entries() == []


def test_a_resize_stops_the_last_partitions_and_starts_them_again(parts, journal):
    pids = [parts.via(number).pid for number in range(3)]

    assert (parts.resize(1), parts.count) == (3, 1)
    assert [wait_exit(pid) is not None for pid in pids[1:]] == [True, True]
    assert (parts.partition(2), parts.via(2).pid) == (0, pids[0])
    assert parts.count_children() == ChildCounts(3, 1, 0, 3, 0)
    assert [child.state for child in parts.which_children()] == [ChildState.STOPPED] * 2 + [
        ChildState.RUNNING
    ]

    assert (parts.resize(3), parts.count) == (1, 3)
    assert name_behind(parts, 2) == "part-2"
    assert journal.entries().count(("init", "part-0")) == 1


def test_a_key_leads_nowhere_while_there_are_no_partitions(parts):
    assert parts.resize(0) == 3

    with pytest.raises(NoPartitionsError) as refused:
        parts.via("key").call("message")
    assert refused.value.supervisor == "parts"
    assert parts.resize(3) == 0
    assert parts.via("key").call("message") == "message"


@pytest.mark.parametrize("count", [-1, 4, 1.0, True, None])
def test_a_resize_beyond_the_first_number_of_partitions_is_refused(parts, count):
    with pytest.raises(ChildSpecError, match="from 0 to 3"):
        parts.resize(count)
    assert parts.count == 3
