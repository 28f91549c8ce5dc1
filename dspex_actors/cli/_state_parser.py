"""The command line of `dspex-actors state`: what may be asked of a store. Loads nothing of the store."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from dspex_actors.cli._state_which import LATEST, WHICH, count_of, seconds_of, version_of

if TYPE_CHECKING:
    from collections.abc import Callable

STORE_VARIABLE: Final = "DSPEX_STATE_STORE"
PASSWORD_VARIABLE: Final = "DSPEX_STATE_PASSWORD"  # noqa: S105 -- the name of one
KEYS_VARIABLE: Final = "DSPEX_STATE_KEYS"

_EXAMPLES: Final = f"""\
where the store is (--store, or the variable {STORE_VARIABLE}):
  states.db, folder             a path of a store
  sqlite:PATH, file:FOLDER      the same, said; sqlite:///absolute/path too
  redis://HOST:PORT/DB          also rediss:// and unix:///SOCKET; --name is the prefix
  postgresql://USER@HOST/DB     --name is the schema
A password is best given in {PASSWORD_VARIABLE}; it is never printed.

examples:
  dspex-actors state list --store states.db
  dspex-actors state list --store states.db agent-7
  dspex-actors state show --store states.db agent-7 @2026-11-05T12:00Z
  dspex-actors state diff --store states.db agent-7 41 latest
  dspex-actors state verify --store postgresql://me@host/app
  dspex-actors state prune --store states.db --keep-versions 20 --keep-for 30d --all

exit codes:
  0 done   1 verify: damaged; diff: they differ   2 usage, or there is none such   5 the store failed
"""


def add_state(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], int],
) -> None:
    """Add the command and all that can be asked of it.

    Args:
        commands: of the parser.
        command: runs what was asked; `options.action` says what.
    """
    state = commands.add_parser(
        "state",
        help="look after a state store: list, show, diff, verify, export, import, prune",
        description="Look after a state store. Nothing is written but by import and prune.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    actions = state.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    store = _of_the_store()

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        action = actions.add_parser(
            name,
            parents=[store],
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        action.set_defaults(command=command)
        return action

    listing = add("list", "list ids with their newest version, or the versions of one id")
    listing.add_argument("id", nargs="?", metavar="ID", help="list its versions, the newest first")
    what = listing.add_mutually_exclusive_group()
    what.add_argument("--deleted", action="store_true", help="list the ids that are deleted")
    what.add_argument("--snapshots", action="store_true", help="list snapshots")
    listing.add_argument("--limit", type=count_of, metavar="N", help="at most that many")

    show = add("show", "show a state and what is said of it")
    show.add_argument("id", metavar="ID")
    show.add_argument("version", nargs="?", type=version_of, default=LATEST, metavar="VERSION", help=WHICH)
    _add_pickle(show)

    diff = add("diff", "show what differs between two versions of an id")
    diff.add_argument("id", metavar="ID")
    diff.add_argument("old", type=version_of, metavar="OLD", help=WHICH)
    diff.add_argument("new", nargs="?", type=version_of, default=LATEST, metavar="NEW", help="the same")
    _add_pickle(diff)

    verify = add("verify", "check every byte of every version, and name what is damaged")
    verify.add_argument("ids", nargs="*", metavar="ID", help="only these; else all, and snapshots")

    export = add("export", "write ids with all their versions to one file")
    export.add_argument("file", metavar="FILE")
    export.add_argument("ids", nargs="*", metavar="ID", help="only these; else all, and snapshots")
    export.add_argument("--overwrite", action="store_true", help="replace a file that is there")

    into = add("import", "add what export wrote, once all of it has been checked")
    into.add_argument("file", metavar="FILE")
    into.add_argument(
        "--existing",
        choices=["refuse", "skip", "append"],
        default="refuse",
        help="what to do with ids that the store has (default: refuse)",
    )
    into.add_argument("--create", action="store_true", help="make the store if it is not there")
    into.add_argument(
        "--durability", metavar="LEVEL", help="what an import has to survive, as the backend names it"
    )

    prune = add("prune", "remove old versions for good, but never the newest nor what a snapshot names")
    prune.add_argument("ids", nargs="*", metavar="ID")
    prune.add_argument("--all", action="store_true", help="of all ids")
    prune.add_argument("--keep-versions", type=count_of, metavar="N", help="keep the newest N of each id")
    prune.add_argument(
        "--keep-for",
        type=seconds_of,
        metavar="TIME",
        help="keep what was the newest within it: 90, 12h, 30d, 4w",
    )
    prune.add_argument("--dry-run", action="store_true", help="remove nothing, only count")


def _of_the_store() -> argparse.ArgumentParser:
    """Return the options that every action has."""
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument("--store", metavar="WHERE", help=f"where it is (default: {STORE_VARIABLE})")
    store.add_argument("--name", metavar="NAME", help="prefix on Redis, schema on Postgres")
    store.add_argument(
        "--keys",
        metavar="FILE",
        help=f"keys that it was signed and encrypted with (default: {KEYS_VARIABLE})",
    )
    store.add_argument(
        "--accept-unsigned", action="store_true", help="read what is not signed, although there are keys"
    )
    store.add_argument("--json", action="store_true", help="print plain data")
    return store


def _add_pickle(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load pickles, which run code, if one of the signing keys signed them",
    )
