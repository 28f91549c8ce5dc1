"""`dspex-actors doctor`: is guest code contained on this machine, found out by trying to break out.

`examine` looks, `as_plain` and `draw` only show what it found.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._config import ExecutorConfig, RuntimeConfig
from dspex_actors._errors import DspexError
from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS, Policy, Profile
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._interrupts import Interrupts
from dspex_actors.runtime._runtime import Runtime
from dspex_actors.workers.confine import _landlock

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    from dspex_actors.runtime._report import SandboxReport
    from dspex_actors.workers import LayerReport


_STATES = {True: ("active", "green"), False: ("no", "red"), None: ("?", "red")}
"""Word and colour of a layer: active, not active, nothing known."""

_DECISIVE = (Profile.STRICT, Profile.PROCESS)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the sandbox is built on."""

    python: str
    kernel: str
    architecture: str
    landlock_abi: int

    @classmethod
    def here(cls) -> Machine:
        """Look at this machine."""
        names = os.uname()
        abi = _landlock.abi() if sys.platform == "linux" else 0
        return cls(platform.python_version(), f"{names.sysname} {names.release}", names.machine, abi)


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


def is_contained(findings: list[Finding]) -> bool:
    """Return whether guest code is contained in the profiles that do without processes of its own.

    `trusted` promises no sandbox; `shell` needs more than the others, and starts nothing without it.
    """
    return all(finding.contained for finding in findings if finding.profile in _DECISIVE)


def examine(profile: Profile) -> Finding:
    """Start a sandbox of a profile with whatever layers this machine has, and return what its probe saw."""
    try:
        report = _report(Policy(profile=profile, require=frozenset()))
    except DspexError as error:
        return Finding(profile, None, str(error))
    return Finding(profile, report)


def _report(policy: Policy) -> SandboxReport:
    """Start a runtime with a policy and return its report.

    Raises:
        DspexError: it cannot be started.
    """
    config = RuntimeConfig(executor=ExecutorConfig(policy=policy, spares=0, max_workers=1))
    with Runtime(config) as runtime:
        return runtime.sandbox_report()


def as_plain(machine: Machine, findings: list[Finding]) -> dict[str, Any]:
    """Return what was found as plain data, for JSON."""
    return {
        "contained": is_contained(findings),
        "python": machine.python,
        "kernel": machine.kernel,
        "architecture": machine.architecture,
        "landlock_abi": machine.landlock_abi,
        "profiles": {
            finding.profile.value: {
                "contained": finding.contained,
                "error": finding.error or None,
                "layers": [
                    {
                        "name": layer.name,
                        "active": layer.active,
                        "essential": layer.name in ESSENTIAL_LAYERS,
                        "probe": layer.probe,
                        "detail": layer.detail,
                        "fix": layer.fix or None,
                    }
                    for layer in (finding.report.layers if finding.report else ())
                ],
            }
            for finding in findings
        },
    }


def draw(console: Console, machine: Machine, findings: list[Finding]) -> None:
    """Print what was found on one screen."""
    contained = is_contained(findings)
    verdict = "contained: untrusted code is kept from this host"
    if not contained:
        which = ", ".join(f.profile.value for f in findings if not f.contained and f.profile in _DECISIVE)
        verdict = f"NOT contained: untrusted code could reach this host (profiles: {which})"
    console.print(verdict, style="bold green" if contained else "bold red")
    abi = machine.landlock_abi or "none"
    console.print(
        f"Python {machine.python} · {machine.kernel} {machine.architecture} · Landlock ABI {abi}",
    )
    console.print(_table(findings))
    for finding in findings:
        if finding.error:
            console.print(f"{finding.profile.value} cannot be started: {finding.error}")
    for fix, lacks in _by_fix(findings).items():
        for (name, detail), profiles in lacks.items():
            verb = "lacks" if len(profiles) == 1 else "lack"
            console.print(f"{', '.join(profiles)} {verb} {name}: {detail}")
        console.print(f"  to have it: {fix}")
    console.print(
        "* essential: without it nothing is run. trusted is for your own code: no sandbox, by design."
    )


def _by_fix(findings: list[Finding]) -> dict[str, dict[tuple[str, str], list[str]]]:
    """Return what is missing: the profiles by layer and reason, by what to do about it."""
    found: dict[str, dict[tuple[str, str], list[str]]] = {}
    for finding in findings:
        missing = finding.report.missing if finding.report and finding.profile is not Profile.TRUSTED else ()
        for layer in missing:
            if layer.name == "cgroup" and finding.profile is not Profile.SHELL:
                continue  # the others have no use for one
            lacks = found.setdefault(layer.fix, {})
            lacks.setdefault((layer.name, layer.detail), []).append(finding.profile.value)
    return found


def _table(findings: list[Finding]) -> Table:
    """Draw one row for each layer: active in which profile, what was tried, what was seen."""
    from rich.table import Table  # noqa: PLC0415 -- `--json` needs none
    from rich.text import Text  # noqa: PLC0415 -- see above

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("layer", *(finding.profile.value for finding in findings), "tried", "seen"):
        table.add_column(Text(title, style="bold"), overflow="fold")
    for name in LAYERS:
        found = [_layer(finding, name) for finding in findings]
        seen = _most_telling(findings, name)
        cells = [_STATES[layer.active if layer is not None else None] for layer in found]
        mark = "*" if name in ESSENTIAL_LAYERS else ""
        texts = (seen.probe, seen.detail) if seen is not None else ("", "")
        table.add_row(Text(name + mark), *(Text(*cell) for cell in cells), *map(Text, texts))
    return table


def _layer(finding: Finding, name: str) -> LayerReport | None:
    """Return one layer of a profile, None if nothing is known about it."""
    layers = finding.report.layers if finding.report is not None else ()
    return next((layer for layer in layers if layer.name == name), None)


def _most_telling(findings: list[Finding], name: str) -> LayerReport | None:
    """Return a layer as one profile saw it: a failure of a sandboxed one if there is one, `trusted` last."""
    seen = [(finding.profile, layer) for finding in findings if (layer := _layer(finding, name)) is not None]
    seen.sort(key=lambda pair: (pair[0] is Profile.TRUSTED, pair[1].active))
    return seen[0][1] if seen else None


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: `json`, whether plain data is wanted.

    Returns:
        Whether guest code is contained.

    Raises:
        InterruptedBySignal: a signal asked for the end.
    """
    findings = []
    with Interrupts() as interrupts:
        for profile in Profile:
            findings.append(examine(profile))
            with interrupts.allowed():
                pass
    machine = Machine.here()
    if options.json:
        print(json.dumps(as_plain(machine, findings), indent=2))  # noqa: T201 -- the command's output
    else:
        from dspex_actors.cli._console import new_console  # noqa: PLC0415 -- brings in rich; see above

        draw(new_console(), machine, findings)
    return ExitCode.COMPLETED if is_contained(findings) else ExitCode.UNCONTAINED
