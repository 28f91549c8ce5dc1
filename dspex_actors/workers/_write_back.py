"""Bringing the changes that a guest has made to its copy of a folder back to the host.

They are staged first: new contents lie beside their places under other names, and nothing is changed yet.
Then all is put in place, file by file, each replaced at once. A refusal in the first part changes nothing.
Against other programs that write to the same folder there is a check, and no lock. Files are safe from
readers that come in the middle, not from a machine that loses power.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from dspex_actors._errors import WritePathError
from dspex_actors.workers import _tree
from dspex_actors.workers._copying import CREATE, Quota, give, open_folder, pump, signature_of
from dspex_actors.workers._write_plan import Copied, Found, Manifest, RefusedError, plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dspex_actors.workers._protocol import ScratchQuota
    from dspex_actors.workers._write_plan import Plan

_PUTTING_IN_PLACE = threading.Lock()
"""Two guests may have copies of one folder. To look at it and change it is for one at a time; a folder has no
owner to hang this on."""


class _New(NamedTuple):
    """A content that lies ready.

    Attributes:
        path: where, below the folder of the host.
        copied: what the guest will have been given with it.
    """

    path: str
    copied: Copied


class Staged:
    """The changes that a guest has made to its copy of a folder, ready to be put in place.

    Args:
        label: what the names of its files begin with when they are told.
        path: the folder of the host.
        copy: descriptor of the guest's copy.
        before: what it was given.
        quota: what the copy may hold.

    Attributes:
        written, removed: names of what was put in place, or removed, so far.

    Raises:
        RefusedError: they cannot be; nothing is changed.
    """

    def __init__(self, label: str, path: str, copy: int, before: Manifest, quota: ScratchQuota) -> None:
        self._label = label
        self._before = before
        try:
            self._found, self._folders = find(copy, quota)
            self._plan: Plan = plan(before, self._found, self._folders)
        except RefusedError as error:
            raise RefusedError(f"{label}/{error}") from error
        self._new: dict[str, _New] = {}
        self._done: dict[str, Copied] = {}
        self.written: list[str] = []
        self.removed: list[str] = []
        try:
            self._target = open_folder(path)
        except WritePathError as error:
            raise RefusedError(f"{label}: the host's folder cannot be opened: {error.reason}") from error
        for name in self._plan.write:
            try:
                self._new[name] = self._stage(copy, name)
            except OSError as error:
                self.close()
                raise self._refusal(name, str(error.strerror)) from error
            except BaseException:
                self.close()
                raise

    def _stage(self, copy: int, name: str) -> _New:
        """Write the new content of a file beside its place, or above it where its folder is not there yet."""
        folder = name.rpartition("/")[0]
        while folder and folder not in self._before.folders:
            folder = folder.rpartition("/")[0]
        temporary = f".dspex-{secrets.token_hex(8)}"
        path = f"{folder}/{temporary}" if folder else temporary
        with _tree.parent_of(self._target, path) as (parent, _):
            older = None
            if name in self._before.files:
                older = os.stat(name.rpartition("/")[2], dir_fd=parent, follow_symlinks=False)
            mode = 0o600 if older is not None else 0o777 if self._found[name].executable else 0o666
            target = os.open(temporary, CREATE, mode, dir_fd=parent)
            try:
                copied = self._fill(copy, name, target, older)
            except BaseException:
                os.unlink(temporary, dir_fd=parent)
                raise
            finally:
                os.close(target)
        return _New(path, copied)

    def _fill(self, copy: int, name: str, target: int, older: os.stat_result | None) -> Copied:
        """Copy a file of the guest's; owner and permissions are those of the file that it replaces."""
        with _tree.parent_of(copy, name) as (parent, base):
            source = _tree.open_file(parent, base)
        try:
            digest = pump(source, target, self._found[name].size + 1)
        finally:
            os.close(source)
        if digest != self._found[name].digest:
            raise self._refusal(name, "it was changed while it was copied")
        if older is not None:
            with suppress(PermissionError):  # only root can give files away
                give(target, older)
            os.fchmod(target, older.st_mode & 0o777)
        return Copied(digest, signature_of(os.fstat(target)))

    def _refusal(self, name: str, reason: str) -> RefusedError:
        return RefusedError(f"{self._label}/{name}: {reason}")

    def put_in_place(self) -> Manifest:
        """Make the changes; return what the guest's copy is a copy of from now on.

        Raises:
            OSError: the host's system refused, in the middle; `written` and `removed` tell how far it came.
        """
        for name in self._plan.make:
            with _tree.parent_of(self._target, name) as (parent, base):
                os.mkdir(base, dir_fd=parent)
        for name, new in list(self._new.items()):
            with (
                _tree.parent_of(self._target, new.path) as (from_folder, temporary),
                _tree.parent_of(self._target, name) as (folder, base),
            ):
                os.rename(temporary, base, src_dir_fd=from_folder, dst_dir_fd=folder)
            del self._new[name]
            self._done[name] = new.copied
            self.written.append(f"{self._label}/{name}")
        self._remove()
        known = {**self._before.files, **self._done}
        files = {name: copied for name, copied in known.items() if name in self._found}
        return Manifest(files, frozenset(self._folders), self._before.skipped)

    def _remove(self) -> None:
        for name in self._plan.remove:
            with _tree.parent_of(self._target, name) as (folder, base):
                os.unlink(base, dir_fd=folder)
            self.removed.append(f"{self._label}/{name}")
        for name in self._plan.empty:
            with _tree.parent_of(self._target, name) as (folder, base), suppress(OSError):  # holds something
                os.rmdir(base, dir_fd=folder)
                self.removed.append(f"{self._label}/{name}")

    def verify(self) -> None:
        """Make sure that what is to be changed is as it was when it was copied.

        Raises:
            RefusedError: something is not.
        """
        for name in (*self._plan.write, *self._plan.remove, *self._plan.make):
            known = self._before.files.get(name)
            try:
                with _tree.parent_of(self._target, name) as (folder, base):
                    now = os.stat(base, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                if known is None:
                    continue
                raise self._refusal(name, "on the host it is gone meanwhile") from None
            except OSError as error:
                raise self._refusal(name, str(error.strerror)) from error
            if known is None:
                raise self._refusal(name, "on the host there is one meanwhile")
            if not stat.S_ISREG(now.st_mode) or signature_of(now) != known.signature:
                raise self._refusal(name, "on the host it was changed meanwhile")

    def close(self) -> None:
        """Remove what was not put in place."""
        for new in self._new.values():
            with suppress(OSError), _tree.parent_of(self._target, new.path) as (folder, temporary):
                os.unlink(temporary, dir_fd=folder)
        self._new = {}
        if self._target >= 0:
            os.close(self._target)
            self._target = -1


def put_all_in_place(staged: Mapping[str, Staged]) -> dict[str, Manifest]:
    """Make the changes to some folders; return what the copies are copies of from now on.

    Raises:
        RefusedError: somebody else has changed a file meanwhile, and nothing is changed; or the host's system
            refused in the middle.
    """
    with _PUTTING_IN_PLACE:
        for each in staged.values():
            each.verify()
        try:
            return {name: each.put_in_place() for name, each in staged.items()}
        except OSError as error:
            raise RefusedError(f"the host's system refused: {error}") from error


def find(copy: int, quota: ScratchQuota) -> tuple[dict[str, Found], set[str]]:
    """Return what a guest has left in its copy: files and folders by name.

    Raises:
        RefusedError: it holds what cannot be written back, or too much.
    """
    files, folders, room = dict[str, Found](), set[str](), Quota(quota)
    try:
        for entry in _tree.walk(copy, room.files):
            if entry.problem:
                raise RefusedError(f"{entry.name}: {entry.problem}")
            if entry.is_folder:
                folders.add(entry.name)
                continue
            if reason := room.take(entry.facts.st_size):
                raise RefusedError(reason)
            source = _tree.open_file(entry.folder, entry.base)
            try:
                size = entry.facts.st_size
                files[entry.name] = Found(pump(source, None, size), size, entry.is_executable)
            finally:
                os.close(source)
    except OSError as error:
        raise RefusedError(f"the guest's copy cannot be read: {error}") from error
    return files, folders
