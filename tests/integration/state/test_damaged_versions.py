"""Whatever is damaged in a database of any kind is found and named, and the version before still loads.

Damage is done to what the database holds, past the backend. It is cut at every length, so within every
header: the columns and `about` of a version, the front of a file, the header of the envelope around a body.
"""

from __future__ import annotations

import random

import pytest

from dspex_actors.state import DamagedSnapshotError, DamagedVersionError, States
from tests.integration.state._damage import ID, SNAPSHOT, stored_in
from tests.integration.state._kinds import EACH
from tests.integration.state._reports import LONG, report

GOOD, BAD = 1, 2
STATES = {number: {"step": number, "values": list(range(20))} for number in (GOOD, BAD)}

few_or_all = pytest.mark.parametrize(
    ("flips", "step"), [(6, 29), pytest.param(64, 1, marks=LONG)], ids=["few", "all"]
)


@pytest.fixture
def states(backend):
    with States.open(backend) as opened:
        for number in (GOOD, BAD):
            opened.save(ID, STATES[number], metadata={"number": number})
        opened.create_snapshot(SNAPSHOT)
        yield opened


def damages(whole, flips, step, rng):
    """Return what has one bit turned, and what is cut off, as (what was done, the bytes)."""
    for _ in range(flips):
        place = rng.randrange(len(whole) * 8)
        turned = bytearray(whole)
        turned[place // 8] ^= 1 << place % 8
        yield f"bit {place}", bytes(turned)
    for length in range(0, len(whole), step):
        yield f"{length} bytes left", whole[:length]


def is_found(states):
    """Return whether the newest version is refused and named, and the one before it loads."""
    with pytest.raises(DamagedVersionError) as caught:
        states.load(ID)
    named = {(finding.id, finding.revision) for finding in states.verify().findings}
    fallen_back = states.load(ID, fall_back=True)
    return (
        (caught.value.id, caught.value.revision) == (ID, BAD)
        and named == {(ID, BAD)}
        and states.load(ID, GOOD).state == STATES[GOOD]
        and (fallen_back.state, fallen_back.damaged) == (STATES[GOOD], (BAD,))
    )


@few_or_all
@pytest.mark.parametrize("kind", EACH, indirect=True)
def test_a_version_with_a_turned_bit_or_a_cut_is_found_and_named(request, kind, backend, states, flips, step):
    rng = random.Random(f"{kind} {flips}")  # noqa: S311 -- repeatable
    done = 0
    with stored_in(backend, BAD) as stored:
        for part in stored.parts:
            if part == "snapshot":
                continue
            whole = stored.read(part)
            for what, damaged in damages(whole, flips, step, rng):
                stored.replace(part, damaged)
                assert is_found(states), (part, what)
                done += 1
            stored.replace(part, whole)
    assert states.load(ID).state == STATES[BAD]
    assert states.verify().sound
    report(request, f"{done} damages, all found and named; the version before loaded each time")


@few_or_all
@pytest.mark.parametrize("kind", EACH, indirect=True)
def test_a_snapshot_with_a_turned_bit_or_a_cut_is_found_and_named(
    request, kind, backend, states, flips, step
):
    rng = random.Random(f"{kind} {flips}")  # noqa: S311 -- repeatable
    done = 0
    with stored_in(backend, BAD) as stored:
        whole = stored.read("snapshot")
        for what, damaged in damages(whole, flips, step, rng):
            stored.replace("snapshot", damaged)
            with pytest.raises(DamagedSnapshotError):
                states.get_snapshot(SNAPSHOT)
            named = {finding.snapshot for finding in states.verify().findings}
            assert named - {None} == {SNAPSHOT}, what  # the backend itself may have found it too
            done += 1
        stored.replace("snapshot", whole)
    assert states.get_snapshot(SNAPSHOT).items == {ID: BAD}
    assert states.verify().sound
    report(request, f"{done} damages, all found and named")
