"""Every hostile program of the corpus, as a call of a session: the variables from before it are kept."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from dspex_actors import ExecutionResult, Policy
from tests.corpus._checks import LIMITS
from tests.corpus._entries import load_entries
from tests.corpus._matrix import load_matrix
from tests.integration._tools import runtime_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.may_leak("the module's runtimes keep spares"),
]

ENTRIES = load_entries()
BREAKS_ITS_WORKER = {"imp09"}  # it replaces `os.fork` there; the worker dies of that in the next call
PROFILES = ("process", "strict")  # the sessions of `shell` cannot be copied, and say so
CALLS = [
    (entry.id, profile) for entry in ENTRIES.values() for profile in PROFILES if profile in entry.profiles
]
EACH = [
    pytest.param(*call, marks=() if number % 4 == 0 or call[0] in BREAKS_ITS_WORKER else pytest.mark.slow)
    for number, call in enumerate(CALLS)
]


@pytest.fixture(scope="module")
def runtimes(clean_module):  # noqa: ARG001 -- set up before
    """One runtime for each profile."""
    limits = replace(LIMITS, time_s=0.5)
    found = {name: runtime_of(policy=Policy(profile=name), limits=limits) for name in PROFILES}
    yield found
    for runtime in found.values():
        assert runtime.stop().clean


def test_every_program_that_must_not_cost_the_state_is_among_the_calls_here_in_both_profiles():
    must = {entry.id for entry in ENTRIES.values() if "state_kept" in entry.must}
    called = {profile: {name for name, where in CALLS if where == profile} for profile in PROFILES}

    assert must
    assert must <= called["process"]
    assert {name for name in must if "strict" in ENTRIES[name].profiles} <= called["strict"]
    assert set(load_matrix().later) == {"state_kept"}  # the matrix leaves to this file what it does not judge


@pytest.mark.parametrize(("name", "profile"), EACH)
def test_a_hostile_call_leaves_the_variables_of_the_calls_before_it(runtimes, tmp_path, name, profile):
    facts = {
        "HOSTPID": os.getpid(),
        "HOSTPORT": 9,
        "SECRETFILE": tmp_path / "secret",
        "SCRATCH": tmp_path,
        "TOKEN": "none",
    }
    with runtimes[profile].session() as session:
        session.execute("kept_state = [42]")
        result = session.execute(ENTRIES[name].program(facts))
        following = session.execute("kept_state.append(43)\nkept_state")
        if name in BREAKS_ITS_WORKER:
            assert following.session.fate == "rolled_back"
            following = session.execute("kept_state.append(43)\nkept_state")

        assert isinstance(result, ExecutionResult)
        assert following.value == [42, 43]
        assert session["kept_state"] == [42, 43]
