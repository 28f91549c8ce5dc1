"""A store against a plain dict: whatever is done in whatever order, both say the same."""

from __future__ import annotations

import pytest

from tests.dspex_actors.state._states_machine import run_histories
from tests.integration.state._kinds import EACH, SERVERS
from tests.integration.state._reports import LONG

HISTORIES = {"few": (8, 3, 20), "many": (200, 60, 50)}  # without and with a server, and their steps


@pytest.mark.parametrize("kind", EACH, indirect=True)
@pytest.mark.parametrize("how_many", ["few", pytest.param("many", marks=LONG)])
def test_a_store_and_a_plain_dict_say_the_same_after_any_history(kind, new_backend, how_many):
    alone, on_server, steps = HISTORIES[how_many]
    run_histories(new_backend, on_server if kind in SERVERS else alone, steps)
