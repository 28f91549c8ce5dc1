"""Python in Pyodide, on Node, from an image."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING

from dspex_actors._errors import EngineVersionError
from dspex_actors._language import FoundEngine, Language
from dspex_actors.executors.languages._find import find_engine
from dspex_actors.executors.languages._javascript import JAVASCRIPT
from dspex_actors.executors.languages._javascript import find as find_node
from dspex_actors.executors.languages._pyodide_image import INSTALL, LANGUAGE, place_of, read_image
from dspex_actors.workers import engine_files

if TYPE_CHECKING:
    from pathlib import Path

    from dspex_actors.executors.languages._pyodide_image import Image

NODE = dataclasses.replace(
    JAVASCRIPT, name=LANGUAGE, find=partial(find_node, LANGUAGE, install=INSTALL), install=INSTALL
)
"""The row of the program that Pyodide runs on."""


def usable(place: Path) -> tuple[Image, FoundEngine]:
    """Return an image and the Node that runs it.

    Args:
        place: the folder of the image, or a link to it.

    Raises:
        EngineNotFoundError: there is no image, or no Node.
        EngineVersionError: the image was made by another version of this package, or with another Node; or
            Node is too old.
        EngineStartError: the image is not as it was made, or Node does not tell its version.
    """
    image = read_image(place)
    node = find_engine(NODE)
    if image.node != (major := node.version.split(".")[0]):
        seen = f"the image {place} was made with Node {image.node}, {node.path} is Node {major}"
        raise EngineVersionError(LANGUAGE, seen, INSTALL)
    return image, node


def find(given: str | None) -> FoundEngine:
    """Look for an image, and for Node as JavaScript does.

    Args:
        given: path or name of the image, None for the default one.

    Raises:
        EngineNotFoundError, EngineVersionError, EngineStartError: see `usable`.
    """
    image, node = usable(place_of(given))
    return FoundEngine(
        path=str(image.path),
        version=image.pyodide,
        origin="package" if given is None else "given",
        read_paths=(*node.read_paths, *engine_files("pyodide", ".cjs"), str(image.path)),
        options={"node": node.path, "node_version": node.version},
    )


PYODIDE = Language(
    name=LANGUAGE,
    maker="dspex_actors.workers.engines.pyodide:make",
    find=find,
    install=INSTALL,
    minimum="0.29",
    grace_s=0.5,
    connects=True,
)
"""The row."""
