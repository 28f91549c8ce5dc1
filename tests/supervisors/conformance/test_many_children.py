"""OTP's behaviour, rows B19, B20 and B23: thousands of children.

A DynamicSupervisor counts a spec for each child where simple_one_for_one counts its single one. What many
children cost is counted in Python functions that the supervisor's thread calls, not in seconds.
"""

from __future__ import annotations

import sys

import pytest

from supervisors import DynamicSupervisor, Supervisor, SupervisorFlags, SupervisorInit
from supervisors.testing import CEILING_S, Events, Journal, Misbehaving
from tests.supervisors.conformance._trees import counts

pytestmark = pytest.mark.usefixtures("quiet")

# At a time, since every thread that waits for the interpreter's lock looks at it 200 times a second: many
# hundreds that want to end leave a loaded machine no time to let any of them.
WAVE = 100


def kill_all(pool):
    """Kill every child; return when the supervisor has dealt with each of them."""
    events = Events(pool.system, "supervisor.child_exited")
    children = pool.which_children()
    for first in range(0, len(children), WAVE):
        wave = children[first : first + WAVE]
        for known in wave:
            known.pid.kill()
        events.names.wait_for("supervisor.child_exited", times=first + len(wave))
        for known in wave:
            known.pid.thread.join(CEILING_S)  # a supervisor below is waited for that long
    events.detach()


def test_b19_thousands_of_temporary_workers_are_counted_and_killed():
    with DynamicSupervisor.start() as pool:
        for alive in (1000, 2000):
            for _ in range(1000):
                pool.start_child(Misbehaving.child_spec(restart="temporary"))
            assert counts(pool) == [alive, alive, 0, alive]
            assert pool.which_children() == pool.which_children()
            assert len({known.pid for known in pool.which_children()}) == alive

        kill_all(pool)

        assert counts(pool) == [0, 0, 0, 0]
        assert pool.which_children() == ()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Misbehaving.child_spec(type="supervisor", restart="temporary"), [100, 100, 100, 0]),
        (Supervisor.child_spec([], restart="temporary"), [100, 100, 100, 0]),
        (Misbehaving.child_spec(restart="temporary"), [100, 100, 0, 100]),
    ],
)
def test_b20_dynamic_children_are_counted_as_the_type_their_specs_say(spec, expected):
    with DynamicSupervisor.start() as pool:
        for _ in range(100):
            pool.start_child(spec)
        assert counts(pool) == expected

        kill_all(pool)

        assert counts(pool) == [0, 0, 0, 0]


class Meter:
    """Counts the Python functions that a thread calls."""

    def __init__(self):
        self.calls = 0

    def read_this_thread(self):
        sys.setprofile(self._count)

    def _count(self, _frame, event, _argument):
        self.calls += event == "call"


class MeteredPool(DynamicSupervisor):
    """A supervisor of dynamic children that counts its work."""

    def init(self, meter):
        meter.read_this_thread()
        super().init()


class MeteredTree(Supervisor):
    """A supervisor of ordered children that counts its work."""

    def init(self, meter):
        meter.read_this_thread()
        return SupervisorInit(SupervisorFlags())


def work(kind, number):
    """Start and stop that many children; return how many functions their supervisor has called."""
    meter, journal = Meter(), Journal()
    with kind.start(meter) as supervisor:
        for id_ in range(number):
            supervisor.start_child(Misbehaving.child_spec(journal, id_, id=id_))
        assert counts(supervisor) == [number, number, 0, number]
    entries = journal.entries()
    assert entries[:number] == [("init", id_) for id_ in range(number)]
    stopped = [name for event, name, *_ in entries[number:] if event == "terminate"]
    if kind is MeteredTree:
        assert stopped == list(reversed(range(number)))
    else:
        assert sorted(stopped) == list(range(number))
    return meter.calls


@pytest.mark.parametrize("kind", [MeteredPool, MeteredTree])
def test_b23_the_work_for_many_children_grows_with_their_number_and_no_faster(kind):
    few, many = work(kind, 100), work(kind, 1000)

    assert few > 100  # the meter has counted
    assert many <= 1.5 * 10 * few
