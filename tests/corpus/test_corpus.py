"""Every hostile program of the corpus gets no further than the matrix expects, in each configuration.

`make corpus` runs all cells; a plain test run takes those that its seed chooses.
"""

from __future__ import annotations

import os

import pytest

from dspex_actors._policy import LAYERS
from tests._nobody import NOBODY
from tests.corpus._attacked import NotHereError
from tests.corpus._matrix import load_matrix

MATRIX = load_matrix()
USERS = {"any": os.getuid(), "root": 0, "nobody": os.getuid() or NOBODY}

pytestmark = [
    pytest.mark.integration,
    pytest.mark.may_leak("the hosts of a module are shared; their end is checked when all are closed"),
]


@pytest.fixture
def host_of(hosts, findings):
    """Return a function that gives the host of a configuration and profile; skips where it cannot be had."""

    def find(name, profile):
        try:
            host = hosts.get(name, MATRIX.configurations[name], profile)
        except NotHereError as error:
            findings.lacking[name] = str(error)
            pytest.skip(str(error))
        if host.refusal:
            findings.refused[f"{name}, {profile}"] = host.refusal
        return host

    return find


@pytest.mark.parametrize("cell", MATRIX.cells(), ids=str)
def test_a_hostile_program_gets_no_further_than_the_matrix_expects(cell, hosts, host_of, findings):
    host = host_of(cell.configuration, cell.profile)
    if host.refusal:
        assert host.refusal == MATRIX.may_refuse(cell.configuration, cell.profile)
        return
    wrong = host.attack(cell.entry)
    if wrong is None:
        left = hosts.drop(cell.configuration, cell.profile)
        silence = f"the host died of it or fell silent, and left {left or 'nothing'}"
        wrong = dict.fromkeys(MATRIX.checks_of(cell), silence)
    findings.run += 1
    verdict = MATRIX.judge(cell, wrong, host.machine)
    for check, rule in verdict.better.items():
        findings.better[f"{rule.id}, {check}"].append(str(cell))
    assert not verdict.worse, "\n".join(verdict.worse)


@pytest.mark.parametrize(("name", "profile"), MATRIX.grounds())
def test_a_configuration_has_the_user_and_exactly_the_layers_that_it_stands_for(host_of, name, profile):
    host, configuration = host_of(name, profile), MATRIX.configurations[name]
    lacking = set(LAYERS) - host.machine.active - {"cgroup"}

    assert host.uid == USERS[configuration.user]
    if host.refusal:
        assert host.refusal == MATRIX.may_refuse(name, profile)
        assert "pid_namespace" in configuration.lacking(is_root=host.machine.is_root)
    else:
        assert lacking == configuration.lacking(is_root=host.machine.is_root)
