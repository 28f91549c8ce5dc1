"""OTP's behaviour, row J13: a function applied to many items by tasks."""

from __future__ import annotations

import pytest

from supervisors import (
    KILLED,
    SHUTDOWN,
    CallTimeoutError,
    Crash,
    Stop,
    TaskExited,
    TaskFinished,
    TaskSupervisor,
)
from supervisors.testing import Journal, ManualClock, Misbehaving, wait_exit
from tests.supervisors.conformance._trees import Gate

pytestmark = pytest.mark.usefixtures("quiet")


def finished(*values):
    return [TaskFinished(value) for value in values]


def fail(item):
    raise ValueError(item)


def failed(*items):
    return [TaskExited(Crash("ValueError", str(item))) for item in items]


@pytest.fixture
def tasks():
    handle = TaskSupervisor()
    with handle.start():
        yield handle


@pytest.fixture
def trapping():
    journal = Journal()
    with Misbehaving.start(journal, trap_exit=True) as address:
        yield address, journal


def messages(address, journal):
    """Return what has come to an actor's `handle_info` by now."""
    assert address.call("sync") == "sync"
    return [entry for entry in journal.entries() if entry[0] == "info"]


def test_j13_the_outcomes_come_in_the_order_of_the_items(tasks):
    gates = [Gate() for _ in range(4)]

    def wait_in_reverse(number):
        gates[number].wait()
        if number:
            gates[number - 1].open()  # the first item is the last to finish
        return number

    gates[3].open()
    assert list(tasks.async_stream(wait_in_reverse, range(4), max_concurrency=4)) == finished(0, 1, 2, 3)


def test_j13_without_an_order_the_outcomes_come_as_they_are_ready(tasks):
    gates = [Gate() for _ in range(4)]
    gates[3].open()
    stream = tasks.async_stream(
        lambda number: (gates[number].wait(), number)[1], range(4), max_concurrency=4, ordered=False
    )
    seen = []
    for outcome in stream:
        seen.append(outcome.value)
        if outcome.value:
            gates[outcome.value - 1].open()

    assert seen == [3, 2, 1, 0]


def test_j13_there_are_never_more_tasks_than_the_concurrency_allows(tasks):
    counted = tasks.async_stream(lambda _: len(tasks.children()), range(20), max_concurrency=3)

    assert max(outcome.value for outcome in counted) <= 3


def test_j13_failures_are_outcomes_and_leave_a_consumer_that_traps_exits_no_message(tasks, trapping, inside):
    address, journal = trapping
    stream = tasks.async_stream(fail, range(4), max_concurrency=2)

    assert inside(address, list, stream) == failed(0, 1, 2, 3)
    assert messages(address, journal) == []
    assert address.pid.ties()[0] == 0


def test_j13_a_failure_ends_a_linked_consumer_that_does_not_trap_exits(tasks, actor, inside):
    pid = actor.pid
    stream = tasks.async_stream(fail, [1], max_concurrency=1)

    assert inside(actor, list, stream) == failed(1)
    assert wait_exit(pid) == Crash("ValueError", "1")


def test_j13_a_failure_leaves_a_consumer_without_a_link_alone(tasks, actor, inside):
    stream = tasks.async_stream(fail, range(4), max_concurrency=2, link=False)

    assert inside(actor, list, stream) == failed(0, 1, 2, 3)
    assert actor.call("still here") == "still here"


def test_j13_a_task_that_exits_with_a_reason_gives_that_as_its_outcome(tasks):
    assert list(tasks.async_stream(lambda _: Stop(SHUTDOWN), [0])) == [TaskExited(SHUTDOWN)]


def test_j13_tasks_under_way_are_killed_when_the_consumer_ends_early(tasks, trapping, inside):
    address, journal = trapping
    gate, started = Gate(), Journal()

    def first_only(number):
        started.add(number)
        if number:
            gate.wait()
        return number

    def take_one():
        stream = tasks.async_stream(first_only, range(100), max_concurrency=4)
        value = next(stream)
        under_way = tasks.children()
        stream.close()
        return value, under_way

    value, under_way = inside(address, take_one)

    assert value == TaskFinished(0)
    assert [wait_exit(pid) for pid in under_way].count(KILLED) == 3
    assert messages(address, journal) == []
    assert address.pid.ties()[0] == 0
    assert sorted(started.entries()) == [0, 1, 2, 3]
    gate.open()


@pytest.mark.parametrize("link", [True, False])
def test_j13_the_end_of_the_consumer_ends_the_tasks_and_the_stream(tasks, actor, link):
    gate, started = Gate(), Journal()

    def note(number):
        started.add(number)
        gate.wait()

    pid = actor.pid
    stream = tasks.async_stream(note, range(100), max_concurrency=2, link=link)
    actor.cast(("do", lambda _server, _sender: list(stream)))
    started.wait_for(0)
    started.wait_for(1)
    under_way = tasks.children()
    pid.kill()
    gate.open()

    assert [wait_exit(task) for task in under_way] == [KILLED, KILLED]
    pid.thread.join()
    assert sorted(started.entries()) == [0, 1]


def test_j13_an_error_of_the_consumer_or_of_the_source_kills_the_tasks_too(tasks):
    gate = Gate()

    def source():
        yield 1
        yield 2
        raise LookupError("no more items")

    with pytest.raises(LookupError, match="no more items"):
        list(tasks.async_stream(lambda _: gate.wait(), source(), max_concurrency=4))
    gate.open()
    assert tasks.count_children().specs == 0


@pytest.mark.parametrize("on_timeout", ["exit", "kill_task"])
def test_j13_a_task_that_takes_too_long_ends_the_stream_or_is_killed(on_timeout):
    clock, tasks, gate = ManualClock(), TaskSupervisor(), Gate()
    system = clock.system()

    def only_the_first_is_slow(number):
        if number == 0:
            gate.wait()
        return number

    with tasks.start(system=system):
        stream = tasks.async_stream(
            only_the_first_is_slow,
            range(2),
            max_concurrency=2,
            timeout=3,
            on_timeout=on_timeout,
            ordered=False,
        )
        assert next(stream) == TaskFinished(1)
        clock.advance(3)
        if on_timeout == "exit":
            with pytest.raises(CallTimeoutError):
                next(stream)
        else:
            assert list(stream) == [TaskExited(Crash("TimeoutError", "no result within 3 s"))]
        gate.open()
    system.close()
