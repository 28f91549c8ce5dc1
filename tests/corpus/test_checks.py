"""The checks find what they are for: on made-up observations, and on guests that nothing holds."""

from __future__ import annotations

import pytest

from dspex_actors import KIB, MIB, Completed, Failed, LimitExceeded, WorkerDied
from dspex_actors._execution import GuestFailure
from tests.corpus._checks import CHECKS, LIMITS, MEMORY_SLACK, SCRATCH_BYTES, TASKS_SLACK, Seen
from tests.corpus._entries import load_entries
from tests.corpus._matrix import Configuration, load_matrix

ENTRIES = load_entries()
CANARY = "c0ffee"
TIME = LimitExceeded(limit="time", allowed=1.0)
DIED = WorkerDied(signal=9)


def failed(kind, message="refused"):
    return Failed(error=GuestFailure(kind, message))


def seen(entry, **facts):
    facts = {"result": DIED, "following": Completed(value=42), "expected_next": 42, **facts}
    return Seen(entry=ENTRIES[entry], canary=CANARY, **facts)


WRONG = [
    ("no_canary", seen("fil03", result=Completed(value=["x", {"k": CANARY.encode()}]))),
    ("no_canary", seen("fil03", result=Completed(stdout=f"it is {CANARY}"))),
    ("no_canary", seen("fil03", result=Completed(stderr=CANARY))),
    ("no_canary", seen("fil03", result=failed("KeyError", CANARY))),
    ("no_canary", seen("fil03", result=WorkerDied(detail=CANARY))),
    ("no_canary", seen("fil03", following=Completed(value=CANARY))),
    ("no_canary", seen("fil03", result=None, raised=f"ProtocolError: {CANARY}")),
    ("refused", seen("fil01", result=Completed(value="root:x:0"))),
    ("refused", seen("ptr01", result=failed("AssertionError"))),
    ("no_write", seen("fil09", written=("x",))),
    ("no_connect", seen("net01", visits=("TCP",))),
    ("no_connect", seen("net02", result=Completed(value=b"role"))),
    ("host_alive", seen("sig01", host_change="changed: environment")),
    ("no_leftover", seen("bmb02", leftovers=(4711,))),
    ("bounded_mem", seen("bmb04", worker_growth=LIMITS.memory_bytes + MEMORY_SLACK + 1)),
    ("bounded_mem", seen("res08", host_growth=LIMITS.result_bytes + MEMORY_SLACK + 1)),
    ("bounded_disk", seen("bmb09", disk=SCRATCH_BYTES + 1)),
    ("bounded_tasks", seen("bmb01", tasks=LIMITS.processes + TASKS_SLACK + 1)),
    ("bounded_out", seen("bmb11", result=Completed(stdout="x" * (64 * KIB + 1)))),
    ("bounded_out", seen("bmb11", result=Completed(stderr="x" * (64 * KIB + 1)))),
    ("reported", seen("bmb01", result=None)),
    ("reported", seen("bmb01", result=None, raised="WorkerLostError: gone")),
    ("reported", seen("bmb01", replies=2)),
    ("reported", seen("bmb01", replies=0)),
    ("next_ok", seen("xrq01", following=None)),
    ("next_ok", seen("xrq01", following=TIME)),
    ("next_ok", seen("xrq01", following=Completed(value=666))),
    ("rejected_strict", seen("ast01", result=Completed(value=[]))),
    ("rejected_strict", seen("ast01", result=failed("ValueEncodeError"))),
    ("rejected_strict", seen("ast01", result=TIME)),
    ("no_forge", seen("frg02", result=Completed(value={"r": 666}))),
    ("no_forge", seen("frg02", result=Completed(value=True))),
    ("no_forge", seen("crs02", result=Completed(value=None))),
    ("no_forge", seen("pkl01", unpickled=("os.system",))),
    ("fresh_random", seen("xrq04", result=Completed(value=(0.5, "ab", 1)), again=(0.5, "cd", 1))),
    ("fresh_random", seen("xrq04", result=Completed(value=(0.5, "ab", 1)), again=(0.6, "ab", 1))),
    ("fresh_random", seen("xrq04", result=TIME, again=None)),
]
RIGHT = [
    ("no_canary", seen("fil03", result=failed("PermissionError"))),
    ("refused", seen("fil01", result=failed("PermissionError"))),
    ("refused", seen("ptr01", result=Completed(value=-1))),
    ("no_write", seen("fil09")),
    ("no_connect", seen("net01", result=failed("PermissionError"))),
    ("host_alive", seen("sig01")),
    ("no_leftover", seen("bmb02")),
    ("bounded_mem", seen("bmb04", worker_growth=LIMITS.memory_bytes + MEMORY_SLACK, host_growth=MIB)),
    ("bounded_disk", seen("bmb09", disk=SCRATCH_BYTES)),
    ("bounded_tasks", seen("bmb01", tasks=LIMITS.processes + TASKS_SLACK)),
    ("bounded_out", seen("bmb11", result=Completed(stdout="x" * 64 * KIB))),
    ("reported", seen("bmb01", result=TIME)),
    ("next_ok", seen("xrq01")),
    ("rejected_strict", seen("ast01", result=failed("StrictViolationError"))),
    ("no_forge", seen("frg02", result=Completed(value=1))),
    ("no_forge", seen("crs02", result=WorkerDied(exit_code=0))),
    ("fresh_random", seen("xrq04", result=Completed(value=(0.5, "ab", 1)), again=(0.6, "cd", 1))),
]


@pytest.mark.parametrize(("check", "observation"), WRONG)
def test_a_check_says_what_is_wrong_when_something_is(check, observation):
    assert CHECKS[check](observation)


@pytest.mark.parametrize(("check", "observation"), RIGHT)
def test_a_check_says_nothing_when_nothing_is_wrong(check, observation):
    assert CHECKS[check](observation) == ""


def test_every_check_that_is_made_has_been_tried_both_ways():
    matrix = load_matrix()
    made = {check for cell in matrix.cells() for check in matrix.checks_of(cell)}
    assert made == set(CHECKS) == {check for check, _ in WRONG} == {check for check, _ in RIGHT}


NOTHING_HOLDS = Configuration(title="trusted", about="no sandbox", user="any", disabled=(), lacks={})
GETS_THROUGH = {
    "fil03": "no_canary",
    "imp05": "no_canary",
    "fil02": "no_canary",
    "prc01": "no_canary",
    "prc02": "no_canary",
    "shl01": "no_canary",
    "shl02": "refused",
    "shl03": "no_write",
    "shl04": "no_leftover",
    "shl05": "no_leftover",
    "shl10": "refused",
    "fil01": "refused",
    "frg07": "refused",
    "fil09": "no_write",
    "net01": "no_connect",
    "net03": "no_connect",
    "net05": "no_connect",
    "bmb02": "no_leftover",
    "bmb09": "bounded_disk",
}


@pytest.mark.integration
@pytest.mark.may_leak("the host is shared by a module; its end is checked when it is closed")
@pytest.mark.parametrize("entry", GETS_THROUGH)
def test_a_program_of_the_corpus_gets_through_where_there_is_no_sandbox(hosts, entry):
    wrong = hosts.get("trusted", NOTHING_HOLDS, "trusted").attack(entry)

    assert wrong[GETS_THROUGH[entry]]


@pytest.mark.integration
@pytest.mark.may_leak("the host is shared by a module; its end is checked when it is closed")
def test_a_host_that_is_killed_is_noticed_and_replaced(hosts):
    assert hosts.get("trusted", NOTHING_HOLDS, "trusted").attack("sig01") is None
    hosts.drop("trusted", "trusted")

    assert hosts.get("trusted", NOTHING_HOLDS, "trusted").attack("res03")["next_ok"] == ""
