"""A process that is killed while it saves loses nothing that was acknowledged, and leaves nothing by half.

Acknowledgements are what this process has read from the writer. A kill says nothing about a loss of power.
"""

from __future__ import annotations

import random

import pytest

from dspex_actors.state import States
from tests.integration.state._programs import PRUNER, WRITER, backend, program, start

KINDS = ("sqlite normal", "sqlite full", "file_system", "file_system unflushed")
FEW = [(kind, seed) for kind in KINDS for seed in range(2)]
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 50))]
MANY = [pytest.param(kind, seed, marks=pytest.mark.slow) for kind in KINDS for seed in range(2, 50)]


def acknowledged_by_a_killed_writer(kind, path, rng, body=WRITER):
    """Run a writer, kill it somewhere, and return what it had said until then."""
    with start(program(body, kind), path) as writer:
        said = [writer.stdout.readline() for _ in range(rng.randint(1, 40))]
        for _ in range(rng.randint(0, 300_000)):  # somewhere in the next save
            pass
        writer.kill()
        said += writer.stdout.readlines()
        writer.wait()
        writer.stdin.close()
    return [line.split() for line in said if line.endswith("\n")]


@pytest.mark.parametrize(("kind", "seed"), [*FEW, *MANY])
def test_a_killed_writer_loses_nothing_and_leaves_nothing_by_half(tmp_path, kind, seed):
    rng = random.Random(seed)  # noqa: S311 -- repeatable
    said = acknowledged_by_a_killed_writer(kind, tmp_path / "states", rng)

    with States.open(backend(kind, tmp_path / "states")) as states:
        verification = states.verify()
        assert verification.findings == ()
        snapshots = {made.name for made in states.list_snapshots()}
        lost = [each for each in said if each[0] == "snapshot" and each[1] not in snapshots]
        for name in "abc":
            revisions = [version.revision for version in states.list_versions(name, limit=10_000)]
            assert revisions == list(range(len(revisions), 0, -1))
            acknowledged = [int(each[1]) for each in said if each[0] == name]
            lost += [(name, revision) for revision in acknowledged if revision not in revisions]
            assert len(revisions) <= len(acknowledged) + 2  # what was under way may be there
            for revision in revisions:
                state = states.load(name, revision).state
                assert (state["name"], state["number"]) == (name, revision)
                assert set(state["filling"]) == {revision % 256}
        assert lost == []
        assert states.save("a", "goes on").revision == len(states.list_versions("a", limit=10_000))


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 50))]
)
@pytest.mark.parametrize("kind", ["sqlite normal", "file_system"])
def test_a_writer_that_is_killed_while_it_prunes_leaves_what_is_to_be_kept(tmp_path, kind, seed):
    rng = random.Random(seed)  # noqa: S311 -- repeatable
    said = acknowledged_by_a_killed_writer(kind, tmp_path / "states", rng, PRUNER)
    newest = int(said[-1][1]) if said else 0

    with States.open(backend(kind, tmp_path / "states")) as states:
        assert states.verify().findings == ()  # the versions that snapshots name are there too
        revisions = [version.revision for version in states.list_versions("a", limit=10_000)]
        assert {each for each in range(newest - 2, newest + 1) if each > 0} <= set(revisions)
        assert max(revisions, default=0) in {newest, newest + 1}
        assert {made.items["a"] for made in states.list_snapshots()} <= set(revisions)
        for revision in revisions:
            assert states.load("a", revision).state["number"] == revision
