"""A stop of many children in waves: the rule as a table and by properties, then real children."""

from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisors import KILLED, SHUTDOWN, DynamicSupervisor, TaskSupervisor
from supervisors._waves import PAUSE_S, WAVE, Waves, next_wave
from supervisors.testing import CEILING_S, Events, Journal, ManualClock, Misbehaving


@pytest.mark.parametrize(
    ("waves", "stopping", "paused", "count", "after"),
    [
        (Waves(0), 0, False, 0, Waves(0)),
        (Waves(WAVE), 0, False, WAVE, Waves(0, WAVE)),
        (Waves(WAVE + 1), 0, False, WAVE, Waves(1, WAVE)),
        (Waves(9, 4, room=4), 4, False, 0, Waves(9, 4, room=4)),
        (Waves(9, 4, room=4), 3, False, 1, Waves(8, 4, room=4, moved=True)),
        (Waves(9, 4, room=4), 0, False, 4, Waves(5, 4, room=4, moved=True)),
        (Waves(2, 4, room=4), 0, False, 2, Waves(0, 2, room=4, moved=True)),
        # A pause in which one has ended changes nothing; one in which none has makes room.
        (Waves(9, 4, room=4, moved=True), 4, True, 0, Waves(9, 4, room=4)),
        (Waves(9, 4, room=4), 3, True, 1, Waves(8, 4, room=4)),
        (Waves(99, 4, room=4), 4, True, WAVE, Waves(99 - WAVE, 4 + WAVE, room=4 + WAVE)),
    ],
)
def test_as_many_children_are_told_as_there_is_room_for(waves, stopping, paused, count, after):
    assert next_wave(waves, stopping, paused=paused) == (count, after)


events = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=50)


@given(children=st.integers(0, 500), room=st.integers(1, 70), events=events)
def test_nobody_is_told_twice_and_no_more_than_there_is_room_for(children, room, events):
    waves, stopping, told, quiet_pauses = Waves(children, room=room), 0, 0, 0
    for ended, paused in events:
        stopping -= min(ended, stopping)
        quiet_pauses += paused and not waves.moved and stopping == waves.stopping
        count, waves = next_wave(waves, stopping, paused=paused)
        told, stopping = told + count, stopping + count

        assert waves.untold == children - told >= 0
        assert waves.stopping == stopping
        assert stopping <= waves.room == room + WAVE * quiet_pauses
        assert not waves.untold or stopping == waves.room


@given(children=st.integers(0, 500), stuck=st.integers(0, 500))
def test_every_child_is_told_whoever_of_them_does_not_end(children, stuck):
    waves, stopping, told = Waves(children), 0, 0
    for _ in range(2 * children + 2):
        count, waves = next_wave(waves, stopping, paused=True)
        told += count
        stopping = min(stopping + count, stuck)

    assert told == children


class Gate:
    """Children whose `terminate` waits until they are let go."""

    def __init__(self):
        self.journal = Journal()
        self.open = threading.Event()

    def spec(self, **options):
        return Misbehaving.child_spec(on_terminate=self._wait, **options)

    def _wait(self, *_):
        self.journal.add("told")
        self.open.wait(CEILING_S)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level("CRITICAL")


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def stopping(pool):
    thread = threading.Thread(target=pool.stop)
    thread.start()
    return thread


def test_two_thousand_children_that_run_are_stopped_in_order_whoever_they_are():
    pool = DynamicSupervisor.start()
    pids = [pool.start_child(Misbehaving.child_spec(shutdown_s=math.inf)).pid for _ in range(2000)]

    assert pool.stop().clean

    assert {pid.exit_reason for pid in pids} == {SHUTDOWN}


def test_a_child_is_told_when_another_has_ended_and_serves_until_then(gate):
    pool = DynamicSupervisor.start(system=ManualClock().system())
    addresses = [pool.start_child(gate.spec(shutdown_s=math.inf)) for _ in range(WAVE)]
    last = pool.start_child(Misbehaving.child_spec(gate.journal, "last", shutdown_s=math.inf))
    thread = stopping(pool)
    gate.journal.wait_for("told", times=WAVE)

    assert last.call("hello") == "hello"
    assert pool.count_children().active == WAVE + 1
    addresses[7].pid.kill()
    gate.journal.wait_for(("terminate", "last", SHUTDOWN))

    gate.open.set()
    thread.join(CEILING_S)
    assert not pool.alive


def test_children_that_wait_for_one_not_told_yet_hold_it_up_for_a_pause(gate):
    clock = ManualClock()
    pool = DynamicSupervisor.start(system=clock.system())
    for _ in range(WAVE):
        pool.start_child(gate.spec(shutdown_s=math.inf))
    frees = Misbehaving.child_spec(on_terminate=lambda _: gate.open.set(), shutdown_s=math.inf)
    last = pool.start_child(frees).pid
    thread = stopping(pool)
    gate.journal.wait_for("told", times=WAVE)

    assert last.alive
    clock.wait_armed()
    clock.advance(PAUSE_S)
    thread.join(CEILING_S)

    assert last.exit_reason == SHUTDOWN
    assert not pool.alive


def test_the_limit_of_a_child_counts_from_when_it_is_told(gate):
    clock = ManualClock()
    system = clock.system()
    killed = Events(system, "supervisor.child_stopped")
    pool = DynamicSupervisor.start(system=system)
    for _ in range(WAVE):
        pool.start_child(gate.spec(shutdown_s=math.inf))
    late = pool.start_child(gate.spec(shutdown_s=PAUSE_S)).pid
    thread = stopping(pool)
    gate.journal.wait_for("told", times=WAVE)
    clock.wait_armed()
    clock.advance(PAUSE_S)  # as long as its limit, and only now it is told
    gate.journal.wait_for("told", times=WAVE + 1)

    assert pool.count_children().active == WAVE + 1  # answered when its limit is armed
    assert late.alive
    clock.advance(PAUSE_S)
    assert late.wait_exit(CEILING_S) == KILLED

    gate.open.set()
    thread.join(CEILING_S)
    reasons = [facts["reason"] for facts in killed.of("supervisor.child_stopped")]
    assert sorted(map(str, reasons)) == sorted(map(str, [SHUTDOWN] * WAVE + [KILLED]))


def test_more_tasks_than_a_wave_has_room_for_are_all_stopped():
    running = Journal()
    release = threading.Event()

    def work():
        running.add("running")
        release.wait(CEILING_S)

    tasks = TaskSupervisor()
    tasks.start()
    pids = [tasks.start_child(work).pid for _ in range(WAVE + 1)]
    running.wait_for("running", times=WAVE + 1)
    thread = stopping(tasks.address)
    release.set()
    thread.join(CEILING_S)

    assert not tasks.alive
    assert not any(pid.alive for pid in pids)
