"""The plain data of `dspex-actors doctor --json`: its shape, and how it is made.

The shape is this module's classes; `VERSION` changes with every change of it. A reader can check it:
`msgspec.json.decode(text, type=DoctorReport)` refuses missing and unknown keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._findings import is_contained, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dspex_actors.cli._engines import EngineFinding
    from dspex_actors.cli._findings import Finding, Machine
    from dspex_actors.workers import LayerReport

VERSION: Literal[2] = 2
"""Of the shape."""


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Part of the shape: all its keys are always there, and no others."""


class MachineFacts(_Shape, frozen=True):
    """What the sandbox is built on; `landlock_abi` is 0 without Landlock, `user_id` is 0 for root."""

    python: str
    kernel: str
    architecture: str
    landlock_abi: int
    user_id: int


class LayerFacts(_Shape, frozen=True):
    """One layer of one profile.

    Attributes:
        name: as in the table of layers.
        active: whether everything that was tried against it was refused.
        essential: whether the profile runs nothing without it.
        expected: whether the profile has it on a machine that lacks nothing.
        probe: what was tried.
        seen: what was seen; null unless it is active.
        reason: why it is not active; null if it is.
        fix: how to get it; null if it is active.
    """

    name: str
    active: bool
    essential: bool
    expected: bool
    probe: str
    seen: str | None
    reason: str | None
    fix: str | None


class ProfileFacts(_Shape, frozen=True):
    """One profile.

    Attributes:
        contained: whether guest code is kept from the host: every essential layer is active.
        starts: whether it runs anything here, unless a policy's `require` says otherwise.
        error: why not even an unprotected worker could be started; null if one was.
        complete_kill: what ends all that a guest has started; null if something may be left.
        no_rollback: why its sessions cannot go back to an earlier state; null if they can.
        layers: in the order of the table of layers; empty with an error.
    """

    contained: bool
    starts: bool
    error: str | None
    complete_kill: str | None
    no_rollback: str | None
    layers: list[LayerFacts]


class LanguageFacts(_Shape, frozen=True):
    """One language.

    Attributes:
        found: whether its engine is on this machine, and new enough.
        engine: path of the engine; null if it was not found.
        engine_version: its version; null if it was not found.
        origin: how it was found, `package` or `PATH`; null if it was not.
        reason: why it was not found; null if it was.
        install: the command that installs it.
    """

    found: bool
    engine: str | None
    engine_version: str | None
    origin: str | None
    reason: str | None
    install: str


class DoctorReport(_Shape, frozen=True):
    """All of it.

    Attributes:
        version: of this shape.
        contained: whether guest code is contained in the profiles `strict` and `process`.
        verdict: the same as a sentence, with the layers that are to blame.
        exit_code: of the command: 0 if contained, else 4.
        machine: what the sandbox is built on.
        profiles: by name, all four.
        languages: by name, those of this package.
    """

    version: Literal[2]
    contained: bool
    verdict: str
    exit_code: Literal[0, 4]
    machine: MachineFacts
    profiles: dict[Literal["strict", "process", "shell", "trusted"], ProfileFacts]
    languages: dict[str, LanguageFacts]


def as_plain(
    machine: Machine, findings: Sequence[Finding], engines: Sequence[EngineFinding] = ()
) -> DoctorReport:
    """Return what was found in its plain shape."""
    contained = is_contained(findings)
    return DoctorReport(
        version=VERSION,
        contained=contained,
        verdict=verdict(findings),
        exit_code=ExitCode.COMPLETED.value if contained else ExitCode.UNCONTAINED.value,
        machine=MachineFacts(
            python=machine.python,
            kernel=machine.kernel,
            architecture=machine.architecture,
            landlock_abi=machine.landlock_abi,
            user_id=machine.user_id,
        ),
        profiles={finding.profile.value: _profile(finding) for finding in findings},
        languages={each.language: _language(each) for each in engines},
    )


def as_json(report: DoctorReport) -> str:
    """Return the text that the command prints."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def _language(finding: EngineFinding) -> LanguageFacts:
    engine = finding.engine
    return LanguageFacts(
        found=engine is not None,
        engine=None if engine is None else engine.path,
        engine_version=None if engine is None else engine.version,
        origin=None if engine is None else engine.origin,
        reason=finding.reason or None,
        install=finding.install,
    )


def _profile(finding: Finding) -> ProfileFacts:
    kill = finding.layer("reliable_kill")
    report = finding.report
    return ProfileFacts(
        contained=finding.contained,
        starts=finding.starts,
        error=finding.error or None,
        complete_kill=kill.detail if kill is not None and kill.active else None,
        no_rollback=finding.error or (report.no_rollback if report is not None else "") or None,
        layers=[_layer(finding, layer) for layer in (report.layers if report is not None else ())],
    )


def _layer(finding: Finding, layer: LayerReport) -> LayerFacts:
    return LayerFacts(
        name=layer.name,
        active=layer.active,
        essential=layer.name in finding.required,
        expected=layer.name in finding.expected,
        probe=layer.probe,
        seen=layer.detail if layer.active else None,
        reason=None if layer.active else layer.detail,
        fix=None if layer.active else layer.fix,
    )
