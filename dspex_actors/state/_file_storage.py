"""The operations of the file_system backend; see `Storage` for the contract."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Final

from dspex_actors.serialization._files import _temporary
from dspex_actors.state._backend import SnapshotRow
from dspex_actors.state._file_chain import Chain
from dspex_actors.state._file_frames import snapshot_frame, snapshot_parts, version_frame
from dspex_actors.state._file_names import is_cut, quoted, revision_of, unquoted
from dspex_actors.state._file_system import NAME, flush_folder, locked, translated
from dspex_actors.state._storage_errors import (
    SnapshotExistsError,
    StorageClosedError,
    StorageDamagedError,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dspex_actors.state._backend import Entry, Row, Which
    from dspex_actors.state._file_system import FileSystem

_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_ID: Final = "id"  # holds the id where the folder's name is cut


class FileStorage:
    """A storage on a folder.

    Args:
        settings: of the backend.
        folder: made ready.
    """

    def __init__(self, settings: FileSystem, folder: Path) -> None:
        self._settings = settings
        self._ids = folder / "ids"
        self._snapshots = folder / "snapshots"
        self._tmp = folder / "tmp"
        self._closed = False

    # -- writing

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions; if one fails after others were stored, return the results of those alone."""
        self._check_open("append")
        results: list[int | None] = []
        refused: set[str] = set()
        flushed: set[Path] = set()
        try:
            for entry in entries:
                at = self._append(entry, refused, flushed)
                results.append(at)
        except StorageError as error:
            if not results or error.written is None:
                raise
        self._flush(flushed, "append")
        return results

    def _append(self, entry: Entry, refused: set[str], changed: set[Path]) -> int | None:
        row = entry.row
        with translated("append"):
            chain = self._chain(row.id)
            if not chain.folder.exists():
                if row.revision != 1:
                    refused.add(row.id)
                    return 0
                chain.folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            with locked(chain.folder, self._settings.busy_timeout_s, "append"):
                current = chain.head()
                if row.id in refused or row.revision != current + 1:
                    refused.add(row.id)
                    return current
                if current == 0:
                    changed.add(self._ids)
                    if is_cut(chain.folder.name):
                        self._write(chain.folder / _ID, chain.id.encode())
                self._write(chain.path(row.revision), version_frame(entry))
                with suppress(OSError):  # the version is there; the hint only saves time
                    chain.hint(row.revision)
        changed.add(chain.folder)
        return None

    def _write(self, target: Path, data: bytes) -> None:
        """Write a whole file, which has its name only then; the name is flushed by the caller."""
        with _temporary(self._tmp / target.name, _MODE) as (descriptor, name):
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if self._settings.flush:
                os.fsync(descriptor)
            name.replace(target)

    def _flush(self, folders: set[Path], operation: str) -> None:
        """Wait until the disk has the new names."""
        if not self._settings.flush:
            return
        with translated(operation, written=None):
            for folder in folders:
                flush_folder(folder)

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Refuse: files do not change together.

        Raises:
            StorageError: always.
        """
        self._check_open("append_together")
        raise StorageError(NAME, "append_together", f"{len(entries)} files cannot be written as one")

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as in the protocol
        """Remove old versions.

        Raises:
            StorageDamagedError: a snapshot is damaged, so that it is not known what it names.
        """
        self._check_open("remove")
        chain = self._chain(id)
        if not chain.folder.exists():
            return 0
        timeout_s = self._settings.busy_timeout_s
        with translated("remove"), ExitStack() as stack:
            stack.enter_context(locked(self._snapshots, timeout_s, "remove"))
            stack.enter_context(locked(chain.folder, timeout_s, "remove"))
            head = chain.head()
            gone = set(revisions) - {head} - self._held(id)
            if not gone:
                return 0
            chain.hint(head, flush=True)  # before anything below it goes: see `Chain`
            return sum(chain.remove(revision) for revision in sorted(gone) if 0 < revision < head)

    def _held(self, id: str) -> set[int]:  # noqa: A002 -- as in the protocol
        held = set()
        for name in _names(self._snapshots):
            parts = snapshot_parts((self._snapshots / name).read_bytes())
            if parts is None:
                reason = f"the snapshot in {self._snapshots / name} is damaged: nobody knows what it names"
                raise StorageDamagedError(NAME, "remove", reason)
            if id in parts[1]:
                held.add(parts[1][id])
        return held

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot if its versions are there.

        Raises:
            SnapshotExistsError: there is one of this name.
        """
        self._check_open("put_snapshot")
        path = self._snapshots / quoted(snapshot.name)
        with (
            translated("put_snapshot"),
            locked(self._snapshots, self._settings.busy_timeout_s, "put_snapshot"),
        ):
            if path.exists():
                raise SnapshotExistsError(snapshot.name)
            missing = sorted(each for each, revision in items.items() if not self._chain(each).has(revision))
            if missing:
                return missing
            self._write(path, snapshot_frame(snapshot, items))
        self._flush({self._snapshots}, "put_snapshot")
        return []

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot."""
        self._check_open("drop_snapshot")
        with (
            translated("drop_snapshot"),
            locked(self._snapshots, self._settings.busy_timeout_s, "drop_snapshot"),
        ):
            try:
                (self._snapshots / quoted(name)).unlink()
            except FileNotFoundError:
                return False
        self._flush({self._snapshots}, "drop_snapshot")
        return True

    # -- reading

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- as in the protocol
        """Return one version."""
        self._check_open("read")
        with translated("read"):
            return self._chain(id).read(which)

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first."""
        self._check_open("read")
        with translated("read"):
            chain = self._chain(id)
            if before is None and limit == 1:
                newest = chain.head()
                revisions = [newest] if newest else []
            else:
                revisions = [each for each in reversed(chain.revisions()) if before is None or each < before]
            found = (chain.row(revision) for revision in revisions)
            rows = (row for row in found if row is not None)
            return [row for row, _ in zip(rows, range(limit), strict=False)]

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id."""
        self._check_open("read")
        rows: list[Row] = []
        with translated("read"):
            for each in sorted(known for known, _ in self._known_ids() if known > after):
                if len(rows) == limit:
                    break
                rows += self.rows(each, limit=1)
        return rows

    def _known_ids(self) -> Iterator[tuple[str, Path]]:
        for name in _names(self._ids):
            folder = self._ids / name
            with suppress(OSError, UnicodeError):  # a folder that is being made; `check` finds others
                id = (folder / _ID).read_bytes().decode() if is_cut(name) else unquoted(name)  # noqa: A001 -- as in the protocol
                if id is not None and quoted(id) == name:
                    yield id, folder

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot; of a damaged one the name alone."""
        self._check_open("read")
        with translated("read"):
            try:
                data = (self._snapshots / quoted(name)).read_bytes()
            except FileNotFoundError:
                return None
        parts = snapshot_parts(data)
        return (
            SnapshotRow(name, 0, b"")
            if parts is None
            else SnapshotRow(name, parts[0].created_us, parts[0].about)
        )

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name."""
        self._check_open("read")
        with translated("read"):
            names = sorted(filter(None, map(self._snapshot_name, _names(self._snapshots))))
        found = (self.read_snapshot(name) for name in names if name > after)
        rows = (row for row in found if row is not None)
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    def _snapshot_name(self, file: str) -> str | None:
        if not is_cut(file):
            return unquoted(file)
        try:
            parts = snapshot_parts((self._snapshots / file).read_bytes())
        except FileNotFoundError:
            return None
        return None if parts is None else parts[0].name

    def check(self) -> list[str]:
        """Look for files that should not be there, and folders and snapshots whose names are lost."""
        self._check_open("check")
        with translated("check"):
            known = {folder.name for _, folder in self._known_ids()}
            findings = [
                f"{self._ids / name} belongs to no id" for name in _names(self._ids) if name not in known
            ]
            findings += [
                f"{folder / name} is no version"
                for _, folder in self._known_ids()
                for name in _names(folder)
                if name not in {_ID, "head"} and revision_of(name) is None
            ]
            findings += [
                f"{self._snapshots / name} is damaged"
                for name in _names(self._snapshots)
                if snapshot_parts((self._snapshots / name).read_bytes()) is None
            ]
            return sorted(findings)

    def close(self) -> None:
        """Refuse further use; nothing is held between operations."""
        self._closed = True

    # -- inside

    def _chain(self, id: str) -> Chain:  # noqa: A002 -- as in the protocol
        return Chain(id, self._ids / quoted(id))

    def _check_open(self, operation: str) -> None:
        if self._closed:
            raise StorageClosedError(NAME, operation, "it was closed")


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
