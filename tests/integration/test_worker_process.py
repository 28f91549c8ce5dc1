"""One zygote and its workers, without actors: start, run, stream, kill, end."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from dspex_actors import (
    Completed,
    ConfigError,
    Failed,
    LimitExceeded,
    Limits,
    Policy,
    WorkerDied,
    WorkerLostError,
)
from dspex_actors._policy import LAYERS
from dspex_actors.workers._process import Cause
from tests.integration._tools import CEILING_S, QUICK, TIMERS, BareZygote, process_ids, wait_end


def test_the_handshake_reports_every_layer_once(zygote):
    assert sorted(layer.name for layer in zygote.handle.layers) == sorted(LAYERS)


def test_a_worker_runs_code_and_tells_who_it_is(zygote):
    with zygote.worker() as worker:
        result = worker.execute("import os; os.getpid()", None, QUICK, TIMERS, keep=True)
        ids = process_ids(worker.facts.pid)

    assert isinstance(result, Completed)
    assert result.worker.pid == worker.facts.pid
    assert ids == [worker.facts.pid, result.value]  # in the host's pid namespace and in its own
    assert result.worker.profile == "process"
    assert result.sandbox == {name: layer.active for name, layer in zygote.layers.items()}
    assert 0 < result.duration_s < CEILING_S
    assert result.usage.memory_peak_bytes > 0


def test_each_worker_has_a_number_and_a_process_of_its_own(zygote):
    facts = [zygote.run("1").worker for _ in range(3)]

    assert len({fact.id for fact in facts}) == len({fact.pid for fact in facts}) == 3


def test_names_do_not_reach_the_next_worker(zygote):
    zygote.run("x = 1; import builtins; builtins.y = 2; import sys; sys.z = 3")

    assert zygote.run(
        "import sys; ('x' in globals(), hasattr(sys, 'z'), 'y' in dir(__builtins__))"
    ).value == (
        False,
        False,
        False,
    )


def test_a_kept_worker_remembers_names_and_a_fresh_call_does_not(zygote):
    with zygote.worker() as worker:
        worker.execute("x = 41", None, QUICK, TIMERS, keep=True)
        kept = worker.execute("x + 1", None, QUICK, TIMERS, keep=True)
        fresh = worker.execute("'x' in globals()", None, QUICK, TIMERS)

    assert (kept.value, fresh.value) == (42, False)


def test_output_arrives_while_the_guest_still_runs(zygote):
    seen, done = [], []
    with zygote.worker() as worker:

        def on_output(stream, text):
            seen.append((stream, text, list(done)))
            if text.endswith("\n"):
                worker.kill(Cause.CANCELLED)

        result = worker.execute("print('here')\nwhile True: pass", None, QUICK, TIMERS, on_output)
        done.append(True)

    assert {(stream, tuple(before)) for stream, _, before in seen} == {("stdout", ())}
    assert "".join(text for _, text, _ in seen) == "here\n"
    assert (result.signal, result.stdout) == (signal.SIGKILL, "here\n")


def test_a_killed_worker_ends_its_call_with_the_cause(zygote):
    with zygote.worker() as worker:
        threading.Thread(target=worker.kill, args=(Cause.CANCELLED,)).start()
        result = worker.execute("while True: pass", None, QUICK, TIMERS)

    assert isinstance(result, WorkerDied)
    assert (result.signal, result.detail) == (signal.SIGKILL, "the worker was killed: the caller cancelled")


def test_the_first_cause_of_a_kill_is_the_one_remembered(zygote):
    with zygote.worker() as worker:
        worker.kill(Cause.STOPPED)
        worker.kill(Cause.CANCELLED)

        assert worker.cause is Cause.STOPPED


def test_time_that_is_up_is_told_with_the_limit(zygote):
    result = zygote.run("print('so far')\nwhile True: pass", Limits(time_s=0.2))

    assert isinstance(result, LimitExceeded)
    assert (result.limit, result.allowed, result.stdout) == ("time", 0.2, "so far\n")
    assert result.used >= 0.2


def test_closing_is_quiet_the_second_time_and_leaves_no_process(zygote):
    with zygote.worker() as worker:
        pidfd = worker.pidfd()
        assert worker.close()
        ended = wait_end(pidfd, 0)
        os.close(pidfd)

        assert ended
        assert worker.close()
        worker.kill(Cause.STOPPED)
        with pytest.raises(WorkerLostError):
            worker.pidfd()


def test_a_worker_ends_when_the_host_closes_its_socket(zygote):
    with zygote.worker() as worker:
        pidfd = worker.pidfd()
        worker._data.close()
        ended = wait_end(pidfd)
        os.close(pidfd)

    assert ended


def test_all_workers_end_with_their_zygote():
    with BareZygote() as zygote, zygote.worker() as idle, zygote.worker() as busy:
        pidfds = [idle.pidfd(), busy.pidfd()]
        caught = []

        def run():
            try:
                busy.execute("while True: pass", None, QUICK, TIMERS)
            except WorkerLostError as error:
                caught.append(error)

        caller = threading.Thread(target=run)
        caller.start()
        zygote.process.kill()
        ended = [wait_end(pidfd) for pidfd in pidfds]
        caller.join(CEILING_S)
        for pidfd in pidfds:
            os.close(pidfd)

    assert ended == [True, True]
    assert len(caught) == 1


def test_a_zygote_that_is_gone_is_told_at_the_next_request():
    with BareZygote() as zygote:
        zygote.process.kill()
        zygote.process.wait()

        with pytest.raises(WorkerLostError):
            zygote.run("1")


def test_a_zygote_that_does_not_answer_is_given_up_after_the_timeout():
    with BareZygote() as zygote:
        zygote.process.send_signal(signal.SIGSTOP)
        worker = zygote.handle.spawn()
        try:
            with pytest.raises(WorkerLostError, match="did not start"):
                worker.wait_ready(0.2, TIMERS)
        finally:
            zygote.process.send_signal(signal.SIGCONT)
            worker.close()

        assert zygote.run("1").value == 1


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (Policy(preload=["no_such_module_anywhere"]), "no_such_module_anywhere"),
        (Policy(preload=["json.tool", "antigravity_does_not_exist"]), "antigravity_does_not_exist"),
    ],
)
def test_a_zygote_that_cannot_prepare_says_why(policy, words):
    with pytest.raises(WorkerLostError, match=words):
        BareZygote(policy)


def test_a_package_that_is_not_installed_is_a_config_error():
    with pytest.raises(ConfigError, match="no_such_package"):
        BareZygote(Policy(packages=["no_such_package"]))


@pytest.mark.parametrize("profile", ["strict", "process", "trusted"])
def test_every_profile_runs_an_expression(profile):
    with BareZygote(Policy(profile=profile)) as zygote:
        result = zygote.run("sum(range(10))")

    assert (result.value, result.worker.profile) == (45, profile)


@pytest.mark.parametrize(
    ("code", "exit_code", "number"),
    [
        ("import os; os._exit(3)", 3, None),
        ("import os; os._exit(0)", 0, None),
        ("import os; os.abort()", None, signal.SIGABRT),
        ("import ctypes; ctypes.string_at(0)", None, signal.SIGSEGV),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", None, signal.SIGKILL),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", None, signal.SIGTERM),
        ("import signal; signal.raise_signal(signal.SIGBUS)", None, signal.SIGBUS),
    ],
)
@pytest.mark.parametrize("cpu_s", [None, 30.0])
def test_a_guest_that_ends_its_own_worker_is_told_by_status_or_signal(zygote, code, exit_code, number, cpu_s):
    result = zygote.run(code, Limits(time_s=10, cpu_s=cpu_s))

    assert isinstance(result, WorkerDied)
    assert (result.exit_code, result.signal) == (exit_code, number)


def test_the_zygote_ignores_the_terminals_interrupt_and_serves_on():
    with BareZygote() as zygote:
        zygote.process.send_signal(signal.SIGINT)

        assert zygote.run("1").value == 1


def test_large_values_cross_both_ways_unchanged(zygote):
    data = os.urandom(3 * 2**20)
    result = zygote.run("(data[::-1], len(data))", variables={"data": data})

    assert result.value == (data[::-1], len(data))


def test_a_failure_is_text_and_names_the_line(zygote):
    result = zygote.run("x = 1\nraise KeyError('y')")

    assert isinstance(result, Failed)
    assert (result.error.type, result.error.message) == ("KeyError", "'y'")
    assert 'File "<guest>", line 2' in result.error.traceback


def test_the_first_guest_of_a_fresh_zygote_can_import_the_standard_library():
    results = []
    for _ in range(8):
        with BareZygote() as zygote:
            results.append(
                zygote.run("import threading, statistics, csv, xml.dom, concurrent.futures\n'imported'")
            )

    assert [getattr(result, "error", None) for result in results] == [None] * 8
    assert [result.value for result in results] == ["imported"] * 8


def test_threads_that_print_large_pieces_at_the_same_time_break_no_frame(zygote):
    code = """
import sys, threading
def talk():
    for step in range(30):
        sys.stdout.write("x" * 59_999 + "\\n")
threads = [threading.Thread(target=talk) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"done"
"""
    result = zygote.run(code, Limits(time_s=60, output_bytes=10**7))

    assert isinstance(result, Completed), result
    assert len(result.stdout) == 120 * 60_000
