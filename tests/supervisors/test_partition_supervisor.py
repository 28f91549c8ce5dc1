"""PartitionSupervisor: places in a tree, resizes that meet trouble, and keys with a stable hash."""

from __future__ import annotations

import enum
import subprocess
import sys
from dataclasses import dataclass

import pytest

from supervisors import (
    CallCycleError,
    ChildSpecError,
    PartitionSupervisor,
    StartError,
    Supervisor,
    UnstableKeyError,
)
from supervisors._stable_hash import partition_of, stable_hash
from supervisors.testing import Journal, Misbehaving, wait_exit, wait_restarted


class Colour(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Point:
    x: int
    y: int


KEYS = [
    None,
    True,
    2.5,
    "text",
    "\udc80",
    b"bytes",
    (1, "a"),
    frozenset({"a", "b", "c"}),
    Colour.RED,
    Point(1, 2),
]


@pytest.fixture(autouse=True)
def quiet(caplog):
    """Keep the logged crashes out of a report."""
    caplog.set_level("CRITICAL")


def parts_of(spec, **options):
    return PartitionSupervisor(spec, name="parts", partitions=3, **options)


def test_a_partition_supervisor_is_a_child_like_others():
    parts = parts_of(Misbehaving.child_spec())
    with Supervisor.start([parts.child_spec()]) as tree:
        address = tree.supervisor("parts")
        old, via = address.pid, parts.via(1)
        old.kill()
        wait_restarted(address, old)
        via.wait_available(5)

        assert via.call("message") == "message"
        assert parts.address.child(1).pid is via.pid


def test_a_key_leads_to_the_actor_that_speaks_for_a_partition():
    spec = Supervisor.child_spec([Misbehaving.child_spec(id="inner")], id="group", speaker=("inner",))
    parts = parts_of(spec)
    with parts.start() as address:
        assert parts.via(2).pid is address.supervisor(2).child("inner").pid
        assert parts.via(2).call("message") == "message"


def test_a_partition_that_does_not_start_fails_the_whole_start():
    def fail_second(args, number):
        return (*args, lambda _: 1 / 0) if number == 1 else args

    class Fussy(Misbehaving):
        def init(self, on_init=None):
            return super().init(on_init=on_init)

    parts = parts_of(Fussy.child_spec(), with_arguments=fail_second)

    with pytest.raises(StartError) as failed:
        parts.start()
    assert failed.value.child_id == 1
    assert not parts.alive


def test_arguments_that_are_no_list_fail_the_start_with_what_they_are():
    parts = parts_of(Misbehaving.child_spec(), with_arguments=lambda _args, number: number)

    with pytest.raises(StartError, match="with_arguments returned 0"):
        parts.start()
    with pytest.raises(ChildSpecError):
        parts.spec_of(0)


def test_keyword_arguments_are_the_same_in_all_partitions():
    journal = Journal()
    parts = parts_of(
        Misbehaving.child_spec(journal, name="same"), with_arguments=lambda args, _number: [*args]
    )
    with parts.start():
        assert journal.entries() == [("init", "same")] * 3


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_partitions_of_each_restart_type_come_back_with_a_resize(restart):
    parts = parts_of(Misbehaving.child_spec(restart=restart))
    with parts.start():
        parts.resize(1)
        parts.resize(3)

        assert [parts.via(number).call(number) for number in range(3)] == [0, 1, 2]


def test_a_temporary_partition_that_has_ended_does_not_hinder_a_resize():
    parts = parts_of(Misbehaving.child_spec(restart="temporary"))
    with parts.start():
        pid = parts.via(2).pid
        pid.kill()
        wait_exit(pid)
        parts.resize(1)
        parts.resize(3)

        assert parts.via(2).call("message") == "message"


def test_a_partition_that_stops_itself_by_a_resize_is_refused_and_the_next_resize_mends_that():
    parts = parts_of(Misbehaving.child_spec())
    with parts.start():
        with pytest.raises(CallCycleError):
            parts.via(2).call(("do", lambda _server, _sender: parts.resize(0)))
        assert parts.count == 0

        parts.resize(3)
        assert [parts.via(number).call(number) for number in range(3)] == [0, 1, 2]


def test_names_of_one_key_are_equal_only_if_the_keys_types_are():
    parts, others = parts_of(Misbehaving.child_spec()), parts_of(Misbehaving.child_spec())

    assert parts.via(1) == parts.via(1)
    assert len({parts.via(1), parts.via(1), parts.via(True), parts.via(1.0), others.via(1)}) == 4
    assert parts.via("a") != "a"
    assert parts.via("a").name == "parts/a"


@pytest.mark.parametrize("key", [object(), len, Colour, lambda: None])
def test_a_key_whose_text_differs_from_run_to_run_is_refused(key):
    parts = parts_of(Misbehaving.child_spec())

    with pytest.raises(UnstableKeyError):
        parts.via(key)
    with pytest.raises(UnstableKeyError):
        parts.via(("inside", key))


def test_keys_are_spread_over_the_partitions():
    assert {partition_of(f"user-{number}", 8) for number in range(200)} == set(range(8))


def test_equal_looking_keys_of_different_types_have_different_hashes():
    alike = ["1", 1, 1.0, True, b"1", ("1",), (1,), frozenset({1}), Point(1, 1)]

    assert len({stable_hash(key) for key in alike}) == len(alike)


def test_a_hash_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('keys', sys.argv[1])\n"
        "keys = importlib.util.module_from_spec(spec)\n"
        "sys.modules['keys'] = keys\n"
        "spec.loader.exec_module(keys)\n"
        "print([keys.stable_hash(key) for key in keys.KEYS])\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code, __file__],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert printed == {f"{[stable_hash(key) for key in KEYS]}\n"}
