"""What `dspex-actors doctor` shows on one screen: the verdict, each layer, languages, what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dspex_actors._policy import ESSENTIAL_LAYERS, LAYERS
from dspex_actors.cli._findings import DECISIVE, is_contained, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dspex_actors.cli._engines import EngineFinding
    from dspex_actors.cli._findings import Finding, Machine


def draw(
    console: Console, machine: Machine, findings: Sequence[Finding], engines: Sequence[EngineFinding] = ()
) -> None:
    """Print what was found."""
    console.print(verdict(findings), style="bold green" if is_contained(findings) else "bold red")
    abi = machine.landlock_abi or "none"
    user = f"user {machine.user_id}" if machine.user_id else "root"
    console.print(
        f"Python {machine.python} · {machine.kernel} {machine.architecture} · Landlock ABI {abi} · {user}"
    )
    console.print(_table(findings))
    for finding in findings:
        if finding.error:
            console.print(f"{finding.profile.value} cannot be started: {finding.error}")
    for line in (*_kills(findings), *_without_rollback(findings)):
        console.print(line)
    for fix, lacks in _by_fix(findings).items():
        for (profiles, detail), names in lacks.items():
            console.print(f"{_lacking(profiles)} {', '.join(names)}: {detail}")
        console.print(f"  to have it: {fix}")
    if there := [engine.line for engine in engines if engine.engine is not None]:
        console.print(f"languages: {', '.join(there)}")
    for missing in (engine.line for engine in engines if engine.engine is None):
        console.print(missing)
    console.print(
        "* essential: nothing is run without it. trusted is for your own code: no sandbox, by design."
    )


def _lacking(profiles: Sequence[str]) -> str:
    return f"{', '.join(profiles)} {'lacks' if len(profiles) == 1 else 'lack'}"


def _kills(findings: Sequence[Finding]) -> list[str]:
    """Say once for each way in which a kill is complete where it is that."""
    ways: dict[str, list[str]] = {}
    for finding in findings:
        kill = finding.layer("reliable_kill")
        if kill is not None and kill.active:
            ways.setdefault(kill.detail, []).append(finding.profile.value)
    return [f"a kill in {', '.join(profiles)}: {detail}" for detail, profiles in ways.items()]


def _without_rollback(findings: Sequence[Finding]) -> list[str]:
    """Say for the profiles whose sessions can go back, on some machine, why they cannot on this one."""
    reasons: dict[str, list[str]] = {}
    for finding in findings:
        reason = finding.report.no_rollback if finding.report is not None else ""
        if reason and finding.profile in DECISIVE:
            reasons.setdefault(reason, []).append(finding.profile.value)
    return [f"no roll-back of sessions in {', '.join(who)}: {reason}" for reason, who in reasons.items()]


def _by_fix(findings: Sequence[Finding]) -> dict[str, dict[tuple[tuple[str, ...], str], list[str]]]:
    """Return what is missing: the layers by profiles and reason, by what to do about it."""
    lacking: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        for layer in finding.missing:
            lacking.setdefault((layer.fix, layer.name, layer.detail), []).append(finding.profile.value)
    found: dict[str, dict[tuple[tuple[str, ...], str], list[str]]] = {}
    for (fix, name, detail), profiles in lacking.items():
        found.setdefault(fix, {}).setdefault((tuple(profiles), detail), []).append(name)
    return found


def _table(findings: Sequence[Finding]) -> Table:
    """Draw one row for each layer: in which profile it is active, and what was tried."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("layer", *(finding.profile.value for finding in findings), "tried"):
        table.add_column(Text(title, style="bold"), overflow="fold")
    for name in LAYERS:
        mark = "*" if name in ESSENTIAL_LAYERS else ""
        cells = [Text(*_state(finding, name)) for finding in findings]
        table.add_row(Text(name + mark), *cells, Text(_probe(findings, name)))
    return table


def _state(finding: Finding, name: str) -> tuple[str, str]:
    """Return word and colour of a layer: active, missing, not the profile's, or nothing known."""
    layer = finding.layer(name)
    if layer is None:
        return "?", "red"
    if layer.active:
        return "active", "green"
    return ("MISSING", "red") if name in finding.expected else ("-", "dim")


def _probe(findings: Sequence[Finding], name: str) -> str:
    """Return what was tried against a layer, in a profile that is to have it if there is one."""
    tried = [
        (name not in finding.expected, layer.probe) for finding in findings if (layer := finding.layer(name))
    ]
    return min(tried, default=(True, ""), key=lambda pair: pair[0])[1]
