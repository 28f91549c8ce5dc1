"""The worker that waits for the next program to compile: when there is one, and what becomes of it."""

from __future__ import annotations

import pytest

from dspex_actors import WorkerLostError
from dspex_actors.workers import BuildWatch, Cause
from dspex_actors.workers._build_spare import SpareBuilder


class Worker:
    def __init__(self):
        self.happened = []
        self.is_lost = False

    def wait_ready(self, timeout_s, timers):  # noqa: ARG002 -- a worker's signature
        if self.is_lost:
            raise WorkerLostError("it ended")
        self.happened.append("ready")

    def kill(self, cause):
        self.happened.append(cause)

    def close(self):
        self.happened.append("closed")


class Timers:
    def __init__(self):
        self.armed = []

    def arm(self, seconds, callback):  # noqa: ARG002 -- as above
        self.armed.append(callback)

    def fire(self):
        armed, self.armed = self.armed, []
        for callback in armed:
            callback()


@pytest.fixture
def workers():
    """Return the workers that were started, in their order."""
    return []


@pytest.fixture
def timers():
    return Timers()


@pytest.fixture
def spare(workers):
    def spawn():
        workers.append(Worker())
        return workers[-1]

    return SpareBuilder(spawn, 1.0)


def test_a_spare_is_started_a_moment_after_a_worker_was_used_and_taken_next(spare, workers, timers):
    first = spare.take(timers, BuildWatch())
    spare.renew(timers)
    assert len(workers) == 1
    timers.fire()

    assert spare.take(timers, BuildWatch()) is workers[1]
    assert workers == [first, workers[1]]


def test_there_is_never_more_than_one_spare(spare, workers, timers):
    spare.renew(timers)
    spare.renew(timers)
    timers.fire()

    assert len(workers) == 1


def test_a_spare_that_has_ended_meanwhile_is_replaced_by_a_new_worker(spare, workers, timers):
    spare.renew(timers)
    timers.fire()
    workers[0].is_lost = True

    assert spare.take(timers, BuildWatch()) is workers[1]
    assert workers[0].happened == ["closed"]


def test_a_new_worker_that_does_not_get_ready_is_closed_and_told(workers, timers):
    def spawn():
        workers.append(Worker())
        workers[-1].is_lost = True
        return workers[-1]

    with pytest.raises(WorkerLostError, match="it ended"):
        SpareBuilder(spawn, 1.0).take(timers, BuildWatch())
    assert workers[0].happened == ["closed"]


def test_a_request_that_is_cancelled_kills_the_spare_that_it_gets(spare, workers, timers):
    spare.renew(timers)
    timers.fire()
    watch = BuildWatch()
    watch.kill(Cause.CANCELLED)
    spare.take(timers, watch)

    assert workers[0].happened == [Cause.CANCELLED, "ready"]


def test_closing_ends_the_spare_and_starts_no_other(spare, workers, timers):
    spare.renew(timers)
    timers.fire()
    spare.renew(timers)
    spare.close()
    timers.fire()
    spare.close()

    assert [worker.happened for worker in workers] == [["closed"]]


def test_a_spare_that_cannot_be_started_is_done_without(timers):
    def spawn():
        raise WorkerLostError("the zygote is gone")

    spare = SpareBuilder(spawn, 1.0)
    spare.renew(timers)
    timers.fire()

    with pytest.raises(WorkerLostError, match="gone"):
        spare.take(timers, BuildWatch())
