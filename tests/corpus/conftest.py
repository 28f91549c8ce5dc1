"""Which cells of the corpus a test run takes, the hosts they share, and what the run found out.

Without `-m ""` a run takes some cells of every configuration, drawn with the seed of the run; the others are
marked `slow`.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.corpus._attacked import Hosts

# Of three, and of up to 78: all of them take minutes.
PROFILES_OF_A_CONFIGURATION, CELLS_OF_A_PROFILE = 2, 3


class Findings:
    """What a run has found out.

    Attributes:
        run: number of cells that were run.
        better: cells better than expected, by rule and check.
        lacking: why a configuration could not be had, by name.
        refused: the layer for want of which a profile starts nothing, by configuration and profile.
    """

    def __init__(self):
        self.run = 0
        self.better = defaultdict(list)
        self.lacking = {}
        self.refused = {}


FINDINGS = pytest.StashKey[Findings]()


def pytest_configure(config):
    config.stash[FINDINGS] = Findings()


@pytest.fixture
def findings(request):
    return request.config.stash[FINDINGS]


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


def pytest_terminal_summary(terminalreporter, config):
    """Count the cells; name those better than expected, and what could not be had or starts nothing."""
    findings = config.stash[FINDINGS]
    for title, lines in (
        (
            "held although a leak was expected: tests/corpus/matrix.toml may be tightened",
            [f"{where}: {', '.join(cells)}" for where, cells in sorted(findings.better.items())],
        ),
        (
            "configurations of the corpus that were not run",
            [f"{name}: {why}" for name, why in findings.lacking.items()],
        ),
        (
            "starts nothing there, so that there is nothing to attack",
            [f"{where}: no layer {layer}" for where, layer in sorted(findings.refused.items())],
        ),
        ("cells of the corpus", [f"{findings.run} were attacked"] if findings.run else []),
    ):
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.line(line)
