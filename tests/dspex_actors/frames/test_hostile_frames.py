"""Whatever frames a worker sends, the host gets a value or an error of the protocol, in little memory.

Half of the frames are an honest worker's with some damage, half are made from nothing. Each can be made again
from its seed and number:

    HOSTILE_SEED=7 make test-slow
    python -m tests.dspex_actors.frames._run --seed 7 --first 1234 --count 1
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from dspex_actors.values import decode
from tests._feeding import ROOM
from tests.dspex_actors.frames import _generate, _mutations, _run
from tests.dspex_actors.frames._items import render

ROOT = Path(__file__).parents[3]
SEED = int(os.environ.get("HOSTILE_SEED", "1"))
EACH = 100_000

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's figures are read from /proc")


def run(seed, count):
    """Run frames in a process of their own; return its report."""
    command = [sys.executable, "-m", _run.__name__, f"--seed={seed}", f"--count={count}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    return json.loads(done.stdout)


def check(report, count):
    again = f"python -m {_run.__name__} --seed {report['seed']} --first {report['number']} --count 1"
    assert report["fault"] is None, f"{again}\n{report['fault']}"
    assert report["number"] == count - 1
    assert report["peak_bytes"] <= ROOM, again
    assert count // 10 < report["values"] < count * 9 // 10


def test_hostile_frames_give_a_value_or_a_protocol_error_and_stay_within_memory():
    check(run(SEED, 20_000), 20_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(10))
def test_a_million_hostile_frames_give_a_value_or_a_protocol_error(number):
    check(run(1000 * SEED + number, EACH), EACH)


def test_a_frame_is_made_again_from_its_seed_and_number():
    def make(number):
        rng = random.Random(f"5/{number}")  # noqa: S311 -- a repeatable sequence is the point
        parts = _generate.generated(rng)
        return _mutations.stream_of(rng, _mutations.payload_of(rng, parts, damaged=True), damaged=True)

    first = [make(number) for number in range(50)]

    assert [make(number) for number in range(50)] == first
    assert len(set(first)) > 45


@pytest.mark.parametrize("number", range(len(_run.HONEST)))
def test_what_is_damaged_is_an_honest_frame_before(number):
    parts = _run.honest_parts()[number]

    value = decode(render(parts.structure), parts.buffers)

    assert repr(value) == repr(_run.HONEST[number])


FAULTS = {
    "an error that is not the protocol's": ("lambda body: body.nothing", "AttributeError"),
    "memory without measure": ("lambda _: len(__import__('mmap').mmap(-1, 2**27))", "Cannot allocate memory"),
    "a compilation": ("lambda _: len(str(compile('1', 'x', 'eval')))", "forbidden"),
}


@pytest.mark.parametrize(("fault", "name"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_decoder_is_reported_with_the_frame_that_shows_it(fault, name):
    script = (
        f"from dspex_actors.values import _decode\nimport {_run.__name__} as run\n"
        f"_decode.count_openers = {fault}\nrun.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "--seed=3", "--count=100"], cwd=ROOT, capture_output=True, check=True
    )
    report = json.loads(done.stdout)

    assert name in report["fault"]
    with pytest.raises(AssertionError, match=f"--seed 3 --first {report['number']} --count 1"):
        check(report, 100)
