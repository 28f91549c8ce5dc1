"""Making an image: Pyodide from npm, packages from a package index, a snapshot of both.

The packages are wheels without compiled code, for any platform. pip chooses them for the Python that is in
Pyodide, pyodide-build's tools write them into the lock file and refuse what does not fit, and Pyodide
itself compiles them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dspex_actors.cli import _image_tools as tools
from dspex_actors.cli._usage import ToolFailedError, UsageError
from dspex_actors.executors.languages._pyodide_image import seal
from dspex_actors.workers import engine_files

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_FILES: Final = (
    "package.json",
    "pyodide-lock.json",
    "pyodide.asm.js",
    "pyodide.asm.wasm",
    "pyodide.mjs",
    "python_stdlib.zip",
)
_LIBRARY: Final = Path(__file__).parents[2]


class Order(NamedTuple):
    """What an image is to have.

    Attributes:
        name: what it will be called.
        requirements: packages, as pip is told them.
        preload: modules that its snapshot imports.
    """

    name: str
    requirements: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()


def build(order: Order, folder: Path, say: Callable[[str], object]) -> Path:
    """Make an image and return its place.

    Args:
        order: what it is to have.
        folder: where it is to be.
        say: is told of each step.

    Raises:
        UsageError: the folder cannot be written to.
        EngineError: there is no Node, or no npm.
        ToolFailedError: a tool fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=folder))
    except OSError as error:
        raise UsageError(f"cannot make an image in {folder}: {error.strerror}") from None
    try:
        return _fill(draft, order, folder.parent / "tools", say)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _fill(draft: Path, order: Order, tools_folder: Path, say: Callable[[str], object]) -> Path:
    """Fill the folder of an image, seal it and return its place.

    Raises:
        EngineError: there is no Node, or no npm.
        ToolFailedError: a tool fails.
    """
    for name in ("pyodide", "wheels", "packages"):
        (draft / name).mkdir()
    say("installing Pyodide")
    with tempfile.TemporaryDirectory() as scratch:
        installed = tools.install_pyodide(Path(scratch))
        for name in _FILES:
            if not (installed / name).is_file():
                raise ToolFailedError(f"npm has installed no {name} of Pyodide")
            shutil.copyfile(installed / name, draft / "pyodide" / name)
    file = draft / "pyodide" / "pyodide-lock.json"
    lock = json.loads(file.read_text()) | {"packages": {}}  # those that it names are not here
    if order.requirements:
        say("getting the tools of pyodide-build")
        programs = tools.builder(tools_folder)
        say(f"getting packages: {' '.join(order.requirements)}")
        lock["packages"] = _add_packages(draft, programs, order.requirements, lock["info"])
    file.write_text(json.dumps(lock, indent=1, sort_keys=True))
    say("making a snapshot")
    (program,) = engine_files("pyodide", "snapshot.cjs")
    node = tools.node()
    command = [node.path, "--no-warnings", program, draft, _LIBRARY, *order.preload]
    python = tools.run("making a snapshot", command)
    version = json.loads((draft / "pyodide" / "package.json").read_text())["version"]
    about = {
        "pyodide": version,
        "python": python,
        "node": node.version.split(".")[0],
        "packages": {name: entry["version"] for name, entry in lock["packages"].items()},
        "requirements": list(order.requirements),
        "preload": list(order.preload),
    }
    return seal(draft, order.name, about)


def _add_packages(draft: Path, programs: Path, requirements: Sequence[str], info: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- see `lock_packages`
    """Get packages with all that they need; return their entries of a lock file.

    Args:
        draft: folder of the image.
        programs: of the environment of pyodide-build.
        requirements: what to get.
        info: what the lock file says of Pyodide.

    Raises:
        ToolFailedError: one is not to be had without compiled code, or does not fit.
    """
    wheels = draft / "wheels"
    minor = ".".join(info["python"].split(".")[:2])
    fitting = ["--only-binary=:all:", f"--python-version={minor}"]
    fitting += ["--implementation=py", "--abi=none", "--platform=any"]
    pip: list[str | Path] = [programs / "python", "-m", "pip", "--disable-pip-version-check"]
    what = "getting wheels without compiled code"
    tools.run(what, [*pip, "download", "-q", *fitting, f"--dest={wheels}", *requirements])
    found = sorted(wheels.iterdir())
    with tempfile.TemporaryDirectory() as scratch:
        entries = tools.lock_packages(programs, info, found, Path(scratch))
    target = [f"--target={draft / 'packages'}", "--no-index", "--no-deps", "--no-compile"]
    tools.run("unpacking the packages", [*pip, "install", "-q", *target, *fitting, *found])
    shutil.rmtree(draft / "packages" / "bin", ignore_errors=True)  # programs, for which there is no shell
    return entries
