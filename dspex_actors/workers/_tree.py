"""Looking through a folder that somebody else may be changing, and that may be hostile.

Nothing is followed: folders are opened one below the other by descriptor, a link is only ever seen as one.
Nothing blocks: what is no regular file is not opened. Nothing is endless: entries and depth are counted.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 32
"""Folders below each other that are looked into; each takes a descriptor meanwhile."""

MOST_ENTRIES = 20_000
"""Entries that are looked at where nothing smaller is asked for; about a tenth of a second."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class Entry(NamedTuple):
    """Something that a folder holds.

    Attributes:
        name: relative to the top, with `/` between folders; with backslashes where it is not UTF-8.
        facts: as lstat(2) tells.
        folder: descriptor of the folder it is in, valid until the next entry is asked for.
        base: its name in there, as the system takes it.
        problem: why it cannot be taken over, or looked into; empty if it can.
        unseen: whether the problem hides what else there may be: it is too deep, private, or one too many.
    """

    name: str
    facts: os.stat_result
    folder: int
    base: str
    problem: str = ""
    unseen: bool = False

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.facts.st_mode)

    @property
    def is_executable(self) -> bool:
        """Whether its owner may execute it."""
        return bool(self.facts.st_mode & stat.S_IXUSR)


class _Budget:
    """How many entries may still be looked at."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most


def walk(top: int, most: int = MOST_ENTRIES) -> Iterator[Entry]:
    """Yield all that is below a folder: by name, a folder before what it holds.

    Args:
        top: descriptor of the folder.
        most: entries to look at; the first one beyond has that as its problem, and is the last.

    Raises:
        OSError: the folder itself cannot be read.
    """
    here = os.open(".", _FOLDER, dir_fd=top)  # with an offset of its own
    try:
        yield from _walk(here, "", 1, _Budget(most))
    finally:
        os.close(here)


def _walk(folder: int, prefix: str, depth: int, budget: _Budget) -> Iterator[Entry]:
    for base in _list(folder, budget):
        try:
            facts = os.stat(base, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            continue  # somebody is at work here
        name, problem = _text(base)
        name = prefix + name
        budget.left -= 1
        if budget.left < 0:
            too_many = f"there are more than {budget.most} files and folders"
            yield Entry(name, facts, folder, base, too_many, unseen=True)
            return
        if stat.S_ISDIR(facts.st_mode):
            yield from _look_into(Entry(name, facts, folder, base, problem), depth, budget)
            if budget.left < 0:
                return
            continue
        kind = "" if stat.S_ISREG(facts.st_mode) else _KINDS.get(stat.S_IFMT(facts.st_mode), "no file")
        yield Entry(name, facts, folder, base, f"it is {kind}" if kind else problem)


def _look_into(entry: Entry, depth: int, budget: _Budget) -> Iterator[Entry]:
    """Yield a folder and what is below it."""
    if entry.problem:
        yield entry
        return
    if depth >= DEEPEST:
        yield entry._replace(problem=f"it is the {DEEPEST}th folder in a row", unseen=True)
        return
    try:
        inner = os.open(entry.base, _FOLDER, dir_fd=entry.folder)
    except OSError as error:
        yield entry._replace(problem=f"it cannot be read: {error.strerror}", unseen=True)
        return
    try:
        yield entry
        yield from _walk(inner, f"{entry.name}/", depth + 1, budget)
    finally:
        os.close(inner)


def _list(folder: int, budget: _Budget) -> list[str]:
    """Return the names in a folder, sorted; at most one more than may be looked at."""
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            names.append(entry.name)
            if len(names) > budget.left:
                break
    return sorted(names)


def _text(base: str) -> tuple[str, str]:
    """Return a name as text, and what is wrong with it."""
    raw = os.fsencode(base)
    try:
        return raw.decode(), ""
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace"), "its name is not UTF-8"


def open_file(folder: int, base: str) -> int:
    """Open a regular file for reading; return its descriptor.

    Args:
        folder: descriptor of the folder it is in.
        base: its name in there.

    Raises:
        OSError: it is not there any more, is something else now, or may not be read.
    """
    descriptor = os.open(base, _FILE, dir_fd=folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file any more")
    return descriptor


@contextmanager
def parent_of(top: int, name: str) -> Iterator[tuple[int, str]]:
    """Open the folder in which a name is, one part after the other; yield its descriptor and the last part.

    Args:
        top: descriptor of the folder that the name is relative to.
        name: without `.` and `..`.

    Raises:
        OSError: a part is not there, or is no folder.
    """
    *folders, base = name.split("/")
    here = os.open(".", _FOLDER, dir_fd=top)
    try:
        for part in folders:
            inner = os.open(part, _FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        yield here, base
    finally:
        os.close(here)


def remove_below(top: int) -> None:
    """Remove all that is in a folder, but not the folder.

    Raises:
        OSError: something could not be removed, or is too deep.
    """
    while True:
        names = _list(top, _Budget(MOST_ENTRIES))
        if not names:
            return
        for name in names:
            _remove(top, name, 1)


def _remove(folder: int, name: str, depth: int) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):  # the kernels' words for a folder
        if depth >= DEEPEST:
            raise OSError(errno.ELOOP, f"there are {DEEPEST} folders in a row") from None
        inner = os.open(name, _FOLDER, dir_fd=folder)
        try:
            for each in _list(inner, _Budget(MOST_ENTRIES)):
                _remove(inner, each, depth + 1)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=folder)
