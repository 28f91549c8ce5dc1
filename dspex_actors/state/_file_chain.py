"""The folder of one id: a file for each version, and a hint which is the newest.

A version is there once its file has its name. The hint, `head`, only saves looking at all names: whoever
reads it goes on from there while there is a next file. That finds the newest one, because nothing above what
the hint says is ever removed, and a hint that is damaged or leads nowhere is not believed.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dspex_actors.state._backend import AsOf, Label, Latest, Revision
from dspex_actors.state._file_frames import FIRST_READ, front_size, version_entry
from dspex_actors.state._file_names import revision_name, revision_of

if TYPE_CHECKING:
    from pathlib import Path

    from dspex_actors.state._backend import Entry, Row, Which

_HINT: Final = "head"
_MODE: Final = 0o600


class Chain:
    """The versions of one id, read from its folder, which need not be there.

    Args:
        id: whose.
        folder: where.
    """

    def __init__(self, id: str, folder: Path) -> None:  # noqa: A002 -- the word of the whole library
        self.id = id
        self.folder = folder

    def head(self) -> int:
        """Return the newest revision, 0 if there is none."""
        revision = self._hinted()
        if revision == 0 or not self.has(revision):
            return max(self.revisions(), default=0)
        while self.has(revision + 1):
            revision += 1
        return revision

    def _hinted(self) -> int:
        try:
            text = (self.folder / _HINT).read_bytes()
        except OSError:
            return 0
        number, _, check = text.partition(b" ")
        return int(number) if number.isdigit() and check == _check(number) else 0

    def hint(self, revision: int, *, flush: bool = False) -> None:
        """Write down which version is the newest; only a hint, so that nothing is lost with it."""
        number = str(revision).encode()
        descriptor = os.open(self.folder / _HINT, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            text = number + b" " + _check(number)
            os.pwrite(descriptor, text, 0)
            os.ftruncate(descriptor, len(text))
            if flush:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def path(self, revision: int) -> Path:
        """Return where the file of a version is."""
        return self.folder / revision_name(revision)

    def has(self, revision: int) -> bool:
        """Return whether there is such a version."""
        return self.path(revision).exists()

    def revisions(self) -> list[int]:
        """Return all revisions, the oldest first."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(revision for name in names if (revision := revision_of(name)) is not None)

    def read(self, which: Which) -> Entry | None:
        """Return one version, None if there is none such."""
        match which:
            case Latest():
                return self._newest()
            case Revision(number):
                return self.entry(number) if 0 < number < 10**16 else None
            case Label(text):
                found = (row for row in map(self.row, reversed(self.revisions())) if row is not None)
                revision = next((row.revision for row in found if row.label == text and not row.deleted), 0)
                return self.entry(revision) if revision else None
            case AsOf(us):
                return self._as_of(us)

    def _newest(self) -> Entry | None:
        while (revision := self.head()) and (entry := self.entry(revision)) is None:
            pass  # a newer one came, and this one was removed in between
        return entry if revision else None

    def _as_of(self, us: int) -> Entry | None:
        """Return the newest version up to a time. A damaged one has no time: it may be the one."""
        revisions = self.revisions()
        low, high = 0, len(revisions)
        while low < high:
            middle = (low + high) // 2
            row = self.row(revisions[middle])
            if row is None or not row.about:
                low = next(
                    (at + 1 for at in reversed(range(low, high)) if self._may_be(revisions[at], us)), low
                )
                break
            low, high = (middle + 1, high) if row.saved_us <= us else (low, middle)
        return self.entry(revisions[low - 1]) if low else None

    def _may_be(self, revision: int, us: int) -> bool:
        row = self.row(revision)
        return row is not None and (not row.about or row.saved_us <= us)

    def entry(self, revision: int) -> Entry | None:
        """Return one version with its body, None if it is not there."""
        try:
            data = self.path(revision).read_bytes()
        except FileNotFoundError:
            return None
        return version_entry(self.id, revision, data)

    def row(self, revision: int) -> Row | None:
        """Return one version without its body, None if it is not there."""
        try:
            with self.path(revision).open("rb", buffering=0) as file:
                data = file.read(FIRST_READ) or b""
                size = front_size(data)
                if len(data) < size <= os.fstat(file.fileno()).st_size:
                    data += file.read(size - len(data)) or b""
        except FileNotFoundError:
            return None
        return version_entry(self.id, revision, data[:size]).row

    def remove(self, revision: int) -> bool:
        """Remove the file of a version; False if it was not there."""
        with suppress(FileNotFoundError):
            self.path(revision).unlink()
            return True
        return False


def _check(number: bytes) -> bytes:
    return b"%08x" % zlib.crc32(number)
