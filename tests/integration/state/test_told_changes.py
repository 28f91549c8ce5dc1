"""Stores on servers are told of what other stores save there."""

from __future__ import annotations

import queue

import pytest

from dspex_actors.state import States
from tests.integration.state._kinds import SERVERS
from tests.integration.state._processes import CEILING_S


@pytest.mark.parametrize("kind", SERVERS, indirect=True)
def test_what_another_store_saves_is_told_to_who_watches(backend):
    changes = queue.Queue()
    with States.open(backend) as states, States.open(backend) as other:
        states.watch(changes.put, "a")
        other.save("b", 1)
        other.save("a", 1)
        change = changes.get(timeout=CEILING_S)
        assert (change.id, change.revision) == ("a", 1)
