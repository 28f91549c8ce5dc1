"""The queue of an executor: bounded, fair, and left by those who do not want to wait."""

from __future__ import annotations

import concurrent.futures

import pytest

from dspex_actors import ExecutorBusyError, Limits
from tests.integration._tools import CEILING_S, Events, Gated, generations, runtime_of, wait_stats


def test_a_full_queue_refuses_who_does_not_want_to_wait():
    with runtime_of(spares=0, max_workers=1, max_queue=1) as runtime:
        gated = Gated(runtime)
        queued = runtime.submit("1", when_full="error")
        wait_stats(runtime, lambda stats: stats.queued == 1)
        with pytest.raises(ExecutorBusyError) as caught:
            runtime.execute("2", when_full="error")
        Gated.open()

        assert (caught.value.waiting, caught.value.max_queue, caught.value.waited_s) == (1, 1, 0)
        assert (gated.future.result(CEILING_S).value, queued.result(CEILING_S).value) == ("passed", 1)


def test_a_cast_to_a_full_queue_is_an_event_and_hurts_nobody():
    with runtime_of(spares=0, max_workers=1, max_queue=0) as runtime:
        events = Events(runtime.telemetry, "execution.finished")
        gated = Gated(runtime)
        runtime.execute_async("1", when_full="error", tag="refused")
        ((_, facts),) = events.wait("execution.finished")
        Gated.open()

        assert (facts["tag"], facts["outcome"]) == ("refused", "lost")
        assert isinstance(facts["result"], ExecutorBusyError)
        assert gated.future.result(CEILING_S).value == "passed"
        assert generations(runtime)["executor"] == 1


def test_who_waited_too_long_is_told_how_long():
    with runtime_of(spares=0, max_workers=1) as runtime:
        gated = Gated(runtime)
        with pytest.raises(ExecutorBusyError) as caught:
            runtime.execute("1", queue_wait_s=0.2)
        Gated.open()

        assert caught.value.waited_s >= 0.2
        assert gated.future.result(CEILING_S).value == "passed"


def test_the_queue_is_served_in_the_order_of_arrival():
    with runtime_of(spares=0, max_workers=1) as runtime:
        events = Events(runtime.telemetry, "execution.finished")
        gated = Gated(runtime, tag=0)
        futures = [runtime.submit("1", tag=n) for n in range(1, 8)]
        wait_stats(runtime, lambda stats: stats.queued == 7)
        Gated.open()
        concurrent.futures.wait([gated.future, *futures], CEILING_S)

    assert [facts["tag"] for _, facts in events.named("execution.finished")] == list(range(8))


def test_time_in_the_queue_does_not_count_against_the_guest():
    with runtime_of(spares=0, max_workers=1) as runtime:
        gated = Gated(runtime)
        queued = runtime.submit("import threading; threading.Event().wait(0.1); 5", limits=Limits(time_s=2))
        wait_stats(runtime, lambda stats: stats.queued == 1)
        Gated.open()

        assert gated.future.result(CEILING_S).value == "passed"
        assert queued.result(CEILING_S).value == 5


def test_there_are_never_more_workers_than_allowed():
    with runtime_of(spares=2, max_workers=3) as runtime:
        gated = [Gated(runtime) for _ in range(3)]
        queued = [runtime.submit("1") for _ in range(5)]
        stats = wait_stats(runtime, lambda stats: stats.queued == 5)
        Gated.open()

        assert stats.ready + stats.busy + stats.starting == 3
        assert {future.result(CEILING_S).value for future in queued} == {1}
        assert {g.future.result(CEILING_S).value for g in gated} == {"passed"}


def test_a_spare_whose_guest_goes_on_is_replaced_while_it_runs():
    with runtime_of(spares=1, max_workers=3) as runtime:
        wait_stats(runtime, lambda stats: stats.ready == 1)
        gated = Gated(runtime)
        stats = wait_stats(runtime, lambda stats: (stats.busy, stats.ready) == (1, 1))
        Gated.open()

        assert stats.queued == 0
        assert gated.future.result(CEILING_S).value == "passed"


def test_without_spares_a_worker_is_started_for_each_request():
    with runtime_of(spares=0) as runtime:
        assert [runtime.execute("1").value for _ in range(3)] == [1, 1, 1]
        stats = wait_stats(runtime, lambda stats: stats.busy == 0)

        assert (stats.ready, stats.starting) == (0, 0)
