"""The doors of a runtime: calls, futures, event loops, casts; streaming, queues, policies."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from dataclasses import fields

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    Failed,
    Limits,
    Policy,
    UnknownLanguageError,
    ValueEncodeError,
    WorkerDied,
    run,
)
from dspex_actors._limits import LONGEST_S, MAXIMA, MOST_BYTES
from tests.integration._tools import (
    CEILING_S,
    Events,
    Gated,
    generations,
    runtime_of,
    wait_end,
    wait_stats,
)


class TestResults:
    pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")

    def test_a_result_says_what_was_printed_used_and_by_whom(self, runtime):
        result = runtime.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n[1]")

        assert (result.value, result.stdout, result.stderr) == ([1], "out\n", "err\n")
        assert 0 < result.duration_s < CEILING_S
        assert 0 <= result.usage.cpu_s < CEILING_S
        assert result.usage.memory_peak_bytes > 2**20
        assert result.usage.output_dropped_bytes == 0
        assert result.worker.id > 0
        assert result.worker.pid > 0
        assert result.worker.profile == "process"
        assert all(result.sandbox.values())

    def test_what_a_failed_guest_had_printed_is_kept(self, runtime):
        result = runtime.execute("print('before')\n1 / 0")

        assert isinstance(result, Failed)
        assert (result.error.type, result.stdout) == ("ZeroDivisionError", "before\n")

    def test_every_call_has_a_fresh_worker(self, runtime):
        results = [runtime.execute("'x' in globals() or globals().update(x=1)") for _ in range(5)]

        assert [result.value for result in results] == [None] * 5
        assert len({result.worker.id for result in results}) == 5

    def test_output_is_streamed_in_order_and_whole(self, runtime):
        seen = []
        result = runtime.execute(
            "import sys\nfor i in range(300):\n  print(i)\n  print(-i, file=sys.stderr)",
            on_output=lambda stream, text: seen.append((stream, text)),
        )

        assert "".join(text for stream, text in seen if stream == "stdout") == result.stdout
        assert "".join(text for stream, text in seen if stream == "stderr") == result.stderr
        assert result.stdout == "".join(f"{i}\n" for i in range(300))

    def test_an_unfinished_line_is_streamed_at_the_end(self, runtime):
        seen = []
        runtime.execute("print('no newline', end='')", on_output=lambda *args: seen.append(args))

        assert seen == [("stdout", "no newline")]

    @pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
    def test_a_callback_that_raises_ends_the_streaming_and_not_the_execution(self, runtime, error):
        calls = []

        def raising(*args):
            calls.append(args)
            raise error

        result = runtime.execute("print(1)\nprint(2)\n3", on_output=raising)

        assert (result.value, result.stdout, len(calls)) == (3, "1\n2\n", 1)
        assert generations(runtime)["executor"] == 1

    def test_a_callback_may_execute_code_itself(self, runtime):
        inner = []
        result = runtime.execute(
            "print('go')\n1", on_output=lambda *_: inner.append(runtime.execute("2").value)
        )

        assert (result.value, set(inner)) == (1, {2})

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"language": "cobol"}, UnknownLanguageError),
            ({"variables": {"1a": 1}}, ConfigError),
            ({"limits": 5}, ConfigError),
            ({"timeout": 5}, ConfigError),
            ({"queue_wait_s": -1}, ConfigError),
            ({"variables": {"x": threading.Lock()}}, ValueEncodeError),
        ],
    )
    def test_a_wrong_argument_raises_in_the_caller_and_costs_nothing(self, runtime, options, error):
        with pytest.raises(error):
            runtime.execute("1", **options)

        assert runtime.execute("1 + 1").value == 2

    @pytest.mark.parametrize("field", [field.name for field in fields(Limits) if field.name != "fuel"])
    def test_the_largest_of_each_limit_can_be_given_to_a_worker(self, runtime, field):
        most = LONGEST_S if field.endswith("_s") else MAXIMA.get(field, MOST_BYTES)

        assert runtime.execute("1 + 1", limits=Limits(**{field: most}), queue_wait_s=LONGEST_S).value == 2

    def test_no_limits_at_all_can_be_given_to_a_worker(self, runtime):
        none = Limits(**dict.fromkeys(field.name for field in fields(Limits)))

        assert runtime.execute("1 + 1", limits=none).value == 2

    def test_eight_threads_get_their_own_answers(self, runtime):
        with concurrent.futures.ThreadPoolExecutor(8) as threads:
            answers = threads.map(lambda n: runtime.execute("n * n", variables={"n": n}).value, range(80))

            assert list(answers) == [n * n for n in range(80)]

    def test_a_future_gives_the_result(self, runtime):
        futures = [runtime.submit(f"{n} + 1") for n in range(10)]
        done, pending = concurrent.futures.wait(futures, CEILING_S)

        assert (len(done), len(pending)) == (10, 0)
        assert [future.result().value for future in futures] == list(range(1, 11))

    def test_a_future_raises_what_the_call_would_have_raised(self, runtime):
        future = runtime.submit("1", variables={"x": threading.Lock()})

        with pytest.raises(ValueEncodeError):
            future.result(CEILING_S)

    def test_an_awaited_result_is_the_same_as_a_called_one(self, runtime):
        result = asyncio.run(runtime.aexecute("print('x'); 5"))

        assert (result.value, result.stdout) == (5, "x\n")

    def test_the_report_and_the_tree_can_be_looked_at_while_it_works(self, runtime):
        report = runtime.sandbox_report()
        names = {node.id for node in runtime.tree().walk()}

        assert report.contained
        assert report.profile == "process"
        assert {"runtime", "sandboxes", "zygote", "workers", "executor"} <= names

    def test_a_named_cause_is_in_the_event_of_a_cast(self, runtime):
        events = Events(runtime.telemetry, "execution.finished")
        tag = object()

        runtime.execute_async("print('x'); 7", tag=tag)

        ((measurements, facts),) = events.wait("execution.finished")
        events.detach()
        assert facts["tag"] is tag
        assert (facts["outcome"], facts["language"], facts["result"].value) == ("completed", "python", 7)
        assert measurements["duration_s"] > 0
        assert measurements["queued_s"] >= 0

    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            ("1", "completed"),
            ("1 / 0", "failed"),
            ("while True: pass", "limit_exceeded"),
            ("import os; os._exit(1)", "worker_died"),
        ],
    )
    def test_every_outcome_is_an_event_with_a_name_of_its_own(self, runtime, code, outcome):
        events = Events(runtime.telemetry, "execution.finished")

        runtime.execute_async(code, limits=Limits(time_s=0.5))

        ((_, facts),) = events.wait("execution.finished")
        events.detach()
        assert facts["outcome"] == outcome

    def test_a_cast_whose_variables_cannot_cross_is_an_event_too(self, runtime):
        events = Events(runtime.telemetry, "execution.finished")

        runtime.execute_async("1", variables={"x": threading.Lock()})

        ((_, facts),) = events.wait("execution.finished")
        events.detach()
        assert facts["outcome"] == "lost"
        assert isinstance(facts["result"], ValueEncodeError)


class TestCancelling:
    def test_a_cancelled_future_kills_its_guest(self):
        with runtime_of() as runtime:
            gated = Gated(runtime)
            pidfd = gated.pidfd()
            assert gated.future.cancel()
            ended = wait_end(pidfd)
            os.close(pidfd)

            assert ended
            assert gated.future.cancelled()
            assert runtime.execute("1").value == 1

    def test_a_cancelled_future_counts_as_done_for_whoever_waits(self):
        with runtime_of() as runtime:
            gated = Gated(runtime)
            gated.future.cancel()
            done, pending = concurrent.futures.wait([gated.future], CEILING_S)

            assert (done, pending) == ({gated.future}, set())

    def test_a_cancelled_task_kills_its_guest(self):
        async def main(runtime):
            running = asyncio.Event()
            loop = asyncio.get_running_loop()
            pids = []

            def on_output(_, text):
                pids.append(text)
                loop.call_soon_threadsafe(running.set)

            code = "import os, threading\nprint(os.getpid())\nthreading.Event().wait()"
            task = asyncio.create_task(runtime.aexecute(code, on_output=on_output, limits=Limits(time_s=60)))
            await asyncio.wait_for(running.wait(), CEILING_S)
            pidfd = os.pidfd_open(int(pids[0]))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            ended = wait_end(pidfd)
            os.close(pidfd)
            return ended

        with runtime_of() as runtime:
            assert asyncio.run(main(runtime))

    def test_a_request_cancelled_in_the_queue_never_runs(self):
        with runtime_of(spares=0, max_workers=1) as runtime:
            events = Events(runtime.telemetry, "execution.finished")
            gated = Gated(runtime, tag="first")
            queued = [runtime.submit("1", tag=f"queued {n}") for n in range(3)]
            wait_stats(runtime, lambda stats: stats.queued == 3)
            queued[1].cancel()
            wait_stats(runtime, lambda stats: stats.queued == 2)
            Gated.open()
            events.wait("execution.finished", 3)

            assert gated.future.result(CEILING_S).value == "passed"
            assert [future.result(CEILING_S).value for future in (queued[0], queued[2])] == [1, 1]
        assert [facts["tag"] for _, facts in events.named("execution.finished")] == [
            "first",
            "queued 0",
            "queued 2",
        ]

    def test_cancelling_after_the_end_changes_nothing(self):
        with runtime_of() as runtime:
            future = runtime.submit("5")
            future.result(CEILING_S)

            assert not future.cancel()
            assert future.result().value == 5


def test_the_one_liner_starts_runs_and_cleans_up():
    assert run("1 + 1").unwrap() == 2
    assert isinstance(run("import os; os._exit(4)"), WorkerDied)
    assert run("open('/etc/passwd').read(1)", policy=Policy(profile="trusted")).value == "r"


def test_two_runtimes_do_not_meet():
    with runtime_of(spares=1) as one:
        events = Events(one.telemetry)
        with runtime_of(spares=1) as other:
            assert other.execute("1").value == 1
        before = events.named("execution.finished")

        assert before == []
        assert isinstance(one.execute("1"), Completed)
        assert len(events.named("execution.finished")) == 1
