"""OsProcess with real processes: start, exit, stop, kill, and what is left of the group."""

# ruff: noqa: ARG002 -- the signature of a hook is given, whatever the test uses of it

from __future__ import annotations

import os
import select
import signal
import sys
import threading

import pytest

from supervisors import (
    KILLED,
    SHUTDOWN,
    Command,
    OsProcess,
    OsProcessExitedError,
    StartError,
    Stop,
    Supervisor,
    System,
    _system,
)
from supervisors._reaper import STDERR_KEPT
from supervisors.testing import CEILING_S, wait_exit, wait_restarted

pytestmark = pytest.mark.usefixtures("quiet")

READY = "import os, signal, sys, time\n{setup}\nos.write({fd}, b'R' + str(os.getpid()).encode())\n{then}\n"


@pytest.fixture
def quiet(caplog):
    caplog.set_level("CRITICAL")


class Script(OsProcess):
    """A Python process that says on a pipe that it runs, and then does `then`."""

    def init(self, then="time.sleep(60)", *, setup="", stop_timeout_s=2.0, on_exit=None):
        self.then, self.setup = then, setup
        self.stop_timeout_s = stop_timeout_s
        self.exit_outcome = on_exit
        return super().init()

    def command(self):
        self.reading, self.writing = os.pipe()
        code = READY.format(setup=self.setup, fd=self.writing, then=self.then)
        return Command(
            argv=[sys.executable, "-I", "-S", "-c", code], env={"GIVEN": "yes"}, pass_fds=[self.writing]
        )

    def on_spawned(self):
        os.close(self.writing)
        try:
            if not os.read(self.reading, 100).startswith(b"R"):
                raise EOFError
        finally:
            os.close(self.reading)

    def on_exit(self, error):
        if self.exit_outcome is not None:
            return Stop(self.exit_outcome)
        return super().on_exit(error)

    def handle_call(self, message, sender):
        return self.process


def gone(process_id):
    """Wait until a process that is not our child has ended."""
    try:
        pidfd = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(CEILING_S * 1000))
    finally:
        os.close(pidfd)


def test_stopping_the_actor_ends_the_process_by_sigterm():
    actor = Script.start()
    process = actor.call(None)

    assert actor.stop().clean
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_ignores_sigterm_is_killed_after_its_limit():
    actor = Script.start(setup="signal.signal(signal.SIGTERM, signal.SIG_IGN)", stop_timeout_s=0.01)
    process = actor.call(None)

    assert actor.stop().clean
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("then", "exit_code", "number"),
    [
        ("sys.exit(3)", 3, None),
        ("os.kill(os.getpid(), signal.SIGSEGV)", None, signal.SIGSEGV),
        ("pass", 0, None),
    ],
)
def test_an_exit_nobody_asked_for_crashes_the_actor_with_how_it_ended(then, exit_code, number):
    seen = []

    class Watched(Script):
        def on_exit(self, error):
            seen.append(error)
            raise error

    actor = Watched.start(f"sys.stderr.write('last words')\nsys.stderr.flush()\n{then}")

    assert wait_exit(actor.root).error_type.endswith(OsProcessExitedError.__name__)
    (error,) = seen
    assert (error.exit_code, error.signal) == (exit_code, number)
    assert error.stderr_tail.endswith("last words")


def test_a_supervisor_counts_the_exit_and_starts_the_next_generation():
    with Supervisor.start([Script.child_spec(id="p")]) as tree:
        child = tree.child("p")
        old, first = child.pid, child.call(None)

        os.kill(first.pid, signal.SIGKILL)

        assert wait_restarted(child, old).generation == 2
        assert child.call(None).pid != first.pid


def test_an_exit_can_be_declared_an_orderly_end():
    actor = Script.start("sys.exit(0)", on_exit=SHUTDOWN)

    assert wait_exit(actor.root) == SHUTDOWN


def test_killing_the_actor_kills_its_process_at_once():
    actor = Script.start()
    process, pid = actor.call(None), actor.pid

    pid.kill()

    assert process.wait(CEILING_S) == -signal.SIGKILL
    assert pid.exit_reason == KILLED


CHILD_OF_ITS_OWN = (
    "program = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
    "grandchild = os.spawnv(os.P_NOWAIT, sys.executable, program)\n"
    "print(grandchild, file=sys.stderr, flush=True)"
)


@pytest.mark.parametrize("end", ["stop", "kill", "exit"])
def test_whatever_ends_the_process_ends_what_it_has_started(end):
    then = "time.sleep(60)" if end != "exit" else "pass"
    actor = Script.start(then, setup=CHILD_OF_ITS_OWN, on_exit=SHUTDOWN)
    process = (actor.call(None) if end != "exit" else None) or None
    pid = actor.root
    if end == "stop":
        actor.stop()
    elif end == "kill":
        pid.kill()
    wait_exit(pid)
    if process is None:
        return
    process.wait(CEILING_S)

    assert gone(int(process.stderr_tail()))


def test_the_process_gets_exactly_the_environment_and_descriptors_it_was_given():
    descriptors = "len(os.listdir('/proc/self/fd'))"
    show = f"print(sorted(os.environ), {descriptors}, file=sys.stderr, flush=True)\nsys.exit(9)"
    errors = []

    class Shown(Script):
        def on_exit(self, error):
            errors.append(error)
            return Stop(SHUTDOWN)

    os.environ["NOT_GIVEN"] = "secret"
    try:
        wait_exit(Shown.start(show).root)
    finally:
        del os.environ["NOT_GIVEN"]

    names, _, count = errors[0].stderr_tail.strip().rpartition(" ")
    assert "NOT_GIVEN" not in names
    assert "GIVEN" in names
    assert int(count) == 5  # 0, 1, 2, the pipe, and the folder being listed


def test_a_process_that_ends_during_the_handshake_fails_the_start_with_its_last_words():
    with pytest.raises(StartError) as caught:
        Script.start(setup="sys.stderr.write('cannot'); sys.exit(2)")

    assert caught.value.reason.error_type.endswith(OsProcessExitedError.__name__)
    assert "exit code 2" in caught.value.reason.message
    assert "cannot" in caught.value.reason.message


def test_a_handshake_that_fails_kills_the_process_and_the_start():
    processes = []

    class Impolite(Script):
        def on_spawned(self):
            super().on_spawned()
            processes.append(self.process)
            raise ValueError("not understood")

    with pytest.raises(StartError, match="not understood"):
        Impolite.start()
    assert processes[0].returncode == -signal.SIGKILL


def test_a_command_that_does_not_exist_fails_the_start():
    class Missing(OsProcess):
        def command(self):
            return Command(argv=["/no/such/program"])

    with pytest.raises(StartError, match="FileNotFoundError"):
        Missing.start()


def test_only_the_end_of_a_long_stderr_is_kept():
    talk = "sys.stderr.write('x' * 3_000_000 + 'the end')\nsys.stderr.flush()\nsys.exit(1)"
    errors = []

    class Talkative(Script):
        def on_exit(self, error):
            errors.append(error)
            return Stop(SHUTDOWN)

    wait_exit(Talkative.start(talk).root)

    assert errors[0].stderr_tail.endswith("xthe end")
    assert len(errors[0].stderr_tail) <= 2 * STDERR_KEPT


def test_many_processes_are_watched_by_one_thread():
    specs = [Script.child_spec(id=number) for number in range(4)]
    with Supervisor.start(specs):
        reapers = [thread for thread in threading.enumerate() if thread.name == "supervisors-reaper"]

        assert len(reapers) == 1


def test_the_end_of_a_process_that_is_not_ours_can_be_watched_too():
    system, ended = System(), threading.Event()
    actor = Script.start()
    process = actor.call(None)
    other = system.reaper.watch_stranger(os.pidfd_open(os.getpid()), lambda: None)
    system.reaper.watch_stranger(os.pidfd_open(process.pid), ended.set)

    actor.stop()

    assert ended.wait(CEILING_S)
    other.cancel()
    other.cancel()
    thread = system.reaper._thread
    system.close()
    thread.join(CEILING_S)
    assert not thread.is_alive()


@pytest.mark.parametrize("end", ["stop", "exit"])
def test_a_host_without_pidfds_sees_the_end_of_a_process_too(end, monkeypatch):
    monkeypatch.setattr(_system, "has_pidfds", lambda: False)
    errors = []

    class Watched(Script):
        def on_exit(self, error):
            errors.append(error)
            return Stop(SHUTDOWN)

    actor = Watched.start() if end == "stop" else Watched.start("sys.stderr.write('bye'); sys.exit(4)")
    if end == "stop":
        assert actor.stop().clean
        return

    assert wait_exit(actor.root) == SHUTDOWN
    assert (errors[0].exit_code, errors[0].stderr_tail) == (4, "bye")


def test_a_reaper_that_never_had_a_process_closes_without_a_thread():
    system = System()
    assert system.reaper._thread is None

    system.close()
