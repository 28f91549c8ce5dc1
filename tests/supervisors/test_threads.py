"""The threads of a tree's actors: used again, named after their actor, gone with their tree."""

from __future__ import annotations

import contextvars
import threading

import pytest

from supervisors import GenServer
from supervisors._threads import MAX_IDLE, ActorThread, Threads
from supervisors.testing import CEILING_S, Misbehaving, wait_exit

COLOUR = contextvars.ContextVar("COLOUR", default="none")


@pytest.fixture
def threads():
    pool = Threads()
    yield pool
    pool.close()
    pool.join()


def begin(pool, work, name="actor"):
    occupant = ActorThread(name)
    pool.run(occupant, work)
    return occupant


def done(pool, work, name="actor"):
    """Run work to its end; return the thread it ran in."""
    seen = []
    occupant = begin(pool, lambda: seen.append((work(), threading.current_thread())), name)
    occupant.join(CEILING_S)
    assert occupant.ended
    return seen[0][1]


def test_an_idle_thread_is_used_again_under_the_next_name(threads):
    first = done(threads, lambda: None, "one#1")
    names = []
    second = done(threads, lambda: names.append(threading.current_thread().name), "two#1")

    assert first is second
    assert names == ["two#1"]


def test_work_that_runs_at_the_same_time_has_different_threads(threads):
    both = threading.Barrier(2)
    found = [begin(threads, lambda: both.wait(CEILING_S)) for _ in range(2)]
    for occupant in found:
        occupant.join(CEILING_S)

    assert len({occupant.ident for occupant in found}) == 2


def test_at_most_so_many_threads_stay_idle(threads):
    together = threading.Barrier(MAX_IDLE + 4)
    seen = []

    def work():
        seen.append(threading.current_thread())
        together.wait(CEILING_S)

    for occupant in [begin(threads, work) for _ in range(MAX_IDLE + 4)]:
        occupant.join(CEILING_S)
    for thread in seen:
        if thread.name != "supervisors-idle":
            thread.join(CEILING_S)

    assert sum(thread.is_alive() for thread in seen) == MAX_IDLE


def test_a_closed_pool_ends_its_idle_threads_and_still_runs_work():
    pool = Threads()
    idle = done(pool, lambda: None)
    pool.close()
    late = done(pool, lambda: None)
    pool.join()

    assert (idle.is_alive(), late.is_alive()) == (False, False)
    assert idle is not late


def test_a_thread_that_works_while_the_pool_is_closed_ends_after_it():
    pool, entered, leave = Threads(), threading.Event(), threading.Event()
    seen = []

    def work():
        seen.append(threading.current_thread())
        entered.set()
        leave.wait(CEILING_S)

    occupant = begin(pool, work)
    assert entered.wait(CEILING_S)
    pool.close()
    assert occupant.is_alive()
    leave.set()
    occupant.join(CEILING_S)
    pool.join()

    assert not seen[0].is_alive()


def test_an_idle_thread_that_nobody_wants_ends_by_itself(threads, monkeypatch):
    monkeypatch.setattr("supervisors._threads.IDLE_S", 0.0)
    thread = done(threads, lambda: None)
    thread.join(CEILING_S)

    assert not thread.is_alive()
    assert done(threads, lambda: None) is not thread


def test_context_variables_of_one_actor_are_not_seen_by_the_next_in_its_thread(threads):
    done(threads, lambda: COLOUR.set("red"))
    seen = []
    done(threads, lambda: seen.append(COLOUR.get()))

    assert seen == ["none"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_whose_work_raises_is_not_used_again(threads):
    seen = []

    def work():
        seen.append(threading.current_thread())
        raise ZeroDivisionError

    begin(threads, work).join(CEILING_S)
    seen[0].join(CEILING_S)

    assert done(threads, lambda: None) is not seen[0]


def test_many_jobs_from_many_threads_all_run_once(threads):
    counted = []

    def give_jobs(giver):
        for number in range(300):
            begin(threads, lambda number=number: counted.append((giver, number))).join(CEILING_S)

    givers = [threading.Thread(target=give_jobs, args=(giver,)) for giver in range(6)]
    for giver in givers:
        giver.start()
    for giver in givers:
        giver.join()

    assert sorted(counted) == [(giver, number) for giver in range(6) for number in range(300)]


def test_the_successor_of_an_actor_may_have_its_thread_and_never_its_name(caplog):
    caplog.set_level("CRITICAL")
    with Misbehaving.start(name="first") as first:
        system = first.system
        with Misbehaving.start(name="second", system=system) as second:
            pid = second.pid
            second.cast(("raise", RuntimeError()))
            wait_exit(pid)
        with Misbehaving.start(name="third", system=system) as third:
            name = third.call(("do", lambda *_: threading.current_thread().name))
    assert name == "third#1"


def test_no_thread_of_a_tree_is_left_when_its_stop_returns():
    before = set(threading.enumerate())
    with GenServer.start() as root:
        with GenServer.start(system=root.system):
            pass
        with GenServer.start(system=root.system):
            pass

    assert set(threading.enumerate()) - before == set()
