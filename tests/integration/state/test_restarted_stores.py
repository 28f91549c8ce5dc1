"""A tree whose store is killed and restarted loses nothing that was acknowledged, on any backend."""

from __future__ import annotations

import random
from collections import deque

import pytest

from dspex_actors.state import States, StateStore, StorageClosedError, StorageUnavailableError, StoreConfig
from supervisors import Supervisor
from supervisors.testing import wait_restarted
from tests.integration.state._kinds import EACH
from tests.integration.state._processes import CEILING_S
from tests.integration.state._reports import LONG, report

AT_ONCE = 8  # saves that are under way
MOST = 10_000


def save_until_it_is_killed(states, number, acknowledgements):
    """Keep saves under way, kill the store after so many acknowledgements; return the states of each end.

    Returns:
        The revisions that were acknowledged, with what was saved as each, and the next number to save.
    """
    pending, acknowledged = deque(), {}
    old = states.address.pid
    while True:
        while len(pending) < AT_ONCE:
            pending.append((number, states.submit_save("a", {"number": number})))
            number += 1
        if len(acknowledged) == acknowledgements:
            break
        saved, future = pending.popleft()
        acknowledged[future.result(CEILING_S).revision] = saved
    old.kill()
    for saved, future in pending:
        try:
            acknowledged[future.result(CEILING_S).revision] = saved
        except (StorageClosedError, StorageUnavailableError) as error:
            assert error.written is not True  # noqa: PT017 -- either is right, and it is known which
    wait_restarted(states.address, old)
    return acknowledged, number


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=LONG)])
@pytest.mark.parametrize("kind", EACH, indirect=True)
def test_a_store_that_is_killed_and_restarted_has_all_that_it_acknowledged(request, kind, backend, kills):
    rng = random.Random(f"{kind} {kills}")  # noqa: S311 -- repeatable
    spec = StateStore.child_spec(backend, StoreConfig(versioning="incremental"), id="states")
    acknowledged, number = {}, 0
    with Supervisor.start([spec], strategy="one_for_one", intensity=kills, period=3600) as tree:
        states = States(tree.child("states"))
        for _ in range(kills):
            more, number = save_until_it_is_killed(states, number, rng.randint(0, 20))
            assert not acknowledged.keys() & more.keys()
            acknowledged |= more
        # From here on nothing of a killed store can still come: its place would be before this one.
        acknowledged[states.save("a", {"number": number}).revision] = number
        there = [version.revision for version in states.list_versions("a", limit=MOST)][::-1]
        kept = {revision: states.load("a", revision).state["number"] for revision in there}

        assert there == list(range(1, len(there) + 1))
        assert acknowledged.items() <= kept.items()
        assert list(kept.values()) == sorted(set(kept.values()))  # in the order they were sent, none twice
        assert states.verify().sound
    report(request, f"{kills} kills, {len(acknowledged)} acknowledged, 0 lost")
