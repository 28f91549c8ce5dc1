"""`doctor` on machines that lack something: its reasons are true, and what it says runs is what runs."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS, Policy
from dspex_actors.cli._doctor_json import DoctorReport
from tests._nobody import NOBODY, readable_interpreter

ROOT = Path(__file__).parents[2]
IS_ROOT = os.geteuid() == 0
SANDBOXED = ("strict", "process", "shell")
NAMESPACES = {layer for layer in LAYERS if layer.endswith("_namespace")}
WITHOUT_NAMESPACES = {*NAMESPACES, "scratch_quota", "process_limit"}


class Lost(NamedTuple):
    """What a machine lacks: layers of the sandboxed profiles, and words of the reason and the fix of each.

    Whether there are control groups depends on the machine that the tests run on, unless `groups` denies it.
    """

    layers: set[str]
    reason: str = ""
    fix: str = ""
    groups: bool = True


MACHINES = {
    "nothing missing": Lost(set()),
    "no landlock": Lost({"landlock"}, "no Landlock", "Linux 5.13"),
    "no seccomp": Lost({"seccomp"}, "Function not implemented", "CONFIG_SECCOMP_FILTER"),
    "no namespaces": Lost(WITHOUT_NAMESPACES, "not permitted", "container"),
    "no user namespaces": Lost(
        {"user_namespace", "process_limit"} if IS_ROOT else WITHOUT_NAMESPACES, "not permitted", "container"
    ),
    "read-only control groups": Lost(set(), groups=False),
    "no pid namespaces, read-only control groups": Lost(
        {"pid_namespace"} if IS_ROOT else {"pid_namespace", "process_limit"},
        "not permitted",
        "container",
        groups=False,
    ),
}


def run_on(machine, *arguments, python=sys.executable, **options):
    site = [path for path in sys.path if path.endswith("-packages")]
    return subprocess.run(
        [python, "-B", "-m", "tests._lesser_machine", machine, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *site])},
        capture_output=True,
        timeout=100,
        check=False,
        **options,
    )


def read(done) -> DoctorReport:
    """Return the plain data that the command printed, its shape checked in whole."""
    assert done.stderr == b""
    report = msgspec.json.decode(done.stdout, type=DoctorReport)
    assert done.returncode == report.exit_code == (0 if report.contained else 4)
    return report


@cache
def examined(machine) -> DoctorReport:
    return read(run_on(machine, "doctor", "--json"))


def inactive(report, profile):
    return {layer.name: layer for layer in report.profiles[profile].layers if not layer.active}


# Each costs seconds. In the default run what a machine without seccomp lacks is told by another test.
EACH = [pytest.param(name, marks=pytest.mark.slow) if name == "no seccomp" else name for name in MACHINES]


@pytest.mark.parametrize("machine", EACH)
@pytest.mark.parametrize("profile", SANDBOXED)
def test_exactly_what_the_machine_lacks_is_reported_missing(machine, profile):
    lost = MACHINES[machine]
    report, missing = examined(machine), inactive(examined(machine), profile)
    if profile == "shell":
        kept = {"cgroup"} if "cgroup" in missing or not lost.groups else set()
        kill_is_lost = "pid_namespace" in lost.layers and not group_kills(report)
        expected = {*lost.layers, *kept, *({"reliable_kill"} if kill_is_lost else ())}
    else:
        expected = {*lost.layers, "cgroup"}

    assert set(missing) == expected
    assert report.profiles[profile].contained is not bool(expected & ESSENTIAL_LAYERS)
    assert report.contained is not bool(lost.layers & ESSENTIAL_LAYERS)


def group_kills(report) -> bool:
    group = next(layer for layer in report.profiles["shell"].layers if layer.name == "cgroup")
    return group.active and str(group.seen).endswith("kill")


@pytest.mark.parametrize("machine", EACH)
def test_each_missing_layer_says_what_was_tried_why_it_is_not_there_and_how_to_have_it(machine):
    lost, report = MACHINES[machine], examined(machine)
    for profile in SANDBOXED:
        for layer in inactive(report, profile).values():
            assert (layer.seen, bool(layer.probe), bool(layer.reason), bool(layer.fix)) == (
                None,
                True,
                True,
                True,
            )
    told = inactive(report, "process")
    for name in lost.layers - {"scratch_quota", "process_limit"}:
        assert lost.reason in told[name].reason
        assert lost.fix in told[name].fix


@pytest.mark.parametrize("machine", EACH)
def test_what_is_active_says_what_was_seen_and_needs_no_fix(machine):
    for facts in examined(machine).profiles.values():
        active = [layer for layer in facts.layers if layer.active]
        assert [layer.name for layer in facts.layers] == list(LAYERS)
        assert all(layer.seen and layer.reason is None and layer.fix is None for layer in active)
        assert not facts.starts or {"empty_environment", "closed_descriptors"} <= {
            layer.name for layer in active
        }


@pytest.mark.parametrize("machine", ["no landlock", "no pid namespaces, read-only control groups"])
@pytest.mark.parametrize("profile", ["process", "shell", "trusted"])
def test_a_profile_runs_code_if_and_only_if_the_doctor_says_that_it_starts(machine, profile):
    done = run_on(machine, "exec", "--profile", profile, "-c", "6 * 7")

    if examined(machine).profiles[profile].starts:
        assert (done.returncode, done.stdout) == (0, b"42\n")
    else:
        blamed = [name for name in inactive(examined(machine), profile) if name in ESSENTIAL_LAYERS]
        assert (done.returncode, done.stdout) == (4, b"")
        assert f"the sandbox layer {blamed[0]!r} is required and not active".encode() in done.stderr


def test_without_an_essential_layer_there_is_no_tree_to_draw():
    assert run_on("no landlock", "tree").returncode == 4


def test_with_read_only_control_groups_the_shell_profile_says_so_and_its_kill_holds_all_the_same():
    facts = examined("read-only control groups").profiles["shell"]
    told = inactive(examined("read-only control groups"), "shell")["cgroup"]

    assert (facts.contained, facts.starts) == (True, True)
    assert "Read-only file system" in told.reason
    assert "writable" in told.fix
    assert str(facts.complete_kill).startswith("pid namespace")


@pytest.mark.parametrize("machine", EACH)
def test_sessions_can_be_rolled_back_exactly_where_copies_have_what_they_need(machine):
    can = not {"pid_namespace", "seccomp"} & MACHINES[machine].layers

    for profile in ("strict", "process"):
        assert (examined(machine).profiles[profile].no_rollback is None) is can
    assert examined(machine).profiles["shell"].no_rollback


@pytest.mark.skipif(not IS_ROOT, reason="else all these tests run as an ordinary user")
def test_as_an_ordinary_user_guests_are_contained_with_every_layer_that_takes_no_root():
    python = readable_interpreter()
    if python is None:
        pytest.skip("no interpreter of this version can be run by other users")
    report = read(
        run_on(
            "nothing missing", "doctor", "--json", python=python, user=NOBODY, group=NOBODY, extra_groups=[]
        )
    )

    assert (report.machine.user_id, report.contained) == (NOBODY, True)
    for profile in SANDBOXED:
        assert set(inactive(report, profile)) <= {"cgroup"}
    assert report.profiles["trusted"].starts


def test_with_nothing_missing_every_layer_that_can_be_had_can_be_required():
    report = examined("nothing missing")
    for profile in ("strict", "process"):
        active = {layer.name for layer in report.profiles[profile].layers if layer.active}
        assert active == Policy(profile=profile).possible_layers
