"""The command line of `dspex-actors modules`: what may be asked of a runtime. Loads nothing of it."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL_VARIABLE: Final = "DSPEX_CONTROL"

_EXAMPLES: Final = f"""\
where the runtime is (--control, or the variable {CONTROL_VARIABLE}): the path it was given,
  Runtime(control="/run/user/1000/app/control.sock"). Only its own user and root may ask.

examples:
  dspex-actors modules list --control control.sock 'agents.*'
  dspex-actors modules show --control control.sock agents.writer
  dspex-actors modules reload --control control.sock agents.writer 1.2.0
  dspex-actors modules rollback --control control.sock agents.writer
  dspex-actors modules watch --control control.sock --json | jq .event

exit codes:
  0 done   1 the reload failed, all is as before   2 usage, or there is none such
  5 the runtime cannot be reached, or ended   130 Ctrl-C, which is how a watch ends
"""
_PATTERN: Final = "a glob over ids (default: all)"


def add_modules(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], int],
) -> None:
    """Add the command and all that can be asked of it.

    Args:
        commands: of the parser.
        command: runs what was asked; `options.action` says what.
    """
    modules = commands.add_parser(
        "modules",
        help="look after the modules of a running runtime: list, show, reload, rollback, watch",
        description="Look after the modules of a running runtime, by its control socket.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = modules.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--control", metavar="PATH", help=f"the runtime's control socket (default: {CONTROL_VARIABLE})"
    )
    shared.add_argument("--json", action="store_true", help="print plain data")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        action = actions.add_parser(
            name,
            parents=[shared],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        action.set_defaults(command=command)
        return action

    listing = add("list", "list registered modules with their current versions")
    listing.add_argument("pattern", nargs="?", default="*", metavar="PATTERN", help=_PATTERN)
    listing.add_argument("--type", metavar="TYPE", help="only of this type")
    listing.add_argument("--version", metavar="RANGE", help="only such as '>=1.2,<2'")
    listing.add_argument("--tag", action="append", default=[], metavar="TAG", help="only with it; repeatable")

    show = add("show", "show a module, its versions and its instances")
    show.add_argument("id", metavar="ID")

    reload = add("reload", "reload a module and its instances: all of it, or nothing")
    reload.add_argument("id", metavar="ID")
    reload.add_argument("version", nargs="?", metavar="VERSION", help="label of what is loaded")
    reload.add_argument("--source", metavar="FILE", help="of a file module, its next version")
    _add_wait(reload)

    back = add(
        "rollback", "bring a module and its instances back to the version before: all of it, or nothing"
    )
    back.add_argument("id", metavar="ID")
    _add_wait(back)

    watch = add("watch", "print what happens to modules, until Ctrl-C")
    watch.add_argument("pattern", nargs="?", default="*", metavar="PATTERN", help=_PATTERN)


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--when-busy",
        choices=["abort", "restart"],
        default="abort",
        help="what to do about an instance that does not end its call in time (default: abort)",
    )
    parser.add_argument("--suspend-s", type=_seconds, metavar="SECONDS", help="how long that is (default: 5)")


def _seconds(text: str) -> float:
    """Read a duration.

    Raises:
        ArgumentTypeError: it is no finite number of seconds above zero.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of seconds > 0, got {text!r}")
    return seconds
