"""A process that is killed while it saves loses nothing that was acknowledged, and leaves nothing by half.

Acknowledgements are what this process has read from the writer. A kill says nothing about a loss of power.
"""

from __future__ import annotations

import random

import pytest

from dspex_actors.state import Capability, States
from tests.integration.state._kinds import DURABLE
from tests.integration.state._programs import PRUNER, WRITER, program, start
from tests.integration.state._reports import LONG, report

FEW = ("sqlite full", "file_system", "redis", "postgres")
PRUNED = ("sqlite normal", *FEW[1:])
MOST = 10_000
LINES = 40  # after which a writer is killed at the latest
SPINS = 300_000  # some milliseconds: as long as a few saves take


def few(kinds):
    return [pytest.param(kind, 1, id=f"{kind}-few") for kind in kinds]


def many(kinds):
    return [pytest.param(kind, 50, id=f"{kind}-many", marks=LONG) for kind in kinds]


def said_by_a_killed_writer(text, rng, number):
    """Run a writer, kill it somewhere, and return what it had said until then, without the first word.

    Every fifth is killed as soon as it begins: while it makes the database.
    """
    with start(text) as writer:
        assert writer.stdout.readline() == "begins\n"
        said = [writer.stdout.readline() for _ in range(0 if number % 5 == 4 else rng.randint(1, LINES))]
        for _ in range(rng.randint(0, SPINS)):
            pass
        writer.kill()
        said += writer.stdout.readlines()
        writer.wait()
        writer.stdin.close()
    return [line.split() for line in said if line.endswith("\n")]


def revisions_of(states, name):
    return [version.revision for version in states.list_versions(name, limit=MOST)][::-1]


def missing_snapshots(states, said):
    there = {made.name for made in states.list_snapshots(limit=MOST)}
    return [what for word, what in said if word == "snapshot" and what not in there]


@pytest.mark.parametrize(("kind", "kills"), [*few(FEW), *many(DURABLE)], indirect=["kind"])
def test_a_killed_writer_loses_nothing_and_leaves_nothing_by_half(request, new_backend, kind, kills):
    rng = random.Random(f"{kind} {kills}")  # noqa: S311 -- repeatable
    acknowledged, lost, torn = 0, [], []
    for number in range(kills):
        backend = new_backend()
        assert Capability.DURABLE in backend.capabilities
        said = said_by_a_killed_writer(program(WRITER, backend), rng, number)
        acknowledged += len(said)
        with States.open(backend) as states:
            torn += states.verify().findings
            lost += missing_snapshots(states, said)
            for name in "abc":
                there = revisions_of(states, name)
                expected = [int(what) for word, what in said if word == name]
                lost += sorted(set(expected) - set(there))
                assert there == list(range(1, len(there) + 1))
                assert len(there) <= len(expected) + 1  # what was under way may be there
                for revision in there:
                    state = states.load(name, revision).state
                    whole = {"name": name, "number": revision, "filling": bytes([revision % 256]) * 2**15}
                    torn += [] if state == whole else [(name, revision)]
            assert states.save("a", "goes on").revision == len(revisions_of(states, "a"))

    assert (lost, torn) == ([], [])
    report(request, f"{kills} kills, {acknowledged} acknowledged, {len(lost)} lost, {len(torn)} torn")


@pytest.mark.parametrize(("kind", "kills"), [*few(FEW[:1]), *many(PRUNED)], indirect=["kind"])
def test_a_writer_that_is_killed_while_it_prunes_leaves_what_is_to_be_kept(request, new_backend, kind, kills):
    rng = random.Random(f"{kind} {kills}")  # noqa: S311 -- repeatable
    acknowledged, lost = 0, []
    for number in range(kills):
        backend = new_backend()
        said = said_by_a_killed_writer(program(PRUNER, backend), rng, number)
        acknowledged += len(said)
        newest = max((int(what) for word, what in said if word == "a"), default=0)
        with States.open(backend) as states:
            assert states.verify().findings == ()  # the versions that snapshots name are there too
            lost += missing_snapshots(states, said)
            there = revisions_of(states, "a")
            lost += sorted({each for each in range(newest - 2, newest + 1) if each > 0} - set(there))
            assert max(there, default=0) in {newest, newest + 1}
            for revision in there:
                assert states.load("a", revision).state["number"] == revision

    assert lost == []
    report(request, f"{kills} kills, {acknowledged} acknowledged, {len(lost)} lost")
