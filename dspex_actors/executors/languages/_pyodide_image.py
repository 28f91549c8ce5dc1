"""Images of Pyodide: folders that guests' Python is started from, named by what is in them.

    pyodide/        Pyodide, and the lock file of its packages and the image's own
    wheels/         the image's packages, as they were published
    packages/       the same, unpacked and compiled: what guests import
    snapshot.bin    the memory of a Pyodide that has started, with this package's part of it
    image.json      the manifest: what it was made of and for, and the digest of each file

The folder's name is the beginning of its manifest's digest; a name that people use is a link to it beside it.
An image is trusted like a program of the host's: it has to be its user's own, and is checked against its
digests whenever an executor starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import EngineNotFoundError, EngineStartError, EngineVersionError
from dspex_actors.executors.languages._told import is_ours, share_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGE: Final = "pyodide"
BUILD: Final = "dspex-actors image build"
"""The command that makes an image."""

INSTALL: Final = f"pip install 'dspex-actors[pyodide]' && {BUILD}"
DEFAULT: Final = "default"
"""The name of the image that is used where no other is named."""

_MANIFEST: Final = "image.json"
_FORMAT: Final = 1
_NAME_CHARS: Final = 32
_BLOCK: Final = 2**20
_PACKAGE: Final = Path(__file__).parents[2]

# What a snapshot has frozen of this package: a change of it makes images old.
_FROZEN: Final = (
    "__init__.py",
    "_errors.py",
    "values/*.py",
    "workers/__init__.py",
    "workers/guest/__init__.py",
    "workers/guest/_failure.py",
    "workers/guest/_python.py",
    "workers/engines/pyodide/*.py",
    "workers/engines/pyodide/load.cjs",
    "workers/engines/pyodide/snapshot.cjs",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that was checked.

    Attributes:
        path: its folder, links followed.
        pyodide: version of Pyodide.
        python: version of the Python in it.
        node: major version of the Node that has made its snapshot: those of others do not fit.
        packages: names of its packages, each with its version.
        requirements: what was asked for when it was made.
        preload: modules that its snapshot has imported.
    """

    path: Path
    pyodide: str
    python: str
    node: str
    packages: Mapping[str, str]
    requirements: tuple[str, ...]
    preload: tuple[str, ...]


def images_folder() -> Path:
    """Return where images are, if nobody says otherwise.

    In a virtual environment that is `share/dspex-actors/images` below it, else the same below `~/.local`.
    """
    return share_folder() / "images"


def place_of(given: str | None) -> Path:
    """Return where an image should be.

    Args:
        given: its path, or its name if there is no `/` in it; None for the default image.
    """
    if given is not None and os.sep in given:
        return Path(given).expanduser()
    return images_folder() / (given or DEFAULT)


def frozen_digest() -> str:
    """Return a digest of what snapshots freeze of this package."""
    digest = hashlib.sha256()
    for pattern in _FROZEN:
        for path in sorted(_PACKAGE.glob(pattern)):
            digest.update(f"{path.relative_to(_PACKAGE)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def read_image(place: Path) -> Image:
    """Return an image after checking all of its files.

    Args:
        place: its folder, or a link to it.

    Raises:
        EngineNotFoundError: there is none.
        EngineVersionError: it was made for another version of this package.
        EngineStartError: others may write to it, or it is not as it was made.
    """
    folder = Path(os.path.realpath(place))
    try:
        manifest = (folder / _MANIFEST).read_bytes()
    except OSError:
        raise EngineNotFoundError(LANGUAGE, f"there is no image {place}", INSTALL) from None
    _check_private(folder)
    if folder.name != _name_of(manifest):
        raise EngineStartError(LANGUAGE, f"{folder} is not named by what is in it", INSTALL)
    told = _told(manifest)
    if told.get("format") != _FORMAT or told.get("frozen") != frozen_digest():
        seen = f"the image {place} was made by another version of this package"
        raise EngineVersionError(LANGUAGE, seen, INSTALL)
    if (changed := _first_difference(told["files"], _digests(folder))) is not None:
        raise EngineStartError(LANGUAGE, f"{folder / changed} is not as the image was made", INSTALL)
    return Image(
        path=folder,
        pyodide=told["pyodide"],
        python=told["python"],
        node=told["node"],
        packages=told["packages"],
        requirements=tuple(told["requirements"]),
        preload=tuple(told["preload"]),
    )


def _told(manifest: bytes) -> dict[str, Any]:
    """Return what a manifest says; nothing if it is none."""
    try:
        told = json.loads(manifest)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def seal(draft: Path, name: str, about: Mapping[str, object]) -> Path:
    """Turn a folder with all that an image has into one, and return its place.

    Args:
        draft: the folder, beside which the image is to be; renamed.
        name: what people will call it; an image that has that name loses it.
        about: `pyodide`, `python`, `node`, `packages`, `requirements` and `preload` of `Image`.
    """
    told = {"format": _FORMAT, "frozen": frozen_digest(), **about, "files": _digests(draft)}
    manifest = json.dumps(told, indent=1, sort_keys=True).encode()
    (draft / _MANIFEST).write_bytes(manifest)
    for path in (draft, *draft.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    folder = draft.parent / _name_of(manifest)
    try:
        draft.rename(folder)
    except OSError:  # it is there already
        if not folder.is_dir():
            raise
    link = draft.parent / f".{name}.{os.getpid()}"
    link.symlink_to(folder.name)
    link.replace(draft.parent / name)
    _sweep(draft.parent)
    return folder


def _sweep(folder: Path) -> None:
    """Remove images that have no name and that this version of the package cannot use."""
    named = {os.path.realpath(path) for path in folder.iterdir() if path.is_symlink()}
    for path in folder.iterdir():
        if path.is_symlink() or str(path) in named or not (path / _MANIFEST).is_file():
            continue
        if _told((path / _MANIFEST).read_bytes()).get("frozen") != frozen_digest():
            shutil.rmtree(path, ignore_errors=True)


def _name_of(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:_NAME_CHARS]


def _check_private(folder: Path) -> None:
    """Refuse an image that others than its user and root may write to.

    Raises:
        EngineStartError: it is one.
    """
    for path in (folder.parent, folder):
        if not is_ours(path.stat()):
            raise EngineStartError(LANGUAGE, f"others may write to {path}", INSTALL)


def _digests(folder: Path) -> dict[str, str]:
    """Return the digest of each file in a folder but the manifest, by its path there.

    A link, a socket and the like has a digest that no file has.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        name = str(path.relative_to(folder))
        if name != _MANIFEST and not stat.S_ISDIR(mode):
            found[name] = _digest(path) if stat.S_ISREG(mode) else "no file"
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _first_difference(expected: Mapping[str, str], seen: Mapping[str, str]) -> str | None:
    """Return the first name under which two tables differ, None if they do not."""
    different = sorted(name for name in expected.keys() | seen.keys() if expected.get(name) != seen.get(name))
    return different[0] if different else None
