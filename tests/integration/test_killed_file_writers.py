"""A process that is killed while it writes leaves a whole file: the last it reported, or the one after."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap

import pytest

from dspex_actors.serialization import Serializer, sweep

KILLS = 12
WRITER = textwrap.dedent("""
    import sys
    from dspex_actors.serialization import Serializer
    serializer = Serializer(compression="none")
    for number in range(10**9):
        serializer.save(sys.argv[1], {"number": number, "content": bytes([number % 256]) * 2**18})
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
""")


@pytest.mark.parametrize("seed", range(KILLS))
def test_a_killed_writer_leaves_its_last_file_whole(tmp_path, seed):
    path = tmp_path / "state"
    rng = random.Random(seed)  # noqa: S311 -- a repeatable sequence is the point
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        for _ in range(rng.randint(1, 12)):
            writer.stdout.readline()
        for _ in range(rng.randint(0, 200_000)):  # somewhere in the next write
            pass
        writer.kill()
        reported = writer.stdout.read().split()
        writer.wait()

    state = Serializer().load(path).value
    acknowledged = int(reported[-1]) if reported else 0

    assert state["content"] == bytes([state["number"] % 256]) * 2**18
    assert state["number"] >= acknowledged
    assert len(sweep(tmp_path)) <= 1
    assert [each.name for each in tmp_path.iterdir()] == ["state"]
