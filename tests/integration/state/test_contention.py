"""Many who save to the same ids: no update is lost, the chains are linear, and nobody is turned away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dspex_actors.state import Capability, States
from tests.integration.state._counting import IDS, count_up
from tests.integration.state._kinds import EACH
from tests.integration.state._programs import COUNTER, program, start
from tests.integration.state._reports import LONG, report


def count_in_processes(backend, writers, each):
    """Return how often each of several processes was too late; this one is among them."""
    counters = [start(program(COUNTER, backend), each) for _ in range(writers - 1)]
    assert [counter.stdout.readline() for counter in counters] == ["ready\n"] * len(counters)
    for counter in counters:
        counter.stdin.write("go\n")
        counter.stdin.flush()
    with States.open(backend) as states:
        mine = count_up(states, each)
    said = [counter.communicate()[0] for counter in counters]
    assert [counter.returncode for counter in counters] == [0] * len(counters)
    return [mine, *map(int, said)]


def count_in_threads(backend, writers, each):
    """Do the same with a store for each thread: what is in memory has no other process."""

    def count(_):
        with States.open(backend) as states:
            return count_up(states, each)

    with ThreadPoolExecutor(writers) as threads:
        return list(threads.map(count, range(writers)))


@pytest.mark.parametrize(
    ("writers", "each"), [(2, 24), pytest.param(8, 500, marks=LONG)], ids=["few", "many"]
)
@pytest.mark.parametrize("kind", EACH, indirect=True)
def test_those_who_count_together_lose_no_count(request, backend, writers, each):
    with States.open(backend) as states:
        for name in IDS:
            states.save(name, 0)
    count = count_in_processes if Capability.SHARED in backend.capabilities else count_in_threads
    conflicts = count(backend, writers, each)

    total = writers * each // len(IDS)
    with States.open(backend) as states:
        for name in IDS:
            revisions = [version.revision for version in states.list_versions(name, limit=10_000)]
            assert revisions == list(range(total + 1, 0, -1))
            counts = [states.load(name, revision).state for revision in reversed(revisions)]
            assert counts == list(range(total + 1))
        assert states.verify().sound
    report(request, f"{writers} x {each} saves, {sum(conflicts)} conflicts, no update lost")
