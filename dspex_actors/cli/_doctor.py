"""`dspex-actors doctor`: is guest code contained on this machine, and which languages may it be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors._policy import Profile
from dspex_actors.cli._doctor_json import as_json, as_plain
from dspex_actors.cli._engines import find_engines
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._findings import Machine, examine, is_contained
from dspex_actors.cli._interrupts import Interrupts

if TYPE_CHECKING:
    import argparse


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
    machine, engines = Machine.here(), find_engines()
    if options.json:
        print(as_json(as_plain(machine, findings, engines)))  # noqa: T201 -- the command's output
    else:
        from dspex_actors.cli._console import new_console  # noqa: PLC0415 -- brings in rich; `--json` needs none
        from dspex_actors.cli._doctor_screen import draw  # noqa: PLC0415 -- see above

        draw(new_console(), machine, findings, engines)
    return ExitCode.COMPLETED if is_contained(findings) else ExitCode.UNCONTAINED
