"""The command as its users run it: a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-W", "error", "-m", "dspex_actors"]


@pytest.fixture
def run_command():
    """Return a function that runs the command to its end and returns what `subprocess.run` does, in bytes."""

    def run(*arguments, stdin=b"", **options):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        return subprocess.run(
            [*COMMAND, *arguments], input=stdin, cwd=ROOT, timeout=60, check=False, **streams
        )

    return run


@pytest.fixture
def started_command():
    """Return a function that starts the command and returns its process, which the test's end stops."""
    processes = []

    def start(*arguments, **options):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
        process = subprocess.Popen([*COMMAND, *arguments], cwd=ROOT, **streams)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.terminate()  # not killed: it is to clean up after itself
        process.communicate()
