"""`dspex-actors doctor` judges by the essential layers, and shows on one screen what it has seen."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS, Profile
from dspex_actors.cli._doctor_screen import draw
from dspex_actors.cli._findings import Finding, Machine, is_contained, verdict
from tests.dspex_actors.cli._findings import GOOD, MACHINE, finding, instead


def drawn(findings, machine=MACHINE, width=100):
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    draw(console, machine, findings)
    return console.file.getvalue()


def row(text, layer):
    return next(line for line in text.splitlines() if line.startswith(layer)).split()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("profile", [Profile.STRICT, Profile.PROCESS])
def test_a_missing_essential_layer_of_a_sandboxed_profile_is_no_containment(profile, layer):
    findings = instead(finding(profile, layer))

    assert is_contained(findings) is (layer not in ESSENTIAL_LAYERS)
    assert verdict(findings).startswith("contained" if is_contained(findings) else "NOT contained")


@pytest.mark.parametrize("profile", [Profile.SHELL, Profile.TRUSTED])
def test_the_profiles_shell_and_trusted_have_no_say_in_the_verdict(profile):
    assert is_contained(instead(finding(profile, *LAYERS)))


def test_a_profile_that_cannot_be_started_is_not_contained():
    assert not is_contained(instead(Finding(Profile.STRICT, None, "no")))


@pytest.mark.parametrize(
    ("changed", "sentence"),  # after its first words
    [
        ([], "strict, process, shell"),
        (
            [finding(Profile.SHELL, "reliable_kill", "cgroup")],
            "strict, process (shell without reliable_kill)",
        ),
        (
            [finding(each, "seccomp", "landlock") for each in (Profile.STRICT, Profile.PROCESS)],
            "(strict, process without landlock and seccomp)",
        ),
        (
            [finding(Profile.PROCESS, "landlock"), Finding(Profile.STRICT, None, "it broke")],
            "(strict cannot be started; process without landlock)",
        ),
    ],
)
def test_the_verdict_is_one_sentence_with_the_profiles_and_the_layers_to_blame(changed, sentence):
    start = "NOT contained: untrusted code could reach this host "
    if is_contained(instead(*changed)):
        start = "contained: untrusted code is kept from this host in "

    assert verdict(instead(*changed)) == start + sentence


@pytest.mark.parametrize(
    ("missing", "starts"),
    [((), True), (("uts_namespace",), True), (("landlock",), False), (("seccomp",), False)],
)
def test_a_profile_starts_if_it_has_what_its_policy_requires_by_default(missing, starts):
    assert finding(Profile.PROCESS, *missing).starts is starts
    assert finding(Profile.TRUSTED, *missing).starts is True
    assert Finding(Profile.TRUSTED, None, "it broke").starts is False


def test_the_verdict_and_every_layer_fit_on_one_screen():
    lines = drawn(GOOD).splitlines()

    assert lines[0] == verdict(GOOD)
    assert lines[1] == "Python 3.11.7 · Linux 6.1 x86_64 · Landlock ABI 4 · user 1000"
    assert [layer for layer in LAYERS if not any(line.startswith(layer) for line in lines)] == []
    assert len(lines) <= 30


def test_a_machine_of_root_without_landlock_says_so_in_its_line():
    text = drawn(GOOD, Machine("3.13.1", "Linux 5.10", "aarch64", 0, 0))

    assert "\nPython 3.13.1 · Linux 5.10 aarch64 · Landlock ABI none · root\n" in text


def test_a_layer_that_a_profile_is_not_to_have_is_no_missing_one():
    text = drawn(instead(finding(Profile.PROCESS, "scratch")))

    assert row(text, "scratch ")[1:5] == ["active", "MISSING", "active", "-"]
    assert row(text, "cgroup")[1:5] == ["-", "-", "active", "-"]
    assert "lack cgroup" not in text
    assert "trusted lacks" not in text


def test_of_a_profile_that_cannot_be_started_nothing_is_known_but_the_error():
    text = drawn(instead(Finding(Profile.STRICT, None, "it [broke]")))

    assert row(text, "landlock*")[1:5] == ["?", "active", "active", "-"]
    assert "strict cannot be started: it [broke]\n" in text


def test_a_missing_layer_is_shown_with_the_reason_and_the_fix():
    text = drawn(instead(finding(Profile.PROCESS, "landlock", fix="use a [newer] kernel")))

    assert text.startswith("NOT contained: ")
    assert "process lacks landlock: seen landlock\n  to have it: use a [newer] kernel\n" in text


def test_layers_with_the_same_fix_are_shown_with_it_once():
    missing = ("user_namespace", "pid_namespace")
    text = drawn(instead(finding(Profile.PROCESS, *missing, fix="allow them")))

    assert "seen user_namespace\nprocess lacks pid_namespace: seen pid_namespace\n  to have it: allow" in text
    assert text.count("allow them") == 1


def test_how_a_kill_is_made_complete_and_why_nothing_is_rolled_back_is_told_once_for_alike_profiles():
    profiles = (Profile.STRICT, Profile.PROCESS)
    text = drawn(instead(*(finding(profile, no_rollback="no copies") for profile in profiles)))

    assert "a kill in strict, process, shell: seen reliable_kill\n" in text
    assert "no roll-back of sessions in strict, process: no copies\n" in text
    assert "no roll-back" not in drawn(GOOD)


@pytest.mark.integration
def test_this_machine_contains_its_guests_and_the_exit_code_says_so(run_command):
    done = run_command("doctor")

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"contained: untrusted code is kept from this host in strict, process")
    assert len(done.stdout.splitlines()) <= 30
