"""A run that hangs is killed, and says where it hangs."""

from __future__ import annotations

import subprocess
import sys

import pytest

CONFTEST = """
import tests._hangs as hangs
import tests.conftest as ours
ours.GRACE_S = 0.5
pytest_configure = ours.pytest_configure
pytest_runtest_protocol = ours.pytest_runtest_protocol
pytest_unconfigure = ours.pytest_unconfigure
"""
THREADS = "for _ in range(150):\n        threading.Thread(target=threading.Event().wait, daemon=True).start()"
DEAF = f"""
import signal, threading
def test_waits_with_signals_blocked():
    {THREADS}
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # no timeout of pytest's gets through
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""
HOLDING = f"""
import re, threading
def hold():
    re.match("(a+)+$", 60 * "a" + "b")  # keeps the interpreter's lock
def test_waits_for_one_who_holds_the_interpreter():
    {THREADS}
    threading.Thread(target=hold, daemon=True).start()
    while True:
        pass
"""
LINGERING = """
import threading
def test_leaves_a_thread():
    threading.Thread(target=threading.Event().wait).start()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("code", "what", "shown"),
    [
        (DEAF, "test_it.py::test_waits_with_signals_blocked", "line 9 in test_waits_with_signals_blocked"),
        (HOLDING, "test_it.py::test_waits_for_one_who_holds_the_interpreter", "line 4 in hold"),
        (LINGERING, "the end of the run", "in _shutdown"),
    ],
)
def test_a_run_that_hangs_is_killed_and_shows_what_holds_it(tmp_path, code, what, shown):
    (tmp_path / "test_it.py").write_text(code)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--timeout=3",
        "-o",
        "faulthandler_timeout=0",
        "test_it.py",
    ]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)

    assert run.returncode == -9
    assert run.stderr.splitlines()[-1] == f"{what} hangs for more than 3.5 s; the run is killed"
    assert shown in run.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_has_nothing_to_do_is_no_hang(tmp_path):
    code = """
import select
from tests._hangs import HangWatch
watch = HangWatch(0.2)
watch.begin("a test")
watch.rest()
select.select([], [], [], 1)
watch.begin("another one")
select.select([], [], [], 30)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == -9
    assert "another one hangs for more than 0.2 s" in done.stderr
