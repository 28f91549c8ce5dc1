"""A run that hangs is ended, and says where it hangs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests._hangs import STATUS

DEAF = """
import signal, threading, time
def test_deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # no timeout of pytest's gets through
    for _ in range(150):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()  # here
"""
LINGERING = """
import threading
def test_leaves_a_thread():
    threading.Thread(target=threading.Event().wait).start()
"""


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (DEAF, "test_it.py::test_deaf hangs for more than"),
        (LINGERING, "the end of the run hangs for more than"),
    ],
)
def test_a_run_that_hangs_ends_and_prints_the_main_threads_stack_last(tmp_path, code, sentence):
    (tmp_path / "test_it.py").write_text(code)
    (tmp_path / "conftest.py").write_text(
        "import tests._hangs as hangs\nimport tests.conftest as ours\n"
        "ours.GRACE_S = hangs.POLL_S = 0.3\n"
        "pytest_configure = ours.pytest_configure\npytest_runtest_protocol = ours.pytest_runtest_protocol\n"
        "pytest_unconfigure = ours.pytest_unconfigure\n"
    )
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

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert run.returncode == STATUS
    assert run.stderr.rstrip().splitlines()[-1].startswith(sentence)
    assert run.stderr.rstrip().endswith("the run is ended")
    stacks = run.stderr.split("the main thread:")
    assert len(stacks) == 2
    if code is DEAF:
        assert "lock.acquire()  # here" in stacks[1]
        assert stacks[0].count("150 thread(s):") == 1
