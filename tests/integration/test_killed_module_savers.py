"""A process that is killed while it saves a module leaves a whole file, and no litter after the next open."""

from __future__ import annotations

import random
import subprocess
import sys
import textwrap

import pytest

from dspex_actors.modules import EnhancedModule

ROUNDS = [
    pytest.param(range(3), id="3 kills"),
    pytest.param(range(50), id="50 kills", marks=pytest.mark.slow),
]
WRITER = textwrap.dedent("""
    import sys
    from types import SimpleNamespace
    from dspex_actors.modules import EnhancedModule
    from dspex_actors.serialization import Serializer
    serializer = Serializer(compression="none")
    for number in range(10**9):
        wrapped = SimpleNamespace(number=number, content=bytes([number % 256]) * 2**18)
        EnhancedModule(wrapped, module_id="m", module_type="t").save(sys.argv[1], serializer=serializer)
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()
""")


class Loaded:
    """What the writer's object is loaded into."""


@pytest.mark.parametrize("seeds", ROUNDS)
def test_a_killed_save_leaves_a_whole_file_and_no_litter_after_the_next_open(tmp_path, seeds):
    path = tmp_path / "module"
    for seed in seeds:
        acknowledged = _save_until_killed(path, random.Random(seed))  # noqa: S311 -- a repeatable sequence

        module = EnhancedModule(Loaded(), module_type="t")
        module.load(path)

        loaded = module.wrapped
        assert loaded.content == bytes([loaded.number % 256]) * 2**18
        assert loaded.number >= acknowledged
        assert [each.name for each in tmp_path.iterdir()] == ["module"]
        path.unlink()


def _save_until_killed(path, rng):
    """Return the number of the last save that the writer reported."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        for _ in range(rng.randint(1, 12)):
            writer.stdout.readline()
        for _ in range(rng.randint(0, 200_000)):  # somewhere in the next save
            pass
        writer.kill()
        reported = writer.stdout.read().split()
        writer.wait()
    return int(reported[-1]) if reported else 0
