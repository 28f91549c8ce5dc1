"""Which cells of the corpus a test run takes, and the hosts they share.

Without `-m ""` a run takes some cells of every configuration, drawn with the seed of the run; the others are
marked `slow`.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.corpus._attacked import Hosts

# Of three, and of up to 81: all of them take minutes.
PROFILES_OF_A_CONFIGURATION, CELLS_OF_A_PROFILE = 2, 3


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Mark slow what the seed does not choose: some profiles of each configuration, some cells of these."""
    groups = defaultdict(lambda: defaultdict(list))
    for item in sorted(items, key=lambda item: item.nodeid):
        params = getattr(getattr(item, "callspec", None), "params", {})
        if "cell" in params:
            groups[params["cell"].configuration][params["cell"].profile].append(item)
        elif {"name", "profile"} <= params.keys() and item.path.parent.name == "corpus":
            groups[params["name"]][params["profile"]].insert(0, item)
    seed = config.getoption("randomly_seed", 0)
    draw = random.Random(seed)  # noqa: S311 -- a choice that can be repeated
    for profiles in groups.values():
        chosen = set()
        drawn = draw.sample(sorted(profiles), min(PROFILES_OF_A_CONFIGURATION, len(profiles)))
        for of_layers, *cells in (profiles[name] for name in drawn):
            chosen |= {of_layers, *draw.sample(cells, min(CELLS_OF_A_PROFILE, len(cells)))}
        for item in {item for group in profiles.values() for item in group} - chosen:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def hosts(subreaper):  # noqa: ARG001 -- orphans of a host become our children
    hosts = Hosts()
    yield hosts
    assert hosts.close() == []
