"""Every hostile program of the corpus, as a call of a session: the variables from before it are kept."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from dspex_actors import ExecutionResult, Policy
from tests.corpus._checks import LIMITS
from tests.corpus._entries import load_entries
from tests.integration._tools import runtime_of

pytestmark = [
    pytest.mark.integration,
    pytest.mark.may_leak("the module's runtimes keep spares"),
]

ENTRIES = load_entries()
BREAKS_ITS_WORKER = {"imp09"}  # it replaces `os.fork` there; the worker dies of that in the next call
CALLS = [(entry.id, profile) for entry in ENTRIES.values() for profile in entry.profiles]


@pytest.fixture(scope="module")
def runtimes(clean_module):  # noqa: ARG001 -- set up before
    """One runtime for each profile."""
    limits = replace(LIMITS, time_s=0.5)
    found = {name: runtime_of(policy=Policy(profile=name), limits=limits) for name in ("process", "strict")}
    yield found
    for runtime in found.values():
        assert runtime.stop().clean


@pytest.mark.parametrize(("name", "profile"), CALLS)
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
