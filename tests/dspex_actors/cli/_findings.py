"""Findings of a doctor, made up: what each profile lacks is given by name."""

from __future__ import annotations

from dspex_actors._policy import LAYERS, Policy, Profile
from dspex_actors.cli._findings import Finding, Machine
from dspex_actors.runtime._report import SandboxReport
from dspex_actors.workers import LayerReport

MACHINE = Machine("3.11.7", "Linux 6.1", "x86_64", 4, 1000)


def finding(profile, *missing, fix="", no_rollback=""):
    """Return what a doctor finds where some layers are missing."""
    lost = {*missing, *(set(LAYERS) - Policy(profile=profile).possible_layers)}
    layers = [
        LayerReport(name, name not in lost, f"trying {name}", f"seen {name}", fix if name in lost else "")
        for name in LAYERS
    ]
    return Finding(profile, SandboxReport(profile.value, tuple(layers), no_rollback))


GOOD = [finding(profile) for profile in Profile]
"""A machine that lacks nothing."""


def instead(*changed):
    """Return the findings of a good machine, but for the profiles of these."""
    by_profile = {one.profile: one for one in (*GOOD, *changed)}
    return list(by_profile.values())
