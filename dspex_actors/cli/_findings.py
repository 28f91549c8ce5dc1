"""What `dspex-actors doctor` finds out: a sandbox of each profile is started, and its probe tries to get out.

Looks and judges; how it is shown is a matter of `_doctor_screen` and `_doctor_json`.
"""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._errors import DspexError
from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS, Policy, Profile
from dspex_actors.runtime._runtime import Runtime
from dspex_actors.workers.confine import _landlock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.runtime._report import SandboxReport
    from dspex_actors.workers import LayerReport

DECISIVE = (Profile.STRICT, Profile.PROCESS)
"""The profiles that the verdict is about.

`trusted` promises no sandbox; `shell` needs more than the others, and starts nothing without it.
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the sandbox is built on.

    Attributes:
        python: version of the interpreter.
        kernel: its name and release.
        architecture: as the kernel calls it.
        landlock_abi: version of the kernel's Landlock, 0 without it.
        user_id: who runs the host, 0 is root.
    """

    python: str
    kernel: str
    architecture: str
    landlock_abi: int
    user_id: int

    @classmethod
    def here(cls) -> Machine:
        """Look at this machine."""
        names = os.uname()
        abi = _landlock.abi() if sys.platform == "linux" else 0
        kernel = f"{names.sysname} {names.release}"
        return cls(platform.python_version(), kernel, names.machine, abi, os.geteuid())


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one profile.

    Attributes:
        profile: which one.
        report: its layers, None if not even an unprotected worker could be started.
        error: why not.
    """

    profile: Profile
    report: SandboxReport | None
    error: str = ""

    @property
    def contained(self) -> bool:
        """Whether guest code of this profile is kept from the host."""
        return self.report is not None and self.report.contained

    @property
    def starts(self) -> bool:
        """Whether a policy of this profile that says nothing of layers runs anything here."""
        return self.report is not None and self.required <= {
            layer.name for layer in self.report.layers if layer.active
        }

    @property
    def required(self) -> frozenset[str]:
        """Layers without which such a policy runs nothing."""
        return Policy(profile=self.profile).required_layers

    @property
    def expected(self) -> frozenset[str]:
        """Layers that the profile has on a machine which lacks nothing."""
        return Policy(profile=self.profile).possible_layers

    @property
    def missing(self) -> tuple[LayerReport, ...]:
        """The layers among those that are not active."""
        layers = self.report.missing if self.report is not None else ()
        return tuple(layer for layer in layers if layer.name in self.expected)

    def layer(self, name: str) -> LayerReport | None:
        """Return what was found about one layer, None if nothing was."""
        layers = self.report.layers if self.report is not None else ()
        return next((layer for layer in layers if layer.name == name), None)


def examine(profile: Profile) -> Finding:
    """Start a sandbox of a profile with whatever layers this machine has, and return what its probe saw."""
    policy = Policy(profile=profile, require=frozenset())
    config = RuntimeConfig(executor=ExecutorConfig(policy=policy, spares=0, max_workers=1))
    try:
        with Runtime(config) as runtime:
            return Finding(profile, runtime.sandbox_report())
    except DspexError as error:
        return Finding(profile, None, str(error))


def is_contained(findings: Sequence[Finding]) -> bool:
    """Return whether guest code is contained in the profiles that decide."""
    return all(finding.contained for finding in findings if finding.profile in DECISIVE)


def verdict(findings: Sequence[Finding]) -> str:
    """Return the one sentence: contained or not, in which profiles, and which layers are to blame."""
    held = [finding.profile.value for finding in findings if finding.contained]
    why = "; ".join(_blamed(findings))
    if is_contained(findings):
        inside = f"contained: untrusted code is kept from this host in {', '.join(held)}"
        return f"{inside} ({why})" if why else inside
    return f"NOT contained: untrusted code could reach this host ({why})"


def _blamed(findings: Sequence[Finding]) -> list[str]:
    """Return for each set of essential layers that are missing the profiles that lack them."""
    lacking: dict[str, list[str]] = {}
    for finding in findings:
        if finding.contained or finding.profile is Profile.TRUSTED:
            continue
        lost = {layer.name for layer in finding.missing} & ESSENTIAL_LAYERS
        what = " and ".join(name for name in LAYERS if name in lost)
        lacking.setdefault(f"without {what}" if what else "cannot be started", []).append(
            finding.profile.value
        )
    return [f"{', '.join(profiles)} {what}" for what, profiles in lacking.items()]
