"""Copying a folder of the host into a guest's scratch folder, which the guest may be changing meanwhile."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from dspex_actors._errors import WritePathError
from dspex_actors.workers import _tree
from dspex_actors.workers._write_plan import Copied, Manifest, Signature

if TYPE_CHECKING:
    from dspex_actors.workers._protocol import ScratchQuota

_CHUNK = 1 << 20
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Quota:
    """What one copy may hold."""

    def __init__(self, quota: ScratchQuota) -> None:
        self.files = _tree.MOST_ENTRIES if quota.files is None else quota.files
        self._most = self._left = quota.size_bytes

    def take(self, size: int) -> str:
        """Count some bytes; say so if they are too many."""
        if self._left is None:
            return ""
        self._left -= size
        return f"its files have more than {self._most} bytes (Policy.scratch_bytes)" if self._left < 0 else ""


def signature_of(facts: os.stat_result) -> Signature:
    """Return what shows that a file was changed or replaced."""
    return Signature(facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns)


def look(path: str, quota: ScratchQuota) -> dict[str, Signature | None]:
    """Return what a folder of the host holds, by name; None stands for a folder or what is not copied.

    Raises:
        WritePathError: it cannot be read, or holds too much.
    """
    source = open_folder(path)
    try:
        return {
            entry.name: None if entry.is_folder or entry.problem else signature_of(entry.facts)
            for entry in _tree.walk(source, Quota(quota).files)
        }
    except OSError as error:
        raise WritePathError(path, str(error)) from error
    finally:
        os.close(source)


def copy_in(path: str, target: int, quota: ScratchQuota) -> Manifest:
    """Copy what a folder of the host holds. Links, devices and names that are not UTF-8 stay behind.

    Args:
        path: the folder of the host.
        target: descriptor of an empty folder; what is made in it belongs to its owner.
        quota: what the copy may hold.

    Raises:
        WritePathError: something cannot be read or written, or it is too much.
    """
    files: dict[str, Copied] = {}
    folders, skipped = set(), set()
    room, owner = Quota(quota), os.fstat(target)
    source = open_folder(path)
    try:
        for entry in _tree.walk(source, room.files):
            if entry.unseen:
                raise WritePathError(path, f"{entry.name}: {entry.problem}")
            if entry.problem:
                skipped.add(entry.name)
                continue
            with _tree.parent_of(target, entry.name) as (parent, base):
                if entry.is_folder:
                    _make_folder(parent, base, owner)
                    folders.add(entry.name)
                    continue
                if reason := room.take(entry.facts.st_size):
                    raise WritePathError(path, reason)
                files[entry.name] = _copy_file(entry, parent, base, owner)
    except OSError as error:
        raise WritePathError(path, str(error)) from error
    finally:
        os.close(source)
    return Manifest(files, frozenset(folders), frozenset(skipped))


def open_folder(path: str) -> int:
    """Open a folder that the policy names.

    Raises:
        WritePathError: there is none.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise WritePathError(path, error.strerror or str(error)) from error


def _make_folder(parent: int, base: str, owner: os.stat_result) -> None:
    os.mkdir(base, 0o700, dir_fd=parent)
    folder = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        give(folder, owner)
    finally:
        os.close(folder)


def give(descriptor: int, owner: os.stat_result) -> None:
    """Let a new file belong to somebody else, if it does not yet."""
    facts = os.fstat(descriptor)
    if (facts.st_uid, facts.st_gid) != (owner.st_uid, owner.st_gid):
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _copy_file(entry: _tree.Entry, parent: int, base: str, owner: os.stat_result) -> Copied:
    """Copy one file of the host; return what was copied."""
    source = _tree.open_file(entry.folder, entry.base)
    try:
        facts = os.fstat(source)
        copy = os.open(base, CREATE, 0o600, dir_fd=parent)
        try:
            digest = pump(source, copy, entry.facts.st_size)
            os.fchmod(copy, 0o700 if entry.is_executable else 0o600)
            give(copy, owner)
        finally:
            os.close(copy)
        return Copied(digest, signature_of(facts))
    finally:
        os.close(source)


def pump(source: int, target: int | None, most: int) -> bytes:
    """Copy at most some bytes from one file to another, or to none; return their digest."""
    digest = hashlib.blake2b(digest_size=16)
    while most > 0 and (part := os.read(source, min(most, _CHUNK))):
        most -= len(part)
        digest.update(part)
        view = memoryview(part)
        while target is not None and view:
            view = view[os.write(target, view) :]
    return digest.digest()
