"""A session keeps its variables from call to call, serves in order, and says what became of its state."""

from __future__ import annotations

import asyncio
import os
import signal
import threading

import numpy as np
import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    Failed,
    GuestError,
    LimitExceeded,
    Limits,
    SessionState,
    UnknownLanguageError,
    ValueEncodeError,
    WorkerDied,
)
from tests.integration._tools import CEILING_S, MIB, SHORT, Events, RunningCall, wait_end

pytestmark = pytest.mark.may_leak("the module's runtime keeps spares")


@pytest.fixture
def session(runtime):
    with runtime.session(checkpoint="never") as session:
        yield session


def test_variables_live_from_call_to_call(session):
    first = session.execute("x = 41")
    second = session.execute("x + 1")

    assert second.value == 42
    assert first.session == SessionState(fate="kept", calls=1)
    assert second.session == SessionState(fate="kept", calls=2)


def test_modules_functions_and_classes_of_earlier_calls_work_in_later_ones(session):
    session.execute("import math\nclass P:\n  def __init__(self, n): self.n = n")
    session.execute("def f(n): return P(math.sqrt(n)).n")

    assert session.execute("f(16)").value == 4.0
    assert session.execute("import pickle; pickle.loads(pickle.dumps(P(3))).n").value == 3


def test_the_variables_of_a_call_stay_for_later_ones(session):
    session.execute("total = sum(xs)", variables={"xs": [1, 2, 3]})

    assert session.execute("(total, xs)").value == (6, [1, 2, 3])


def test_a_call_without_an_expression_does_not_repeat_an_older_result(session):
    session.execute("result = 5")

    assert session.execute("y = 1").value is None
    assert session.execute("result = 6").value == 6


def test_a_variable_is_read_by_its_name(session):
    session.execute("x = {'a': (1, {2, 3})}\nimport numpy\narray = numpy.arange(4)")

    assert session["x"] == {"a": (1, {2, 3})}
    assert np.array_equal(session["array"], np.arange(4))


@pytest.mark.parametrize("name", ["y", "print", "KeyError"])
def test_a_name_that_no_call_has_bound_is_a_key_error(session, name):
    with pytest.raises(KeyError, match=name):
        session[name]


@pytest.mark.parametrize("name", ["", "1", "x.y", "x + 1", "__builtins__", "class", 5, None])
def test_what_is_no_name_of_a_variable_is_refused_before_anything_is_sent(session, name):
    with pytest.raises(ConfigError):
        session[name]


def test_a_variable_that_cannot_cross_is_told_as_an_error_and_stays(session):
    session.execute("f = lambda: 7")
    with pytest.raises(GuestError, match="cannot cross"):
        session["f"]

    assert session.execute("f()").value == 7


def test_reading_a_variable_counts_as_no_call(session):
    session.execute("x = 1")
    for _ in range(3):
        session["x"]

    assert session.execute("2").session.calls == 2


@pytest.mark.parametrize("name", ["a b", "1+1", "class", "__x", 5, None, ["x"]])
def test_what_is_no_name_is_refused_when_it_is_read(session, name):
    with pytest.raises(ConfigError, match="name must be a Python identifier that is no keyword and does not"):
        session[name]


def test_what_a_failed_call_did_before_it_failed_stays(session):
    result = session.execute("x = 1\n1 / 0")

    assert isinstance(result, Failed)
    assert result.session == SessionState(fate="kept", calls=1)
    assert session["x"] == 1


def test_a_traceback_names_the_call_that_each_line_is_from(session):
    session.execute("def f(n):\n    return 1 / n")
    result = session.execute("a = 1\nf(0)")

    assert result.error.traceback.splitlines() == [
        "Traceback (most recent call last):",
        '  File "<guest 2>", line 2, in <module>',
        "    f(0)",
        '  File "<guest 1>", line 2, in f',
        "    return 1 / n",
        "ZeroDivisionError: division by zero",
    ]


def test_output_is_that_of_the_call_and_streams(session):
    seen = []
    session.execute("print('one')")
    result = session.execute("print('two', flush=True)", on_output=lambda *each: seen.append(each))

    assert result.stdout == "two\n"
    assert ("".join(text for _, text in seen), {stream for stream, _ in seen}) == ("two\n", {"stdout"})


ENDINGS = {
    "time": ("x = -1\nwhile True: pass", SHORT, LimitExceeded),
    "exit": ("x = -1\nimport os; os._exit(3)", None, WorkerDied),
    "crash": ("x = -1\nimport ctypes; ctypes.string_at(0)", None, WorkerDied),
    "abort": ("x = -1\nimport os; os.abort()", None, WorkerDied),
    "forged": (
        "import os\nfor fd in range(3, 9):\n  try: os.write(fd, b'x' * 100)\n  except OSError: 0",
        None,
        WorkerDied,
    ),
}


@pytest.mark.parametrize(("code", "limits", "kind"), ENDINGS.values(), ids=ENDINGS)
def test_without_checkpoints_a_killed_call_loses_the_state_and_says_so(session, code, limits, kind):
    session.execute("x = 42")
    result = session.execute(code, limits=limits)

    assert isinstance(result, kind), result
    assert (result.session.fate, result.session.calls, result.session.undone) == ("lost", 0, 1)
    assert "checkpoint='never'" in result.session.reason
    assert session.execute("x").error.type == "NameError"
    assert session.execute("y = 1; y").session.calls == 2


def test_a_failure_of_memory_without_checkpoints_keeps_what_there_is(session):
    session.execute("x = 42")
    result = session.execute("y = bytes(2**40)")

    assert (result.limit, result.session.fate) == ("memory", "kept")
    assert session["x"] == 42


def test_a_worker_killed_between_two_calls_loses_the_state_and_the_next_call_is_not_run(session):
    pid = session.execute("x = 42").worker.pid
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert wait_end(pidfd)
    os.close(pidfd)
    result = session.execute("open('ran', 'w')")

    assert isinstance(result, WorkerDied)
    assert result.signal == signal.SIGKILL
    assert "the code was not run" in result.detail
    assert (result.session.fate, result.session.undone) == ("lost", 1)
    assert session.execute("import os; os.listdir()").value == []


def test_reset_forgets_variables_modules_and_files(session):
    session.execute("x = 1; import json; open('f', 'w').write('x'); json.mark = 1")
    session.reset()
    result = session.execute("import json, os; ('x' in globals(), hasattr(json, 'mark'), os.listdir())")

    assert result.value == (False, False, [])
    assert result.session.calls == 1


def test_limits_of_one_call_do_not_bind_the_next(session):
    small = session.execute("b = bytes(200 * 2**20)", limits=Limits(memory_bytes=50 * MIB))
    large = session.execute("len(bytes(200 * 2**20))")
    quick = session.execute("while True: pass", limits=Limits(cpu_s=0.5, time_s=CEILING_S))

    assert (small.limit, large.value) == ("memory", 200 * 2**20)
    assert (quick.limit, quick.allowed) == ("cpu", 0.5)
    free = session.execute(
        "import time\nwhile time.process_time() < 0.7: pass\n5", limits=Limits(time_s=CEILING_S)
    )
    assert free.value == 5


@pytest.mark.parametrize("name", ["memory_bytes", "file_bytes", "open_files"])
def test_a_call_cannot_have_more_than_the_session(runtime, name):
    with runtime.session(limits=Limits(**{name: 2**20}), checkpoint="never") as session:
        for value in (2**20 + 1, None):
            if name == "open_files" and value is not None:
                continue  # nobody can have more
            with pytest.raises(ConfigError, match=name) as caught:
                session.execute(
                    "1", limits=Limits(**{"memory_bytes": 2**20, "file_bytes": 2**20, name: value})
                )

            assert caught.value.field == f"Limits.{name}"


def test_the_session_s_own_limit_of_memory_holds_for_all_its_calls_together(runtime):
    with runtime.session(limits=Limits(memory_bytes=64 * MIB), checkpoint="never") as session:
        results = [session.execute(f"b{n} = bytes(24 * 2**20)") for n in range(4)]

    assert [type(result) for result in results] == [Completed, Completed, LimitExceeded, LimitExceeded]


def test_calls_are_served_one_after_the_other_in_order(session):
    session.execute("seen = []")
    futures = [session.submit(f"seen.append({n}); len(seen)") for n in range(50)]

    assert [future.result(CEILING_S).value for future in futures] == list(range(1, 51))
    assert session["seen"] == list(range(50))


def test_threads_of_the_host_share_a_session_without_mixing_calls(session):
    session.execute("n = 0")
    clients = [
        threading.Thread(target=lambda: [session.execute("m = n; n = m + 1") for _ in range(20)])
        for _ in range(4)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(CEILING_S)

    assert session["n"] == 80


def test_cancelling_a_call_under_way_kills_it_and_the_next_one_is_served(session):
    running = RunningCall(session)
    waiting = session.submit("1 + 1")

    assert running.future.cancel()
    assert waiting.result(CEILING_S).value == 2


def test_a_call_cancelled_before_its_turn_is_never_run(session):
    events = Events(session._address.system.telemetry, "execution.finished")
    running = RunningCall(session, tag="running")
    waiting = [session.submit(f"x = {n}", tag=n) for n in range(3)]
    assert waiting[1].cancel()
    running.future.cancel()
    for future in (waiting[0], waiting[2]):
        assert isinstance(future.result(CEILING_S), Completed)
    events.wait("execution.finished", 3)
    events.detach()

    assert session["x"] == 2
    assert [facts["tag"] for _, facts in events.named("execution.finished")] == ["running", 0, 2]


def test_cancelling_a_call_that_is_done_changes_nothing(session):
    future = session.submit("x = 5; x")
    future.result(CEILING_S)

    assert not future.cancel()
    assert session["x"] == 5


def test_cancelling_a_task_kills_its_guest_and_the_loop_is_free_meanwhile(runtime):
    async def main():
        begun, loop = asyncio.Event(), asyncio.get_running_loop()
        async with runtime.session(checkpoint="never") as session:
            assert (await session.aexecute("x = 1; x")).value == 1
            task = asyncio.create_task(
                session.aexecute(
                    RunningCall.CODE,
                    limits=Limits(time_s=60),
                    on_output=lambda *_: loop.call_soon_threadsafe(begun.set),
                )
            )
            await asyncio.wait_for(begun.wait(), CEILING_S)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return (await session.aexecute("2")).value, session

    value, session = asyncio.run(main())

    assert value == 2
    assert session.closed


def test_variables_that_cannot_cross_are_refused_and_cost_nothing(session):
    session.execute("x = 1")
    with pytest.raises(ValueEncodeError):
        session.execute("1", variables={"lock": threading.Lock()})

    assert session["x"] == 1


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"checkpoint": "always"}, "checkpoint"),
        ({"checkpoint": None}, "checkpoint"),
        ({"on_error": "ignore"}, "on_error"),
        ({"idle_timeout_s": 0}, "idle_timeout_s"),
        ({"idle_timeout_s": float("nan")}, "idle_timeout_s"),
        ({"reseed": 1}, "reseed"),
        ({"history": -1}, "history"),
        ({"history": True}, "history"),
        ({"limits": 5}, "limits"),
        ({"limits": Limits(fuel=1)}, "Limits.fuel"),
        ({"colour": "red"}, "session option"),
    ],
)
def test_settings_of_a_session_that_are_wrong_are_refused(runtime, options, field):
    with pytest.raises(ConfigError) as caught:
        runtime.session(**options)

    assert caught.value.field == field


def test_a_session_in_a_language_that_nobody_speaks_is_refused(runtime):
    with pytest.raises(UnknownLanguageError):
        runtime.session(language="ruby")


def test_an_unknown_option_of_a_call_is_refused(session):
    with pytest.raises(ConfigError, match="queue_wait_s"):
        session.execute("1", queue_wait_s=5)
