"""Every example runs and prints what it says it prints.

An example names its last line of output in a comment, `# expect: 3 restarts`; three dots stand for any text.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
LONG = {"humaneval.py"}  # the demonstration: it has a table to print
MAX_LINES = 60
RUN_SECONDS = 100

each_example = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)


def expected_of(example: Path) -> str:
    found = re.findall(r"^# expect: (.+)$", example.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(found) == 1, f"{example.name} needs one comment `# expect: <its last line of output>`"
    return found[0]


def test_there_are_examples_and_the_demonstration_is_one_of_them():
    assert {path.name for path in EXAMPLES} >= LONG


@each_example
def test_an_example_is_short_enough_to_be_read_at_once(example):
    assert len(example.read_text(encoding="utf-8").splitlines()) < MAX_LINES or example.name in LONG


@pytest.mark.integration
@each_example
def test_an_example_ends_well_and_its_last_line_is_the_expected_one(example):
    expected = ".*".join(map(re.escape, expected_of(example).split("...")))
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(expected, done.stdout.rstrip("\n").rpartition("\n")[2]), done.stdout
