"""States and what is said about them as bytes, such that no part can be changed or moved unnoticed.

The body of a version is an envelope of `dspex_actors.serialization`. What is said about the version (its id,
revision, label, time, metadata) is another one, which also holds the last 32 bytes of the body's: its seal,
which covers all of it. So a body that was put into another version, a version that was put into another id,
and a column that was changed are all found, and with signing keys also where somebody meant it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._limits import MIB
from dspex_actors.serialization import Bounds, Compression, DataError, Format, Serializer, content_hash
from dspex_actors.state._backend import Entry, Row, SnapshotRow
from dspex_actors.state._errors import DamagedSnapshotError, DamagedVersionError
from dspex_actors.state._stored import Snapshot, StoredVersion

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEAL_BYTES: Final = 32
_WRITE_BYTES: Final = 12
_ABOUT: Final = Bounds(stored_bytes=MIB, raw_bytes=MIB)
_VERSION_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "id": (str,),
    "revision": (int,),
    "label": (str,),
    "saved_us": (int,),
    "clock_behind_us": (int,),
    "deleted": (bool,),
    "schema_version": (str, type(None)),
    "size": (int,),
    "metadata": (dict,),
    "write": (str,),
    "seal": (bytes,),
}
_SAID: Final = tuple(name for name in _VERSION_TYPES if name != "seal")
_COLUMNS: Final = tuple(each.name for each in fields(Row) if each.name != "about")
_SNAPSHOT_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "name": (str,),
    "created_us": (int,),
    "items": (dict,),
    "metadata": (dict,),
}


@dataclass(frozen=True, slots=True)
class Packed:
    """A state as it will be stored.

    Attributes:
        body: its envelope; empty for a deletion.
        schema_version: as its writer counts.
        content_hash: of the state, where the store's labels need it.
    """

    body: bytes
    schema_version: str | None = None
    content_hash: str | None = None


def new_write() -> str:
    """Return a name for a save that no other save has."""
    return os.urandom(_WRITE_BYTES).hex()


class Codec:
    """Packs and unpacks with one serializer; may be shared by threads.

    Args:
        serializer: for the states. What is said about them is signed and encrypted with its keys too.
    """

    def __init__(self, serializer: Serializer) -> None:
        self.serializer = serializer

    @cached_property
    def _about(self) -> Serializer:
        return replace(
            self.serializer,
            format=Format.MSGPACK,
            compression=Compression.NONE,
            allow_pickle=False,
            trusted=False,
            bounds=_ABOUT,
        )

    @cached_property
    def _about_snapshots(self) -> Serializer:
        return replace(self._about, bounds=Bounds())

    # -- states

    def pack(self, state: object, *, schema_version: str | None = None, hashed: bool = False) -> Packed:
        """Return a state as it will be stored; `hashed` adds its content hash.

        Raises:
            ValueEncodeError: a part of the state cannot be stored.
            SerializationError: the state cannot be stored.
        """
        body = self.serializer.dumps(state, schema_version=schema_version)
        return Packed(body, schema_version, content_hash(state) if hashed else None)

    def unpack(self, version: StoredVersion, body: bytes) -> Any:  # noqa: ANN401 -- any state
        """Return the state of a version. `body` has passed `open`.

        Raises:
            DamagedVersionError: the body is not what was saved.
            SerializationError: these keys and settings do not allow to read it.
        """
        try:
            return self.serializer.loads(body).value
        except DataError as error:
            raise DamagedVersionError(version.id, version.revision, str(error)) from error

    def check_body(self, version: StoredVersion, body: bytes) -> None:
        """Check every byte of a body without making its state.

        Raises:
            DamagedVersionError: the body is not what was saved.
            SerializationError: these keys and settings do not allow to check it.
        """
        if version.deleted:
            return
        try:
            self.serializer.read_header(body)
        except DataError as error:
            raise DamagedVersionError(version.id, version.revision, str(error)) from error

    # -- versions

    def entry(self, version: StoredVersion, body: bytes) -> Entry:
        """Return a version as a backend keeps it.

        Raises:
            ValueEncodeError: the metadata cannot be stored, or is larger than 1 MiB.
        """
        values = {name: getattr(version, name) for name in _SAID}
        values["metadata"] = dict(version.metadata)
        values["seal"] = body[-_SEAL_BYTES:]
        about = self._about.dumps(values)
        row = Row(version.id, version.revision, version.label, version.saved_us, version.deleted, about)
        return Entry(row, body)

    def version(self, row: Row) -> StoredVersion:
        """Return what a row says, after checking that it is what was saved.

        Raises:
            DamagedVersionError: it is not.
            SerializationError: these keys do not allow to check it.
        """
        return self._open(row)[0]

    def open(self, entry: Entry) -> StoredVersion:
        """Like `version`, and check that the body belongs to it; `check_body` and `unpack` check the rest.

        Raises:
            DamagedVersionError: something is not what was saved.
            SerializationError: these keys do not allow to check it.
        """
        version, seal = self._open(entry.row)
        if len(entry.body) != version.size or entry.body[-_SEAL_BYTES:] != seal:
            reason = f"its body of {len(entry.body)} bytes is not the one of {version.size} that was saved"
            raise DamagedVersionError(version.id, version.revision, reason)
        return version

    def from_about(self, about: bytes) -> StoredVersion:
        """Return what was said about a version, where there are no columns to compare it with.

        Raises:
            DataError: it is damaged.
            SerializationError: these keys do not allow to check it.
        """
        values = self._values(self._about, about, _VERSION_TYPES)
        del values["seal"]
        return StoredVersion(**values)

    def _open(self, row: Row) -> tuple[StoredVersion, bytes]:
        try:
            values = self._values(self._about, row.about, _VERSION_TYPES)
        except DataError as error:
            raise DamagedVersionError(row.id, row.revision, str(error)) from error
        seal = values.pop("seal")
        version = StoredVersion(**values)
        wrong = [name for name in _COLUMNS if getattr(row, name) != values[name]]
        if wrong:
            reason = f"the database says another {' and '.join(wrong)} than was saved"
            raise DamagedVersionError(row.id, row.revision, reason)
        return version, seal

    # -- snapshots

    def snapshot_row(self, snapshot: Snapshot) -> SnapshotRow:
        """Return a snapshot as a backend keeps it.

        Raises:
            ValueEncodeError: the metadata cannot be stored.
        """
        values = {
            "name": snapshot.name,
            "created_us": snapshot.created_us,
            "items": dict(snapshot.items),
            "metadata": dict(snapshot.metadata),
        }
        return SnapshotRow(snapshot.name, snapshot.created_us, self._about_snapshots.dumps(values))

    def snapshot(self, row: SnapshotRow) -> Snapshot:
        """Return what a row says, after checking that it is what was made.

        Raises:
            DamagedSnapshotError: it is not.
            SerializationError: these keys do not allow to check it.
        """
        try:
            snapshot = Snapshot(**self._values(self._about_snapshots, row.about, _SNAPSHOT_TYPES))
        except DataError as error:
            raise DamagedSnapshotError(row.name, str(error)) from error
        if (snapshot.name, snapshot.created_us) != (row.name, row.created_us):
            raise DamagedSnapshotError(row.name, "the database says another name or time than was stored")
        return snapshot

    def snapshot_from(self, about: bytes) -> Snapshot:
        """Return what was said about a snapshot, where there are no columns to compare it with.

        Raises:
            DataError: it is damaged.
            SerializationError: these keys do not allow to check it.
        """
        return Snapshot(**self._values(self._about_snapshots, about, _SNAPSHOT_TYPES))

    def _values(
        self, serializer: Serializer, about: bytes, types: Mapping[str, tuple[type, ...]]
    ) -> dict[str, Any]:
        """Return the parts of what was said, each of its type.

        Raises:
            DataError: it is damaged, or says something else.
        """
        values = serializer.loads(about).value
        if type(values) is not dict or values.keys() != types.keys():
            raise DataError("what is said about it does not have the parts it should have")
        wrong = [name for name, value in values.items() if type(value) not in types[name]]
        if wrong:
            raise DataError(f"what is said about it holds no {' and no '.join(wrong)}")
        return values
