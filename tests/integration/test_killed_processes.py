"""Processes killed from outside: counted, replaced, and never waited for in vain."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

import pytest

from dspex_actors import (
    Completed,
    DspexError,
    ExecutorUnavailableError,
    Limits,
    Policy,
    WorkerDied,
    WorkerLostError,
)
from supervisors import SupervisorError
from supervisors.testing import wait_restarted
from tests.integration._tools import (
    CEILING_S,
    Events,
    Gated,
    generations,
    pidfds_of,
    runtime_of,
    sigkill,
    wait_end,
    wait_stats,
)

RESTARTED = "supervisor.child_restarted"
EXCEEDED = "supervisor.restarts_exceeded"


def kill_zygote(runtime):
    with pidfds_of(runtime.executor) as pidfds:
        sigkill(next(iter(pidfds.values())))


def kill_idle_worker(runtime):
    with pidfds_of(runtime.executor) as pidfds:
        sigkill(list(pidfds.values())[1])


def call_until_it_works(runtime):
    """Call; until all is started again an error must be typed, or tell of a killed worker."""
    for _ in range(1000):
        with suppress(WorkerLostError, ExecutorUnavailableError):
            result = runtime.execute("1 + 1")
            if isinstance(result, Completed):
                return result.value
            assert (type(result), result.signal) == (WorkerDied, signal.SIGKILL)
        runtime.executor.wait_available(CEILING_S)
    return pytest.fail("it never worked again")


def when_started_again(events, runtime, restarts):
    """Wait until that many children of supervisors were restarted and the executor answers."""
    events.wait(RESTARTED, restarts)
    assert runtime.executor.wait_available(CEILING_S)


@pytest.mark.parametrize("max_workers", [2, 8], ids=["no room for more", "room for more"])
def test_an_idle_worker_that_is_killed_is_counted_and_replaced_by_one(max_workers):
    with runtime_of(spares=2, max_workers=max_workers) as runtime:
        events = Events(runtime.telemetry)
        wait_stats(runtime, lambda stats: stats.ready == 2)
        kill_idle_worker(runtime)
        events.wait(RESTARTED)
        stats = wait_stats(runtime, lambda stats: stats.ready == 2 and not stats.starting)
        results = [runtime.execute("1 + 1").value for _ in range(5)]
        after = wait_stats(runtime, lambda stats: stats.ready == 2 and not stats.starting and not stats.busy)

        assert (stats.ready, after.ready) == (2, 2)
        assert results == [2] * 5
        assert len(events.named(RESTARTED)) == 1
        assert events.named(EXCEEDED) == []
        assert {generations(runtime)[name] for name in ("zygote", "workers", "executor")} == {1}


def test_idle_workers_killed_again_and_again_use_up_the_restarts_and_the_sandbox_starts_anew():
    with runtime_of(spares=1, max_workers=4) as runtime:
        events = Events(runtime.telemetry)
        while not events.named(EXCEEDED):
            runtime.executor.wait_available(CEILING_S)
            with suppress(SupervisorError, OSError, IndexError):  # between two lives
                wait_stats(runtime, lambda stats: stats.ready)
                kill_idle_worker(runtime)

        assert call_until_it_works(runtime) == 2


def test_a_zygote_that_is_killed_idle_is_replaced_with_its_workers():
    with runtime_of(spares=2) as runtime:
        events = Events(runtime.telemetry)
        wait_stats(runtime, lambda stats: stats.ready == 2)
        before = generations(runtime)
        kill_zygote(runtime)
        events.wait(RESTARTED)
        value = call_until_it_works(runtime)
        after = generations(runtime)

        assert value == 2
        assert (before["zygote"], after["zygote"]) == (1, 2)
        assert events.named(EXCEEDED) == []
        assert {after[name] for name in ("runtime", "sandboxes", "process-1")} == {1}


@pytest.mark.parametrize("kills", [1, 3])
def test_a_zygote_killed_under_a_running_guest_is_a_typed_error_for_its_caller(kills):
    with runtime_of(spares=1) as runtime:
        for _ in range(kills):
            call_until_it_works(runtime)
            gated, executor = Gated(runtime), runtime.executor.pid
            kill_zygote(runtime)
            error = gated.future.exception(CEILING_S)

            assert isinstance(error, WorkerLostError | ExecutorUnavailableError)
            wait_restarted(runtime.executor, executor)
        assert call_until_it_works(runtime) == 2


class Traffic:
    """Four threads that call and call."""

    def __init__(self, runtime):
        self.completed = 0
        self.strange = []
        self._runtime = runtime
        self._ending = threading.Event()
        self._calls = threading.Semaphore(0)
        self._clients = [threading.Thread(target=self._client, daemon=True) for _ in range(4)]
        for client in self._clients:
            client.start()

    def _client(self):
        while not self._ending.is_set():
            outcome = self._call()
            if isinstance(outcome, Completed) and outcome.value == 2:
                self.completed += 1
            elif not isinstance(outcome, WorkerLostError | ExecutorUnavailableError):
                self.strange.append(outcome)
            self._calls.release()

    def _call(self):
        try:
            return self._runtime.execute("1 + 1")
        except BaseException as error:  # noqa: BLE001 -- looked at by the test
            return error

    def wait_calls(self, count):
        for _ in range(count):
            assert self._calls.acquire(timeout=CEILING_S)

    def end(self):
        self._ending.set()
        for client in self._clients:
            client.join(CEILING_S)
        assert not any(client.is_alive() for client in self._clients)


def test_a_zygote_killed_in_mid_traffic_loses_no_call():
    with runtime_of(spares=2) as runtime:
        events = Events(runtime.telemetry)
        traffic = Traffic(runtime)
        for kill in range(1, 4):
            traffic.wait_calls(20)
            kill_zygote_in_traffic(runtime)
            events.wait(RESTARTED, kill)
        traffic.wait_calls(20)
        traffic.end()

        assert traffic.strange == []
        assert traffic.completed > 0
        assert call_until_it_works(runtime) == 2


def kill_zygote_in_traffic(runtime):
    """Kill the zygote of now; the executor may be between two lives when it is asked."""
    tick = threading.Event()
    for _ in range(2000):
        with suppress(SupervisorError, OSError, StopIteration):
            kill_zygote(runtime)
            return
        tick.wait(0.005)
    pytest.fail("there was no zygote to kill")


def test_zygotes_killed_beyond_the_intensity_take_the_sandbox_down_in_order_and_a_new_one_serves():
    with runtime_of(spares=1) as runtime:
        events = Events(runtime.telemetry)
        tick = threading.Event()
        for _ in range(4000):
            if events.named(EXCEEDED):
                break
            with suppress(SupervisorError, OSError, StopIteration):
                kill_zygote(runtime)
            tick.wait(0.005)  # a dead zygote may be killed many times
        exceeded = [str(facts["supervisor"]) for _, facts in events.named(EXCEEDED)]
        value = call_until_it_works(runtime)
        after = generations(runtime)

        assert len(exceeded) == 1
        assert "process-1" in exceeded[0]
        assert value == 2
        assert (after["process-1"], after["sandboxes"], after["runtime"]) == (2, 1, 1)


def kill_sandbox(runtime):
    """Fence the supervisor of the one sandbox off, and wait until it was started again or given up."""
    sandboxes = next(node for node in runtime.tree().walk() if node.id == "sandboxes")
    name = sandboxes.children[0].id
    address = runtime._root.supervisor("sandboxes").supervisor(name)
    address.wait_available(CEILING_S)
    address.pid.kill()


def test_when_the_supervisor_of_sandboxes_has_given_up_calls_work_again_or_fail_at_once():
    runtime = runtime_of(spares=1)
    try:
        events = Events(runtime.telemetry)
        for _ in range(4):
            kill_sandbox(runtime)
            events.wait("supervisor.child_exited")
            runtime._root.supervisor("sandboxes").wait_available(CEILING_S)
        events.wait(EXCEEDED)
        outcome = []

        def call():
            try:
                outcome.append(runtime.execute("1 + 1", queue_wait_s=60).value)
            except DspexError as error:
                outcome.append(error)

        caller = threading.Thread(target=call, daemon=True)
        caller.start()
        caller.join(CEILING_S)

        assert len(outcome) == 1, "the call is still waiting for what nobody starts"
        assert outcome[0] == 2 or isinstance(outcome[0], ExecutorUnavailableError)
    finally:
        runtime.stop(1.0)


@pytest.mark.parametrize(
    "end", [lambda root: root.stop(), lambda root: root.pid.kill()], ids=["stopped", "killed"]
)
def test_when_the_whole_tree_has_ended_every_call_fails_at_once_with_a_typed_error(end):
    runtime = runtime_of(spares=1)
    end(runtime._root)
    outcome = []

    def call():
        for door in (runtime.execute, runtime.submit):
            try:
                door("1", queue_wait_s=60)
            except DspexError as error:
                outcome.append(error)

    caller = threading.Thread(target=call, daemon=True)
    caller.start()
    caller.join(CEILING_S)
    runtime.stop(1.0)

    assert [isinstance(error, ExecutorUnavailableError) for error in outcome] == [True, True]


def test_a_killed_executor_actor_is_replaced_and_its_workers_are_not_left_over():
    with runtime_of(spares=2, max_workers=2) as runtime:
        events = Events(runtime.telemetry)
        wait_stats(runtime, lambda stats: stats.ready == 2)
        runtime.executor.pid.kill()
        when_started_again(events, runtime, 1)
        results = [runtime.execute("1 + 1").value for _ in range(5)]
        wait_stats(runtime, lambda stats: stats.ready == 2 and not stats.starting and not stats.busy)
        workers = next(node for node in runtime.tree().walk() if node.id == "workers")

        assert results == [2] * 5
        assert len(workers.children) == 2
        assert events.named(EXCEEDED) == []


def test_a_guest_under_a_killed_executor_actor_is_killed_and_its_caller_told():
    with runtime_of(spares=1) as runtime:
        gated = Gated(runtime)
        pidfd = gated.pidfd()
        runtime.executor.pid.kill()
        error = gated.future.exception(CEILING_S) or gated.future.result()
        runtime.executor.wait_available(CEILING_S)
        after = runtime.execute("1 + 1")
        os.close(pidfd)

        assert isinstance(error, WorkerLostError | ExecutorUnavailableError | WorkerDied)
        assert after.value == 2


def test_a_stopped_zygote_does_not_hang_a_call_for_ever():
    with runtime_of(spares=0, start_timeout_s=1.5) as runtime, pidfds_of(runtime.executor) as pidfds:
        zygote = next(iter(pidfds.values()))
        signal.pidfd_send_signal(zygote, signal.SIGSTOP)
        try:
            with pytest.raises(DspexError):
                runtime.execute("1", queue_wait_s=CEILING_S)
        finally:
            signal.pidfd_send_signal(zygote, signal.SIGCONT)

        runtime.executor.wait_available(CEILING_S)
        assert call_until_it_works(runtime) == 2


def test_a_child_of_a_trusted_guest_does_not_hold_up_the_deadline():
    code = """
import os, signal
child = os.fork()
if child == 0:
    signal.pause()
print(child)
signal.pause()
"""
    with runtime_of(policy=Policy(profile="trusted"), spares=1) as runtime:
        result = runtime.execute(code, limits=Limits(time_s=0.3))
        child = os.pidfd_open(int(result.stdout))
        alive = not wait_end(child, 0)
        sigkill(child)
        os.close(child)

    assert (result.limit, alive) == ("time", True)
