"""Ending a runtime: work under way is finished or killed, and told; nothing is left."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from dspex_actors import (
    ConfigError,
    DspexError,
    ExecutorUnavailableError,
    Policy,
    Runtime,
    RuntimeClosedError,
    RuntimeConfig,
    WorkerDied,
)
from tests.integration._tools import CEILING_S, Gated, pidfds_of, runtime_of, wait_end, wait_stats

REPOSITORY = Path(__file__).parents[2]
DOORS = {
    "execute": lambda runtime: runtime.execute("1"),
    "execute with a new policy": lambda runtime: runtime.execute("1", policy=Policy(packages=())),
    "submit": lambda runtime: runtime.submit("1"),
    "execute_async": lambda runtime: runtime.execute_async("1"),
    "aexecute": lambda runtime: asyncio.run(runtime.aexecute("1")),
    "sandbox_report": lambda runtime: runtime.sandbox_report(),
    "executor": lambda runtime: runtime.executor,
}


def test_a_stop_without_work_is_clean_and_leaves_no_process():
    runtime = runtime_of(spares=2)
    wait_stats(runtime, lambda stats: stats.ready == 2)
    with pidfds_of(runtime.executor) as pidfds:
        report = runtime.stop()
        ended = [wait_end(pidfd, 0) for pidfd in pidfds.values()]

    assert (report.drained, report.killed, report.abandoned, report.processes_left) == (True, 0, (), ())
    assert report.clean
    assert ended == [True] * 3


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_a_closed_runtime_says_so_at_every_door(door):
    runtime = runtime_of(spares=0)
    runtime.close()

    with pytest.raises(RuntimeClosedError):
        door(runtime)
    assert runtime.closed
    assert runtime.wait_closed(0)


def test_the_tree_of_a_closed_runtime_is_an_error_of_this_package():
    runtime = runtime_of(spares=0)
    runtime.close()

    with pytest.raises(DspexError):
        runtime.tree()


def test_a_second_stop_returns_the_report_of_the_first():
    runtime = runtime_of(spares=0)
    first = runtime.stop()

    assert runtime.stop() is first
    runtime.close()


def test_stops_from_many_threads_are_one_stop():
    runtime = runtime_of(spares=1)
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(runtime.stop())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CEILING_S)

    assert len({id(report) for report in reports}) == 1


def test_work_under_way_is_finished_and_new_work_refused():
    runtime = runtime_of(spares=0, max_workers=1)
    gated = Gated(runtime)
    queued = runtime.submit("'queued'")
    wait_stats(runtime, lambda stats: stats.queued == 1)
    reports = []
    stopper = threading.Thread(target=lambda: reports.append(runtime.stop(CEILING_S)))
    stopper.start()
    refused = threading.Event()

    def knock():
        while not refused.is_set():
            try:
                runtime.submit("1")
            except RuntimeClosedError:
                refused.set()

    knocker = threading.Thread(target=knock)
    knocker.start()
    assert refused.wait(CEILING_S)
    alive = stopper.is_alive()
    Gated.open()
    stopper.join(CEILING_S)
    knocker.join(CEILING_S)

    assert alive
    assert gated.future.result(CEILING_S).value == "passed"
    assert queued.result(CEILING_S).value == "queued"
    assert (reports[0].drained, reports[0].killed, reports[0].clean) == (True, 0, True)


def test_work_that_is_not_done_in_time_is_killed_and_counted():
    runtime = runtime_of(spares=0, max_workers=1)
    gated = Gated(runtime)
    queued = runtime.submit("'queued'")
    wait_stats(runtime, lambda stats: stats.queued == 1)
    pidfd = gated.pidfd()
    report = runtime.stop(0.1)
    ended = wait_end(pidfd, 0)
    os.close(pidfd)

    assert ended
    assert (report.drained, report.killed, report.clean) == (False, 2, True)
    result = gated.future.result(CEILING_S)
    assert isinstance(result, WorkerDied)
    assert result.detail == "the worker was killed: the executor stopped"
    with pytest.raises((ExecutorUnavailableError, RuntimeClosedError)):
        queued.result(CEILING_S)


@pytest.mark.parametrize("timeout_s", ["soon", math.nan, [], -1])
def test_a_wrong_timeout_is_refused_and_the_runtime_works_on(timeout_s):
    with runtime_of(spares=1) as runtime:
        with pytest.raises(ConfigError):
            runtime.stop(timeout_s)

        assert not runtime.closed
        assert runtime.execute("1").value == 1


def test_an_error_in_the_block_still_stops_the_runtime():
    with pytest.raises(KeyError), runtime_of(spares=1) as runtime:
        raise KeyError

    assert runtime.closed


def test_an_asynchronous_block_awaits_the_stop():
    async def main():
        async with Runtime() as runtime:
            result = await runtime.aexecute("1 + 1")
        return runtime, result

    runtime, result = asyncio.run(main())

    assert (result.value, runtime.closed) == (2, True)
    assert runtime.stop().clean


def test_an_awaited_stop_lets_the_loop_go_on():
    async def main():
        runtime = runtime_of(spares=0, max_workers=1)
        gated = await asyncio.to_thread(Gated, runtime)
        stopping = asyncio.create_task(runtime.astop(CEILING_S))
        while not runtime.closed:
            await asyncio.to_thread(threading.Event().wait, 0.001)
        alive = not stopping.done()
        Gated.open()
        report = await asyncio.wait_for(stopping, CEILING_S)
        return alive, report, gated

    alive, report, gated = asyncio.run(main())

    assert alive
    assert report.drained
    assert gated.future.result(0).value == "passed"


PROGRAM = """
import signal, threading
from dspex_actors import Limits, Runtime, RuntimeConfig

def show(text):
    print(text, flush=True)

runtime = Runtime(RuntimeConfig(handle_signals=True))
future = runtime.submit(
    "import time\\nprint('on')\\ntime.sleep(0.3)\\n'drained'", on_output=lambda *_: show("running")
)
if not runtime.wait_closed(30):
    show("never closed")
show(future.result(0).value)
show(runtime.stop().drained)
show(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_closes_a_runtime_that_was_asked_to(number):
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        try:
            assert program.stdout.readline() == "running\n"
            program.send_signal(number)
            output, errors = program.communicate(timeout=CEILING_S)
        finally:
            program.kill()

    assert output.split()[-3:] == ["drained", "True", "True"], errors
    assert program.returncode == 0


def test_signals_are_left_alone_unless_asked_for():
    before = signal.getsignal(signal.SIGTERM)
    with runtime_of(spares=0):
        assert signal.getsignal(signal.SIGTERM) is before


def test_signal_handlers_are_given_back_at_the_end():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with runtime_of(spares=0, handle_signals=True):
        assert signal.getsignal(signal.SIGTERM) is not before[0]

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_handling_signals_is_refused_outside_the_main_thread_and_leaves_nothing():
    errors = []

    def start():
        try:
            Runtime(RuntimeConfig(handle_signals=True))
        except ConfigError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join(CEILING_S)

    assert [error.field for error in errors] == ["handle_signals"]


ENDS = {
    "at its last line": "",
    "by an exit": "raise SystemExit(0)",
    "by a signal that cannot be caught": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_runtime_that_is_forgotten_ends_with_its_program_and_leaves_no_folder(tmp_path, end):
    code = (
        "import dspex_actors\n"
        "from dspex_actors.executors import GetProcesses\n"
        "rt = dspex_actors.Runtime()\n"
        "pids = rt.executor.call(GetProcesses())\n"
        "print(rt.execute('1').value, next(iter(pids.values())), flush=True)\n" + end
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        first, zygote = program.stdout.readline().split()
        try:
            pidfd = os.pidfd_open(int(zygote))
        except ProcessLookupError:
            ended = True
        else:
            ended = wait_end(pidfd)
            os.close(pidfd)
        program.communicate(timeout=CEILING_S)

    assert (first, ended) == ("1", True)
    assert list(tmp_path.iterdir()) == []
