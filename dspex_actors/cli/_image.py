"""`dspex-actors image build`: make an image of Pyodide for guests, with packages that they can import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineError
from dspex_actors.cli._exit_code import ExitCode
from dspex_actors.cli._image_build import Order, build
from dspex_actors.cli._terminal import Sink
from dspex_actors.executors.languages._pyodide import usable
from dspex_actors.executors.languages._pyodide_image import images_folder

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> ExitCode:
    """Run the command.

    Args:
        options: `name`, `folder` (None for the usual one), `preload`, `packages`, `again`.

    Returns:
        `COMPLETED`: the image is there, and its path was printed.

    Raises:
        UsageError: the folder cannot be written to.
        EngineError: there is no Node, or no npm.
        ToolFailedError: a tool fails.
    """
    folder = images_folder() if options.folder is None else Path(options.folder).expanduser().absolute()
    order = Order(options.name, tuple(sorted(options.packages)), tuple(options.preload))
    place = None if options.again else _find(order, folder)
    if place is None:
        told = Sink(sys.stderr)
        place = build(order, folder, lambda step: told.write_line(f"image {order.name}: {step}"))
        usable(place)
    Sink(sys.stdout).write_line(str(place))
    return ExitCode.COMPLETED


def _find(order: Order, folder: Path) -> Path | None:
    """Return the place of an image that is as ordered and can be used, None if there is none."""
    try:
        image, _ = usable(folder / order.name)
    except EngineError:
        return None
    same = image.requirements == order.requirements and image.preload == order.preload
    return image.path if same else None
