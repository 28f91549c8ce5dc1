"""What is to be done to a folder of the host so that it becomes as a guest has left its copy. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class RefusedError(Exception):
    """Nothing may be written back; the message says why."""


class Signature(NamedTuple):
    """What shows that a file of the host was changed or replaced."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class Copied(NamedTuple):
    """A file of the host as the guest was given it."""

    digest: bytes
    signature: Signature


class Manifest(NamedTuple):
    """A folder of the host as the guest was given it.

    Attributes:
        files: by name.
        folders: names.
        skipped: names of what the guest was not given: links, devices, names that are not UTF-8.
    """

    files: Mapping[str, Copied]
    folders: frozenset[str]
    skipped: frozenset[str]


class Found(NamedTuple):
    """A file as the guest has left it.

    Attributes:
        digest: of its content.
        size: in bytes.
        executable: whether it may be executed.
    """

    digest: bytes
    size: int = 0
    executable: bool = False


class Plan(NamedTuple):
    """The changes, each part in the order in which they can be made.

    Attributes:
        make: folders that are new.
        write: files that are new or have another content.
        remove: files that are gone.
        empty: folders that are gone; one that still holds something of the host's stays.
    """

    make: tuple[str, ...]
    write: tuple[str, ...]
    remove: tuple[str, ...]
    empty: tuple[str, ...]


def plan(before: Manifest, files: Mapping[str, Found], folders: Iterable[str]) -> Plan:
    """Return the changes that lead from what the guest was given to what it has left.

    Args:
        before: what it was given.
        files: what it has left, by name.
        folders: names.

    Raises:
        RefusedError: what it has left stands in the way of something of the host's.
    """
    now = set(folders)
    for name in (*files, *now):
        if name in before.skipped:
            raise RefusedError(f"{name}: on the host this is something that is not copied")
    for name in sorted(now & before.files.keys()):
        raise RefusedError(f"{name}: on the host this is a file, now it is a folder")
    for name in sorted(files.keys() & before.folders):
        raise RefusedError(f"{name}: on the host this is a folder, now it is a file")
    known = before.files
    return Plan(
        make=tuple(sorted(now - before.folders)),
        write=tuple(
            sorted(n for n, found in files.items() if n not in known or found.digest != known[n].digest)
        ),
        remove=tuple(sorted(known.keys() - files.keys())),
        empty=tuple(sorted(before.folders - now, reverse=True)),
    )
