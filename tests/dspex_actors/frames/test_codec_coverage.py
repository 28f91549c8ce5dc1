"""The fuzz and the unit tests together run nearly every line of the codec."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dspex_actors.frames import _run

ROOT = Path(__file__).parents[3]
CODEC = "dspex_actors/values/*,dspex_actors/workers/_framing.py,dspex_actors/workers/_protocol.py"
UNIT_TESTS = [
    "tests/dspex_actors/values",
    "tests/dspex_actors/workers/test_framing.py",
    "tests/dspex_actors/workers/test_protocol.py",
]
LEAST_PERCENT = 95.0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_at_least_95_percent_of_the_lines_of_the_codec_are_run(tmp_path):
    environment = {**os.environ, "COVERAGE_FILE": str(tmp_path / "data")}
    runs = [[_run.__name__, "--count=20000"], ["pytest", "-q", "-p", "no:cacheprovider", *UNIT_TESTS]]

    def coverage(*arguments):
        command = [sys.executable, "-m", "coverage", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    for arguments in runs:
        coverage("run", f"--rcfile={os.devnull}", "--append", f"--include={CODEC}", "-m", *arguments)
    coverage("json", f"--rcfile={os.devnull}", "-o", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))

    missing = {name: file["missing_lines"] for name, file in report["files"].items() if file["missing_lines"]}
    assert report["totals"]["num_statements"] > 900
    assert report["totals"]["percent_covered"] >= LEAST_PERCENT, missing
    least = min(report["files"].items(), key=lambda entry: entry[1]["summary"]["percent_covered"])
    assert least[1]["summary"]["percent_covered"] >= LEAST_PERCENT - 5, (least[0], missing)
