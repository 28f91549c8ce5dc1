"""The plain data of `doctor --json` has one shape, which is written down, and says what the screen says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from dspex_actors._language import FoundEngine
from dspex_actors._policy import LAYERS, Profile
from dspex_actors.cli import _doctor_json
from dspex_actors.cli._doctor_json import DoctorReport, as_json, as_plain
from dspex_actors.cli._engines import EngineFinding
from dspex_actors.cli._findings import Finding, verdict
from tests.dspex_actors.cli._findings import GOOD, MACHINE, finding, instead

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "sandbox-report.md"
PARTS = {
    "": _doctor_json.DoctorReport,
    "machine.": _doctor_json.MachineFacts,
    "profiles.NAME.": _doctor_json.ProfileFacts,
    "profiles.NAME.layers[].": _doctor_json.LayerFacts,
    "languages.NAME.": _doctor_json.LanguageFacts,
}
ENGINES = [
    EngineFinding("ruby", FoundEngine(path="/usr/bin/ruby", version="3.2"), install="apt-get install ruby"),
    EngineFinding("cobol", None, "cobc is not in PATH", "apt-get install gnucobol"),
]


def plain(findings):
    return json.loads(as_json(as_plain(MACHINE, findings, ENGINES)))


def layer_facts(name, **changed):
    active = {"reason": None, "fix": None, "active": True, "seen": f"seen {name}"}
    return {"name": name, "expected": True, "essential": True, "probe": f"trying {name}"} | active | changed


def test_the_whole_shape_is_as_it_was_written_down():
    broken = finding(Profile.SHELL, "reliable_kill", fix="change that", no_rollback="no copies")
    found = plain(instead(broken, Finding(Profile.TRUSTED, None, "it broke")))
    layers = {name: profile.pop("layers") for name, profile in found["profiles"].items()}

    assert found == {
        "version": 2,
        "contained": True,
        "verdict": "contained: untrusted code is kept from this host in strict, process"
        " (shell without reliable_kill)",
        "exit_code": 0,
        "machine": {
            "python": "3.11.7",
            "kernel": "Linux 6.1",
            "architecture": "x86_64",
            "landlock_abi": 4,
            "user_id": 1000,
        },
        "profiles": {
            "strict": {
                "contained": True,
                "starts": True,
                "error": None,
                "complete_kill": "seen reliable_kill",
                "no_rollback": None,
            },
            "process": {
                "contained": True,
                "starts": True,
                "error": None,
                "complete_kill": "seen reliable_kill",
                "no_rollback": None,
            },
            "shell": {
                "contained": False,
                "starts": False,
                "error": None,
                "complete_kill": None,
                "no_rollback": "no copies",
            },
            "trusted": {
                "contained": False,
                "starts": False,
                "error": "it broke",
                "complete_kill": None,
                "no_rollback": "it broke",
            },
        },
        "languages": {
            "ruby": {
                "found": True,
                "engine": "/usr/bin/ruby",
                "engine_version": "3.2",
                "origin": "PATH",
                "reason": None,
                "install": "apt-get install ruby",
            },
            "cobol": {
                "found": False,
                "engine": None,
                "engine_version": None,
                "origin": None,
                "reason": "cobc is not in PATH",
                "install": "apt-get install gnucobol",
            },
        },
    }
    assert [layer["name"] for layer in layers["process"]] == list(LAYERS)
    assert layers["trusted"] == []
    by_name = {layer["name"]: layer for layer in layers["process"]}
    assert by_name["landlock"] == layer_facts("landlock")
    assert by_name["scratch"] == layer_facts("scratch", essential=False)
    inactive = {"active": False, "seen": None}
    assert by_name["cgroup"] == layer_facts(
        "cgroup", essential=False, expected=False, reason="seen cgroup", fix="", **inactive
    )
    assert layers["shell"][-1] == layer_facts(
        "reliable_kill", reason="seen reliable_kill", fix="change that", **inactive
    )


def test_nothing_is_essential_for_the_profile_that_has_no_sandbox():
    trusted = plain(GOOD)["profiles"]["trusted"]

    assert (trusted["contained"], trusted["starts"]) == (False, True)
    assert {layer["essential"] for layer in trusted["layers"]} == {False}


def test_uncontained_machines_have_the_exit_code_and_the_sentence_of_the_screen():
    findings = instead(finding(Profile.STRICT, "seccomp"))
    found = plain(findings)

    assert (found["contained"], found["exit_code"], found["verdict"]) == (False, 4, verdict(findings))


def test_the_page_of_the_report_lists_every_key_of_the_shape_and_no_other():
    listed = re.findall(r"^\| `([^`]+)` \| ", PAGE.read_text("utf-8"), re.MULTILINE)
    keys = [prefix + field for prefix, part in PARTS.items() for field in part.__struct_fields__]

    assert sorted(listed) == sorted(set(keys) - {"machine", "profiles", "profiles.NAME.layers", "languages"})


@pytest.mark.parametrize("change", [{"more": 1}, {"version": 1}, {"exit_code": 1}, {"machine": {}}])
def test_a_reader_that_checks_the_shape_refuses_another_one(change):
    text = json.dumps(plain(GOOD))

    assert msgspec.json.decode(text, type=DoctorReport) == as_plain(MACHINE, GOOD, ENGINES)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(json.loads(text) | change), type=DoctorReport)
