"""A root folder of our own: a mount namespace in which only what guests may read exists.

The new root is a small file system in memory. What guests may read is bound into it, read-only; folders in
which other packages are installed are covered by empty ones. What is not there has no path: it cannot be
opened, and not be asked about either.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors.workers.confine import _libc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SCRATCH = "/scratch"
"""Where the scratch folders of the workers lie, one mount each."""

SENTINEL = "/sentinel"
"""A file that anybody could read, were it not for Landlock; the probe tries to."""

_BARE = "size=1m,nr_inodes=16384"  # folders and mount points only


class Step(NamedTuple):
    """One step of building the root: show a path of the host, or cover it with an empty folder."""

    path: str
    show: bool


def plan(shown: Iterable[str], hidden: Iterable[str]) -> list[Step]:
    """Return the fewest steps after which all shown paths are there and the hidden ones are not.

    Args:
        shown: files and folders, with all below them.
        hidden: folders; a shown path below one of them is there all the same.
    """
    steps: dict[str, bool] = {}
    wanted = dict.fromkeys(hidden, False) | dict.fromkeys(shown, True)
    for path in sorted(wanted, key=lambda path: path.rstrip("/") + "/"):
        if _is_visible(path, steps) != wanted[path]:
            steps[path] = wanted[path]
    return [Step(*step) for step in steps.items()]


def _is_visible(path: str, steps: dict[str, bool]) -> bool:
    """Whether a path is there after some steps: its nearest ancestor that has one decides."""
    while path != "/":
        path = os.path.dirname(path)  # noqa: PTH120 -- pathlib is not loaded in a zygote
        if path in steps:
            return steps[path]
    return False


def enter(staging: str, steps: Iterable[Step], devices: Iterable[str], links: Mapping[str, str]) -> int:
    """Build the root on a folder and make it this mount namespace's own, for good.

    Needs a mount namespace of our own and the right to mount. If it fails nothing has changed.

    Args:
        staging: an empty folder.
        steps: from `plan`.
        devices: device files that keep working.
        links: paths of links that are made, each with what it leads to.

    Returns:
        A descriptor of the folder `SCRATCH`, in which we alone can make folders.

    Raises:
        OSError: a step failed.
    """
    _libc.mount("none", "/", flags=_libc.MS_REC | _libc.MS_PRIVATE)
    _libc.mount("tmpfs", staging, "tmpfs", _libc.MS_NOSUID | _libc.MS_NODEV, f"mode=755,{_BARE}")
    try:
        for path, show in steps:
            if show:
                _bind(path, staging + path)
            else:
                _libc.mount("tmpfs", staging + path, "tmpfs", _libc.MS_NOSUID, f"mode=755,{_BARE}")
        os.mkdir(staging + SCRATCH)  # noqa: PTH102 -- pathlib is not loaded in a zygote
        _make_file(staging + SENTINEL)
        for path, target in links.items():
            os.makedirs(os.path.dirname(staging + path), exist_ok=True)  # noqa: PTH103, PTH120 -- see above
            os.symlink(target, staging + path)  # noqa: PTH211 -- see above
        for device in devices:
            _make_file(staging + device)
        _libc.restrict_mounts(staging, _libc.MS_RDONLY | _libc.MS_NOSUID | _libc.MS_NODEV)
        for device in devices:
            _libc.mount(device, staging + device, flags=_libc.MS_BIND)
            # A device can be written all the same, but its mode not be changed.
            _libc.restrict_mounts(staging + device, _libc.MS_RDONLY | _libc.MS_NOSUID)
        scratch = _mount_scratch(staging + SCRATCH)
        _libc.pivot_root(staging)
    except OSError:
        _libc.unmount(staging)
        raise
    return scratch


def _mount_scratch(path: str) -> int:
    """Mount the folder of scratch folders read-only, and return a descriptor that can be written to."""
    flags = _libc.MS_NOSUID | _libc.MS_NODEV
    _libc.mount("tmpfs", path, "tmpfs", flags, f"mode=711,{_BARE}")
    writable = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _libc.mount(path, path, flags=_libc.MS_BIND)  # on top: what has the path is not what we have opened
    _libc.restrict_mounts(path, _libc.MS_RDONLY | flags)
    return writable


def _bind(source: str, target: str) -> None:
    """Show a file or folder of the host at a path of the new root."""
    if os.path.isdir(source):  # noqa: PTH112 -- pathlib is not loaded in a zygote
        os.makedirs(target, exist_ok=True)  # noqa: PTH103 -- see above
    else:
        _make_file(target)
    # Recursive: the kernel refuses to uncover what a mount inside covers.
    _libc.mount(source, target, flags=_libc.MS_BIND | _libc.MS_REC)


def _make_file(path: str) -> None:
    """Make an empty file, with the folders above it."""
    os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 -- see above
    os.close(os.open(path, os.O_CREAT | os.O_RDONLY, 0o644))
