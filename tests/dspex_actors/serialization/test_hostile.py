"""Whatever is read, it becomes a value or an error of the package, in little memory and running nothing.

Each input can be made again from its seed and number:

    HOSTILE_SEED=7 make test-slow
    python -m tests.dspex_actors.serialization._hostile_run --seed 7 --first 1234 --count 1
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests._feeding import ROOM
from tests.dspex_actors.serialization import _hostile, _hostile_run

ROOT = Path(__file__).parents[3]
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
EACH = 100_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's figures are read from /proc")


def run(seed, count, before=""):
    """Read inputs in a process of their own; return its report."""
    script = f"import {_hostile_run.__name__} as run\n{before}\nrun.main()"
    command = [sys.executable, "-c", script, f"--seed={seed}", f"--count={count}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    return json.loads(done.stdout)


def check(report, count):
    again = f"python -m {_hostile_run.__name__} --seed {report['seed']} --first {report['number']} --count 1"
    assert report["fault"] is None, f"{again}\n{report['fault']}"
    assert report["number"] == count - 1
    assert report["peak_bytes"] <= ROOM, again
    assert count // 10 < report["values"] < count * 9 // 10


def test_hostile_data_gives_a_value_or_an_error_of_the_package_and_stays_within_memory():
    check(run(SEED, 20_000), 20_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(10))
def test_a_million_pieces_of_hostile_data_give_a_value_or_an_error_of_the_package(number):
    check(run(1000 * SEED + number, EACH), EACH)


def test_an_input_is_made_again_from_its_seed_and_number():
    def make(number):
        rng = _hostile.rng_of(5, number)
        return _hostile.envelope_of(rng), _hostile.bare_of(rng)

    first = [make(number) for number in range(30)]

    assert [make(number) for number in range(30)] == first
    assert len(set(first)) > 25


FAULTS = {
    "an error that is not the package's": ("lambda *_: {}['x']", "KeyError"),
    "memory without measure": ("lambda *_: __import__('mmap').mmap(-1, 2**27)", "Cannot allocate memory"),
    "a compilation": ("lambda *_: compile('1', 'x', 'eval')", "forbidden"),
}


@pytest.mark.parametrize(("fault", "name"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_reader_is_reported_with_the_input_that_shows_it(fault, name):
    report = run(3, 100, f"run.decode = {fault}")

    assert name in report["fault"]
    with pytest.raises(AssertionError, match=f"--seed 3 --first {report['number']} --count 1"):
        check(report, 100)
