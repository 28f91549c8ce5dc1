"""Scratch folders: one per worker, lent and cleaned.

Removal must cope with what a hostile guest leaves: trees deeper than any path or recursion limit, symbolic
links that point out, folders without permissions. It never follows a link and needs one open descriptor at a
time.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress


def empty_folder(path: str) -> None:
    """Remove everything in a folder, but not the folder.

    Folders found on the way are moved up to the top and emptied in turn, so depth does not matter.

    Raises:
        OSError: something could not be removed.
    """
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        serial = 0
        while True:
            folders = _unlink_files(top)
            if not folders:
                return
            for name in folders:
                serial = _flatten(top, name, serial)
    finally:
        os.close(top)


def _unlink_files(folder: int) -> list[str]:
    """Unlink what is not a folder; return the names of the folders."""
    folders = []
    with os.scandir(folder) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in names:
        if is_folder:
            folders.append(name)
        else:
            with suppress(FileNotFoundError):  # a zygote and its host may both be at it
                os.unlink(name, dir_fd=folder)
    return folders


def _flatten(top: int, name: str, serial: int) -> int:
    """Empty one folder directly below `top`, moving its folders beside it, and remove it."""
    if not _open_to_owner(top, name):
        return serial
    with suppress(FileNotFoundError):
        serial = _move_up(top, name, serial)
    return serial


def _move_up(top: int, name: str, serial: int) -> int:
    """Move the folders of one folder beside it, unlink its files, and remove it."""
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        for child in _unlink_files(inner):
            _open_to_owner(inner, child)  # a folder can only be moved by who may write to it
            while True:
                serial += 1
                target = f"dspex-remove-{serial}"
                try:
                    os.stat(target, dir_fd=top, follow_symlinks=False)
                except FileNotFoundError:
                    break
            os.rename(child, target, src_dir_fd=inner, dst_dir_fd=top)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)
    return serial


def _open_to_owner(parent: int, name: str) -> bool:
    """Make a folder readable for ourselves; False if it is gone."""
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode) and stat.S_IMODE(mode) & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=parent)
    return True


def remove_folder(path: str) -> None:
    """Remove a folder and everything in it; quiet if it is not there.

    Raises:
        OSError: something could not be removed.
    """
    with suppress(FileNotFoundError):
        empty_folder(path)
        os.rmdir(path)  # noqa: PTH106 -- pathlib is not loaded in a zygote
