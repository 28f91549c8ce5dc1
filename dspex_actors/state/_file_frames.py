"""What the files of the file_system backend hold.

| bytes | what |
|---|---|
| 4 | `DSPV` for a version, `DSPN` for a snapshot |
| 1 | 1 |
| 4 | size of the columns, big-endian |
| 4 | size of `about` |
| n | the columns as JSON |
| m | `about` |
| rest | of a version its body; of a snapshot the SHA-256 of all before |

A version needs no checksum of its own: `about` is sealed, and holds the seal of the body. A snapshot needs
one, because the backend itself has to rely on which versions it names.
"""

from __future__ import annotations

import json
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Final

from dspex_actors.state._backend import Entry, Row, SnapshotRow

if TYPE_CHECKING:
    from collections.abc import Mapping

_FRONT: Final = Struct(">4sBII")
_VERSION: Final = b"DSPV"
_SNAPSHOT: Final = b"DSPN"
_FORMAT: Final = 1
_SHA256: Final = 32
FIRST_READ: Final = 16 * 1024  # bytes that hold the columns and `about` of most versions


def version_frame(entry: Entry) -> bytes:
    """Return the file of a version."""
    row = entry.row
    columns = json.dumps([row.label, row.saved_us, row.deleted]).encode()
    front = _FRONT.pack(_VERSION, _FORMAT, len(columns), len(row.about))
    return b"".join((front, columns, row.about, entry.body))


def front_size(data: bytes) -> int:
    """Return how many bytes of a version's file come before its body; of a damaged one any number."""
    if len(data) < _FRONT.size:
        return _FRONT.size
    _, _, columns, about = _FRONT.unpack_from(data)
    return int(_FRONT.size + columns + about)


def version_entry(id: str, revision: int, data: bytes) -> Entry:  # noqa: A002 -- the word of the whole library
    """Return what a version's file holds; of a damaged one the place alone, without `about`."""
    start = front_size(data)
    if len(data) >= start and data[:5] == _VERSION + bytes([_FORMAT]):
        _, _, size, _ = _FRONT.unpack_from(data)
        about = data[_FRONT.size + size : start]
        match _json(data[_FRONT.size : _FRONT.size + size]):
            case [str(label), int(saved_us), bool(deleted)]:
                return Entry(Row(id, revision, label, saved_us, deleted, about), data[start:])
    return Entry(Row(id, revision, "", 0, deleted=False, about=b""), b"")


def snapshot_frame(snapshot: SnapshotRow, items: Mapping[str, int]) -> bytes:
    """Return the file of a snapshot."""
    columns = json.dumps([snapshot.name, snapshot.created_us, dict(items)]).encode()
    data = _FRONT.pack(_SNAPSHOT, _FORMAT, len(columns), len(snapshot.about)) + columns + snapshot.about
    return data + sha256(data).digest()


def snapshot_parts(data: bytes) -> tuple[SnapshotRow, dict[str, int]] | None:
    """Return what a snapshot's file holds, None if it is damaged."""
    front, end = data[:-_SHA256], data[-_SHA256:]
    if len(front) < _FRONT.size or sha256(front).digest() != end or front[:4] != _SNAPSHOT:
        return None
    _, _, size, _ = _FRONT.unpack_from(front)
    match _json(front[_FRONT.size : _FRONT.size + size]):
        case [str(name), int(created_us), dict(items)]:
            return SnapshotRow(name, created_us, front[_FRONT.size + size :]), items
    return None


def _json(data: bytes) -> object:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
