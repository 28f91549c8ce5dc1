"""The command line of `dspex-actors image`. Loads nothing of what makes images."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_EXAMPLES: Final = """\
The path of the image is printed. An image that is there and as ordered is left as it is.

examples:
  dspex-actors image build                                  # what the language pyodide runs on
  dspex-actors image build --name web structlog==24.4.0 markdown-it-py
  dspex-actors exec -l pyodide --engine web -c 'import structlog; structlog.__name__'

exit codes:
  0 the image is there   2 usage   6 a tool is missing or fails
"""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")


def add_image(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    command: Callable[[argparse.Namespace], int],
) -> None:
    """Add the command.

    Args:
        commands: of the parser.
        command: runs what was asked.
    """
    image = commands.add_parser(
        "image",
        help="make an image of Pyodide, with packages that guests can import",
        description="Make images of Pyodide, which guests in the language pyodide run on.",
        allow_abbrev=False,
    )
    actions = image.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")
    build = actions.add_parser(
        "build",
        help="make an image",
        description="Make an image of Pyodide. Needs Node, npm, and for packages a package index.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    build.add_argument("packages", nargs="*", type=_package, metavar="PACKAGE", help="as pip is told it")
    build.add_argument("--name", type=_name, default="default", help="what it is called (default: default)")
    build.add_argument("--folder", help="where images are (default: in the environment of this command)")
    build.add_argument(
        "--preload",
        action="append",
        default=[],
        type=_module,
        metavar="MODULE",
        help="a module that each guest finds imported; may be repeated",
    )
    build.add_argument("--again", action="store_true", help="make it even if it is there")
    build.set_defaults(command=command)


def _name(text: str) -> str:
    """Read the name of an image.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be letters, digits, - and _, got {text!r}")
    return text


def _package(text: str) -> str:
    """Read what is to be installed.

    Raises:
        ArgumentTypeError: it is an option.
    """
    if text.startswith("-") or not text.strip():
        raise argparse.ArgumentTypeError(f"must be the name of a package, or a path, got {text!r}")
    return text


def _module(text: str) -> str:
    """Read the name of a module.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not _MODULE.fullmatch(text):
        raise argparse.ArgumentTypeError(f"must be the name of a module, got {text!r}")
    return text
