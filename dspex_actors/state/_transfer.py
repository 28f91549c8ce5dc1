"""A store's content as one file, and back.

| bytes | what |
|---|---|
| 5 | `DSPE` and 1 |
| 1, 4, 8 | a record: `V` or `S`, sizes of what is said about it and of its body |
| n, m | what is said about a version or a snapshot, as the store seals it; its body |
| ... | more records: of each id all versions, the oldest first |
| 1, 4, 8 | the last record: `E`, 32, the number of records before |
| 32 | SHA-256 of all before |

Signatures and encryption go along: who imports needs the keys. A file is read twice, and nothing is written
before all of it has been checked.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import IO, TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.serialization import ChecksumError, MalformedError, TruncatedError
from dspex_actors.serialization._files import _flush_folder, _temporary
from dspex_actors.state._codec import Codec, Packed
from dspex_actors.state._errors import IdExistsError
from dspex_actors.state._messages import DeleteState, SaveState
from dspex_actors.state._raw_messages import GetEntry, GetRows
from dspex_actors.state._snapshot_messages import CreateSnapshot
from dspex_actors.state._storage_errors import SnapshotExistsError
from dspex_actors.state._walking import all_rows, all_snapshots, ids_of_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dspex_actors.state._backend import Entry, Row
    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._operations import Operation
    from dspex_actors.state._stored import StoredVersion

_MAGIC: Final = b"DSPE\x01"
_RECORD: Final = Struct(">cIQ")
_VERSION: Final = b"V"
_SNAPSHOT: Final = b"S"
_END: Final = b"E"
_DIGEST: Final = 32
_CHUNK: Final = 2**20
_MODE: Final = 0o600
_EXISTING: Final = ("refuse", "skip", "append")


@dataclass(frozen=True, slots=True)
class Transferred:
    """What an export or an import did.

    Attributes:
        ids: whose versions were written.
        versions: how many.
        snapshots: names of the snapshots that were written.
    """

    ids: tuple[str, ...]
    versions: int
    snapshots: tuple[str, ...]


def export(config: StoreConfig, path: str | Path, ids: Iterable[str] | None) -> Operation[Transferred]:
    """Write ids with all their versions, or all and the snapshots, to a file that is whole or not there."""
    codec = Codec(config.serializer)
    wanted = (yield from ids_of_all()) if ids is None else sorted(set(ids))
    rows_of_snapshots = (yield from all_snapshots()) if ids is None else []
    versions = 0
    target = Path(path)
    with _temporary(target, _MODE) as (descriptor, name):
        writer = _Writer(descriptor)
        for each in wanted:
            rows: list[Row] = yield from all_rows(each)
            for row in reversed(rows):
                entry: Entry | None = yield GetEntry(each, row.revision)
                if entry is not None:  # it was not pruned meanwhile
                    codec.check_body(codec.open(entry), entry.body)
                    writer.record(_VERSION, entry.row.about, entry.body)
                    versions += 1
        for snapshot in rows_of_snapshots:
            codec.snapshot(snapshot)
            writer.record(_SNAPSHOT, snapshot.about, b"")
        writer.end()
        os.fsync(descriptor)
        name.replace(target)
    _flush_folder(target.absolute().parent)
    return Transferred(tuple(wanted), versions, tuple(row.name for row in rows_of_snapshots))


class _Writer:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._digest = sha256()
        self._records = 0
        self._write(_MAGIC)

    def record(self, kind: bytes, about: bytes, body: bytes) -> None:
        self._records += 1
        for part in (_RECORD.pack(kind, len(about), len(body)), about, body):
            self._write(part)

    def end(self) -> None:
        self._write(_RECORD.pack(_END, _DIGEST, self._records))
        self._write(self._digest.digest())

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def import_(config: StoreConfig, path: str | Path, existing: str) -> Operation[Transferred]:
    """Add what a file holds; see `States.import_`."""
    if existing not in _EXISTING:
        raise ConfigError("existing", existing, one_of(_EXISTING))
    codec = Codec(config.serializer)
    with Path(path).open("rb") as file:
        _check_whole(file)
        present = yield from _present(codec, file, existing)
        return (yield from _import(codec, file, present, existing))


def _present(codec: Codec, file: IO[bytes], existing: str) -> Operation[set[str]]:
    """Check every record, and return the ids that the store has already."""
    seen: set[str] = set()
    present: set[str] = set()
    for kind, about, body in _records(file):
        if kind == _SNAPSHOT:
            codec.snapshot_from(about)
            continue
        version = codec.from_about(about)
        codec.check_body(version, body)
        if version.id in seen:
            continue
        seen.add(version.id)
        found: list[Row] = yield GetRows(version.id, limit=1)
        if found:
            present.add(version.id)
            if existing == "refuse":
                raise IdExistsError(version.id)
    return present


def _import(codec: Codec, file: IO[bytes], present: set[str], existing: str) -> Operation[Transferred]:
    places: dict[str, dict[int, int]] = {}  # of each id, the new revisions by the old ones
    snapshots: list[str] = []
    for kind, about, body in _records(file):
        if kind == _SNAPSHOT:
            snapshot = codec.snapshot_from(about)
            items = {each: places.get(each, {}).get(at) for each, at in snapshot.items.items()}
            known = {each: at for each, at in items.items() if at is not None}
            if len(known) == len(items):
                try:
                    yield CreateSnapshot(name=snapshot.name, ids=known, metadata=snapshot.metadata)
                except SnapshotExistsError:
                    if existing == "refuse":
                        raise
                else:
                    snapshots.append(snapshot.name)
            continue
        version = codec.from_about(about)
        if version.id in present and existing == "skip":
            continue
        saved: StoredVersion = yield copy_of(version, Packed(body, version.schema_version))
        places.setdefault(version.id, {})[version.revision] = saved.revision
    return Transferred(tuple(places), sum(map(len, places.values())), tuple(snapshots))


def copy_of(version: StoredVersion, packed: Packed, expected: int | None = None) -> SaveState | DeleteState:
    """Return the message that adds a version of another store to one."""
    if version.deleted:
        return DeleteState(
            id=version.id, metadata=version.metadata, copied=version, expected=expected or None
        )
    return SaveState(
        id=version.id, state=packed, metadata=version.metadata, copied=version, expected=expected
    )


def _check_whole(file: IO[bytes]) -> None:
    """Compare the file with its checksum.

    Raises:
        DataError: it is no such file, or torn, or changed.
    """
    size = os.fstat(file.fileno()).st_size
    if file.read(len(_MAGIC)) != _MAGIC:
        raise MalformedError("no export of a store: it does not start with DSPE")
    least = len(_MAGIC) + _RECORD.size + _DIGEST
    if size < least:
        raise TruncatedError(least, size)
    file.seek(0)
    digest, left = sha256(), size - _DIGEST
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise TruncatedError(size, size - left)
        digest.update(chunk)
        left -= len(chunk)
    stored = file.read(_DIGEST)
    if stored != digest.digest():
        raise ChecksumError("body", stored.hex(), digest.hexdigest())


def _records(file: IO[bytes]) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, what is said, and body of each record of a file that is whole.

    Raises:
        MalformedError: the records are not what their sizes say.
    """
    file.seek(len(_MAGIC))
    left = os.fstat(file.fileno()).st_size - len(_MAGIC) - _DIGEST
    count = 0
    while True:
        left -= _RECORD.size
        if left < 0:
            raise MalformedError("the records go on after the end of the file")
        kind, about, body = _RECORD.unpack(file.read(_RECORD.size))
        if kind == _END:
            if left or (about, body) != (_DIGEST, count):
                raise MalformedError(f"the last record counts {body} records; there are {count}")
            return
        left -= about + body
        if kind not in {_VERSION, _SNAPSHOT} or left < 0:
            raise MalformedError("a record is of no kind, or larger than the file")
        count += 1
        yield kind, file.read(about), file.read(body)
