"""Which cells of the corpus a test run takes, the hosts they share, and what the run found out.

Without `-m ""` a run takes some cells of every configuration, drawn with the seed of the run; the others are
marked `slow`.
"""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from tests.corpus._attacked import Hosts

CELLS_OF_A_CONFIGURATION = 14  # of about a hundred; all of them take some 20 s


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
    """Mark as slow what the seed does not choose."""
    cells = [item for item in items if "cell" in getattr(getattr(item, "callspec", None), "params", {})]
    groups = defaultdict(list)
    for item in sorted(cells, key=lambda item: item.nodeid):
        groups[item.callspec.params["cell"].configuration].append(item)
    draw = random.Random(config.getoption("randomly_seed", 0))  # noqa: S311 -- a choice that can be repeated
    for group in groups.values():
        chosen = draw.sample(group, min(CELLS_OF_A_CONFIGURATION, len(group)))
        for item in set(group) - set(chosen):
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
