"""What a run of the corpus has found out: gathered from all processes that run tests, and shown at the end.

A plugin, since the process that only hands out the tests of a run loads no conftest of a folder.
"""

from __future__ import annotations

from collections import defaultdict

import pytest


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

    def plain(self):
        """Return all of it as plain data."""
        return {name: dict(found) if isinstance(found, dict) else found for name, found in vars(self).items()}

    def add(self, plain):
        """Add what another process has found out, as plain data."""
        self.run += plain.get("run", 0)
        for where, cells in plain.get("better", {}).items():
            self.better[where] += cells
        self.lacking |= plain.get("lacking", {})
        self.refused |= plain.get("refused", {})


FINDINGS = pytest.StashKey[Findings]()


def pytest_configure(config):
    config.stash[FINDINGS] = Findings()


@pytest.fixture
def findings(request):
    return request.config.stash[FINDINGS]


def pytest_sessionfinish(session):
    """Hand what was found out to the process that reports on several."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["corpus"] = session.config.stash[FINDINGS].plain()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take what one of several processes has found out; one that was killed tells nothing."""
    node.config.stash[FINDINGS].add(getattr(node, "workeroutput", {}).get("corpus", {}))


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
