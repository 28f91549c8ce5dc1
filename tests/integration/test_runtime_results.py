"""What a call gives back: values, output, events; one runtime for all the tests here."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from dataclasses import fields

import pytest

from dspex_actors import (
    ConfigError,
    Failed,
    Limits,
    UnknownLanguageError,
    ValueEncodeError,
)
from dspex_actors._limits import LONGEST_S, MAXIMA, MOST_BYTES
from tests.integration._tools import (
    CEILING_S,
    Events,
    generations,
)

pytestmark = pytest.mark.may_leak("spares come and go; the module is checked as a whole")


def test_a_result_says_what_was_printed_used_and_by_whom(runtime):
    result = runtime.execute("import sys\nprint('out')\nprint('err', file=sys.stderr)\n[1]")

    assert (result.value, result.stdout, result.stderr) == ([1], "out\n", "err\n")
    assert 0 < result.duration_s < CEILING_S
    assert 0 <= result.usage.cpu_s < CEILING_S
    assert result.usage.memory_peak_bytes > 2**20
    assert result.usage.output_dropped_bytes == 0
    assert result.worker.id > 0
    assert result.worker.pid > 0
    assert result.worker.profile == "process"
    assert [name for name, active in result.sandbox.items() if not active] == [
        "cgroup"
    ]  # one process needs none


def test_what_a_failed_guest_had_printed_is_kept(runtime):
    result = runtime.execute("print('before')\n1 / 0")

    assert isinstance(result, Failed)
    assert (result.error.type, result.stdout) == ("ZeroDivisionError", "before\n")


def test_every_call_has_a_fresh_worker(runtime):
    results = [runtime.execute("'x' in globals() or globals().update(x=1)") for _ in range(5)]

    assert [result.value for result in results] == [None] * 5
    assert len({result.worker.id for result in results}) == 5


def test_output_is_streamed_in_order_and_whole(runtime):
    seen = []
    result = runtime.execute(
        "import sys\nfor i in range(300):\n  print(i)\n  print(-i, file=sys.stderr)",
        on_output=lambda stream, text: seen.append((stream, text)),
    )

    assert "".join(text for stream, text in seen if stream == "stdout") == result.stdout
    assert "".join(text for stream, text in seen if stream == "stderr") == result.stderr
    assert result.stdout == "".join(f"{i}\n" for i in range(300))


def test_an_unfinished_line_is_streamed_at_the_end(runtime):
    seen = []
    runtime.execute("print('no newline', end='')", on_output=lambda *args: seen.append(args))

    assert seen == [("stdout", "no newline")]


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_a_callback_that_raises_ends_the_streaming_and_not_the_execution(runtime, error):
    calls = []

    def raising(*args):
        calls.append(args)
        raise error

    result = runtime.execute("print(1)\nprint(2)\n3", on_output=raising)

    assert (result.value, result.stdout, len(calls)) == (3, "1\n2\n", 1)
    assert generations(runtime)["executor"] == 1


def test_a_callback_may_execute_code_itself(runtime):
    inner = []
    result = runtime.execute("print('go')\n1", on_output=lambda *_: inner.append(runtime.execute("2").value))

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
def test_a_wrong_argument_raises_in_the_caller_and_costs_nothing(runtime, options, error):
    with pytest.raises(error):
        runtime.execute("1", **options)

    assert runtime.execute("1 + 1").value == 2


@pytest.mark.parametrize("field", [field.name for field in fields(Limits) if field.name != "fuel"])
def test_the_largest_of_each_limit_can_be_given_to_a_worker(runtime, field):
    most = LONGEST_S if field.endswith("_s") else MAXIMA.get(field, MOST_BYTES)

    assert runtime.execute("1 + 1", limits=Limits(**{field: most}), queue_wait_s=LONGEST_S).value == 2


def test_no_limits_at_all_can_be_given_to_a_worker(runtime):
    none = Limits(**dict.fromkeys(field.name for field in fields(Limits)))

    assert runtime.execute("1 + 1", limits=none).value == 2


def test_eight_threads_get_their_own_answers(runtime):
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda n: runtime.execute("n * n", variables={"n": n}).value, range(80))

        assert list(answers) == [n * n for n in range(80)]


def test_a_future_gives_the_result(runtime):
    futures = [runtime.submit(f"{n} + 1") for n in range(10)]
    done, pending = concurrent.futures.wait(futures, CEILING_S)

    assert (len(done), len(pending)) == (10, 0)
    assert [future.result().value for future in futures] == list(range(1, 11))


def test_a_future_raises_what_the_call_would_have_raised(runtime):
    future = runtime.submit("1", variables={"x": threading.Lock()})

    with pytest.raises(ValueEncodeError):
        future.result(CEILING_S)


def test_an_awaited_result_is_the_same_as_a_called_one(runtime):
    result = asyncio.run(runtime.aexecute("print('x'); 5"))

    assert (result.value, result.stdout) == (5, "x\n")


def test_the_report_and_the_tree_can_be_looked_at_while_it_works(runtime):
    report = runtime.sandbox_report()
    names = {node.id for node in runtime.tree().walk()}

    assert report.contained
    assert report.profile == "process"
    assert {"runtime", "sandboxes", "zygote", "workers", "executor"} <= names


def test_a_named_cause_is_in_the_event_of_a_cast(runtime):
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
def test_every_outcome_is_an_event_with_a_name_of_its_own(runtime, code, outcome):
    events = Events(runtime.telemetry, "execution.finished")

    runtime.execute_async(code, limits=Limits(time_s=0.5))

    ((_, facts),) = events.wait("execution.finished")
    events.detach()
    assert facts["outcome"] == outcome


def test_a_cast_whose_variables_cannot_cross_is_an_event_too(runtime):
    events = Events(runtime.telemetry, "execution.finished")

    runtime.execute_async("1", variables={"x": threading.Lock()})

    ((_, facts),) = events.wait("execution.finished")
    events.detach()
    assert facts["outcome"] == "lost"
    assert isinstance(facts["result"], ValueEncodeError)
