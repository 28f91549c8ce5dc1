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
            return hosts.get(name, MATRIX.configurations[name], profile)
        except NotHereError as error:
            findings.lacking[name] = str(error)
            pytest.skip(str(error))

    return find


@pytest.mark.parametrize("cell", MATRIX.cells(), ids=str)
def test_a_hostile_program_gets_no_further_than_the_matrix_expects(cell, hosts, host_of, findings):
    wrong = host_of(cell.configuration, cell.profile).attack(cell.entry)
    if wrong is None:
        left = hosts.drop(cell.configuration, cell.profile)
        silence = f"the host died of it or fell silent, and left {left or 'nothing'}"
        wrong = dict.fromkeys(MATRIX.checks_of(cell), silence)
    leaks = {check: wrong[check] for check in MATRIX.checks_of(cell) if wrong[check]}
    may = MATRIX.may_fail(cell)
    for check in may.keys() - leaks.keys():
        findings.better[f"{may[check].id}, {check}"].append(str(cell))
    entry, title = MATRIX.entries[cell.entry], MATRIX.configurations[cell.configuration].title
    worse = [
        f"{cell.entry} ({entry.kind}) in profile {cell.profile}, {title}: "
        f"expected that {MATRIX.meanings[check]}; seen: {what}"
        for check, what in leaks.items()
        if check not in may
    ]
    assert not worse, "\n".join(worse)


@pytest.mark.parametrize("profile", MATRIX.profiles)
@pytest.mark.parametrize("name", MATRIX.configurations)
def test_a_configuration_has_the_layers_and_the_user_that_it_stands_for(host_of, name, profile):
    host, configuration = host_of(name, profile), MATRIX.configurations[name]
    active = {layer for layer, is_active in host.layers.items() if is_active}

    assert host.uid == USERS[configuration.user]
    assert not (active & set(configuration.disabled))
    assert not configuration.absent or not [layer for layer in active if configuration.absent in layer]
    if not configuration.disabled:
        assert active == set(LAYERS) - {"cgroup"}  # which only guests that start processes have
