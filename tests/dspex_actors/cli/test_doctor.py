"""`dspex-actors doctor` tells the truth, on a machine with a sandbox and on one without."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS, Profile
from dspex_actors.cli._doctor import Finding, Machine, as_plain, draw, is_contained
from dspex_actors.runtime._report import SandboxReport
from dspex_actors.workers import LayerReport

ROOT = Path(__file__).parents[3]
MACHINE = Machine("3.11.7", "Linux 6.1", "x86_64", 4)

# Runs the command where the kernel has no Landlock: a filter answers its first call as such a kernel would.
WITHOUT_LANDLOCK = """
import sys
from dspex_actors.cli import main
from dspex_actors.workers.confine import _libc, _seccomp
from dspex_actors.workers.confine._bpf import Refuse
_libc.prctl(_libc.PR_SET_NO_NEW_PRIVS, 1)
_seccomp.Filter(_seccomp.assemble({"landlock_create_ruleset": Refuse(38)})).load()
sys.exit(main(sys.argv[1:]))
"""

# Runs the command as in a container whose filter lets nobody make namespaces.
WITHOUT_NAMESPACES = """
import sys
from dspex_actors.cli import main
from dspex_actors.workers.confine import _libc, _seccomp
from dspex_actors.workers.confine._bpf import Refuse, RefuseFlags
refused = dict.fromkeys(["unshare", "setns", "mount", "pivot_root"], Refuse())
refused["clone"] = RefuseFlags(forbidden=_seccomp._CLONE_NEW)
refused["clone3"] = Refuse(38)
_libc.prctl(_libc.PR_SET_NO_NEW_PRIVS, 1)
_seccomp.Filter(_seccomp.assemble(refused)).load()
sys.exit(main(sys.argv[1:]))
"""


def finding(profile, *missing, fix=""):
    """Return what a doctor finds where some layers are missing."""
    layers = [
        LayerReport(
            name, name not in missing, f"trying {name}", f"seen {name}", fix if name in missing else ""
        )
        for name in LAYERS
    ]
    return Finding(profile, SandboxReport(profile.value, tuple(layers)))


def drawn(findings, width=100):
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    draw(console, MACHINE, findings)
    return console.file.getvalue()


GOOD = [
    finding(Profile.STRICT),
    finding(Profile.PROCESS),
    finding(Profile.SHELL),
    finding(Profile.TRUSTED, "landlock", "seccomp"),
]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("profile", [Profile.STRICT, Profile.PROCESS])
def test_a_missing_essential_layer_of_a_sandboxed_profile_is_no_containment(profile, layer):
    findings = [finding(each, *([layer] if each is profile else [])) for each in Profile]

    assert is_contained(findings) is (layer not in ESSENTIAL_LAYERS)


@pytest.mark.parametrize("profile", [Profile.SHELL, Profile.TRUSTED])
def test_the_profiles_shell_and_trusted_have_no_say_in_the_verdict(profile):
    assert is_contained([finding(each, *(LAYERS if each is profile else ())) for each in Profile])


def test_a_profile_that_cannot_be_started_is_not_contained():
    assert not is_contained([Finding(Profile.STRICT, None, "no"), finding(Profile.PROCESS)])


def test_the_verdict_and_every_layer_fit_on_one_screen():
    lines = drawn(GOOD).splitlines()

    assert lines[0] == "contained: untrusted code is kept from this host"
    assert lines[1] == "Python 3.11.7 · Linux 6.1 x86_64 · Landlock ABI 4"
    assert [layer for layer in LAYERS if not any(line.startswith(layer) for line in lines)] == []
    assert len(lines) <= 30


def test_a_missing_layer_is_shown_with_the_reason_and_the_fix():
    text = drawn([GOOD[0], finding(Profile.PROCESS, "landlock", fix="use a [newer] kernel"), *GOOD[2:]])

    assert text.startswith("NOT contained: untrusted code could reach this host (profiles: process)\n")
    assert "process lacks landlock: seen landlock\n  to have it: use a [newer] kernel\n" in text


def test_layers_with_the_same_fix_are_shown_with_it_once():
    missing = ("user_namespace", "pid_namespace")
    text = drawn([GOOD[0], finding(Profile.PROCESS, *missing, fix="allow them"), *GOOD[2:]])

    assert "seen user_namespace\nprocess lacks pid_namespace: seen pid_namespace\n  to have it: allow" in text
    assert text.count("allow them") == 1


def test_a_profile_that_cannot_be_started_is_shown_with_its_error():
    text = drawn([Finding(Profile.STRICT, None, "it [broke]"), *GOOD[1:]])

    assert "strict cannot be started: it [broke]\n" in text


def test_plain_data_holds_the_verdict_the_machine_and_each_layer_of_each_profile():
    plain = json.loads(json.dumps(as_plain(MACHINE, GOOD)))

    assert (plain["contained"], plain["landlock_abi"]) == (True, 4)
    assert set(plain["profiles"]) == {profile.value for profile in Profile}
    assert [layer["name"] for layer in plain["profiles"]["process"]["layers"]] == list(LAYERS)


@pytest.mark.integration
def test_this_machine_contains_its_guests_and_the_exit_code_says_so(run_command):
    done = run_command("doctor")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"contained: ")


@pytest.mark.integration
def test_the_plain_data_of_this_machine_says_what_each_layers_probe_has_seen(run_command):
    done = run_command("doctor", "--json")

    plain = json.loads(done.stdout)
    layers = plain["profiles"]["strict"]["layers"] + plain["profiles"]["process"]["layers"]
    layers = [
        layer for layer in layers if layer["name"] != "cgroup"
    ]  # only guests that start processes have one
    assert plain["contained"] is True
    assert [layer for layer in layers if not (layer["active"] and layer["probe"] and layer["detail"])] == []
    assert plain["profiles"]["trusted"]["contained"] is False


@pytest.fixture
def run_without_landlock():
    return partial(run_below, WITHOUT_LANDLOCK)


def run_below(script, *arguments):
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)


@pytest.mark.integration
def test_in_a_container_that_forbids_namespaces_guests_are_contained_and_each_reason_is_told():
    done = run_below(WITHOUT_NAMESPACES, "doctor", "--json")

    plain = json.loads(done.stdout)
    layers = {layer["name"]: layer for layer in plain["profiles"]["process"]["layers"]}
    missing = {name for name, layer in layers.items() if not layer["active"]}
    assert (done.returncode, plain["contained"]) == (0, True)
    namespaces = {name for name in LAYERS if name.endswith("_namespace")}
    assert missing == {*namespaces, "scratch_quota", "process_limit", "cgroup"}
    assert all("not permitted" in layers[name]["detail"] for name in namespaces)
    assert all("container" in layers[name]["fix"] for name in namespaces)


@pytest.mark.integration
def test_in_a_container_that_forbids_namespaces_the_profile_shell_runs_only_in_a_control_group():
    report = json.loads(run_below(WITHOUT_NAMESPACES, "doctor", "--json").stdout)
    layers = {layer["name"]: layer for layer in report["profiles"]["shell"]["layers"]}
    done = run_below(WITHOUT_NAMESPACES, "exec", "--profile", "shell", "-c", "print('ran')")

    if layers["cgroup"]["active"] and layers["cgroup"]["detail"].endswith("kill"):
        assert layers["reliable_kill"]["detail"].startswith("cgroup")
        assert (done.returncode, done.stdout) == (0, b"ran\n")
    else:
        assert (done.returncode, done.stdout) == (4, b"")
        assert b"'reliable_kill' is required" in done.stderr
        assert b"make the pid_namespace or the cgroup layer available" in done.stderr


@pytest.mark.integration
def test_without_landlock_the_doctor_ends_with_four_and_names_layer_and_fix(run_without_landlock):
    done = run_without_landlock("doctor")

    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (4, b"")
    assert text.startswith("NOT contained: untrusted code could reach this host (profiles: strict, process)")
    assert "strict, process, shell lack landlock" in text
    assert "Linux 5.13" in text


@pytest.mark.integration
def test_without_landlock_nothing_untrusted_is_run_and_the_error_names_the_layer(run_without_landlock):
    done = run_without_landlock("exec", "-c", "print('ran')")

    assert (done.returncode, done.stdout) == (4, b"")
    assert b"dspex-actors: the sandbox layer 'landlock' is required and not active" in done.stderr


@pytest.mark.integration
def test_without_landlock_your_own_code_still_runs_as_trusted(run_without_landlock):
    done = run_without_landlock("exec", "--profile", "trusted", "-c", "6 * 7")

    assert (done.returncode, done.stdout) == (0, b"42\n")


@pytest.mark.integration
def test_without_landlock_there_is_no_tree_to_draw(run_without_landlock):
    assert run_without_landlock("tree").returncode == 4
