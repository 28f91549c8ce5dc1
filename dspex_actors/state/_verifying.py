"""Looking at every byte that a store holds, and naming what is damaged. Nothing is repaired."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from dspex_actors._errors import DspexError
from dspex_actors.state._codec import Codec
from dspex_actors.state._raw_messages import GetEntry, GetRows
from dspex_actors.state._snapshot_messages import CheckStorage
from dspex_actors.state._storage_errors import StorageDamagedError
from dspex_actors.state._walking import all_rows, all_snapshots, ids_of_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dspex_actors.state._backend import Entry, Row, SnapshotRow
    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._operations import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it was stored.

    Attributes:
        id: whose state it is; None if it is none's.
        revision: of the version; None if it is not one version.
        snapshot: name of the snapshot; None if it is none.
        reason: what is wrong, as text.
    """

    id: str | None = None
    revision: int | None = None
    snapshot: str | None = None
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Attributes:
        versions: how many were looked at.
        snapshots: how many were looked at.
        findings: what is wrong, in the order of ids, revisions from the newest, and names.
    """

    versions: int
    snapshots: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing was found."""
        return not self.findings


def verify(config: StoreConfig, ids: Iterable[str] | None) -> Operation[Verification]:
    """Check every version of some ids, or all versions, all snapshots and the database itself."""
    codec = Codec(config.serializer)
    findings: list[Finding] = []
    versions = snapshots = 0
    for each in (yield from ids_of_all()) if ids is None else sorted(set(ids)):
        try:
            rows = yield from all_rows(each)
        except StorageDamagedError as error:
            findings.append(Finding(id=each, reason=str(error)))
            continue
        versions += len(rows)
        for row in rows:
            reason = yield from _reason(codec, each, row)
            if reason is not None:
                findings.append(Finding(id=each, revision=row.revision, reason=reason))
        findings += _order(rows)
    if ids is None:
        rows_of_snapshots = yield from all_snapshots()
        snapshots = len(rows_of_snapshots)
        for snapshot in rows_of_snapshots:
            findings += yield from _snapshot(codec, snapshot)
        sentences: list[str] = yield CheckStorage()
        findings += [Finding(reason=sentence) for sentence in sentences]
    return Verification(versions, snapshots, tuple(findings))


def _reason(codec: Codec, id: str, row: Row) -> Operation[str | None]:  # noqa: A002 -- the word of the whole library
    """Return what is wrong with a version, None if it is sound or was removed meanwhile."""
    try:
        entry: Entry | None = yield GetEntry(id, row.revision)
        if entry is None:
            return None
        version = codec.open(entry)
        codec.check_body(version, entry.body)
        codec.version(row)
    except DspexError as error:
        if getattr(error, "written", None) is False and not isinstance(error, StorageDamagedError):
            raise  # the database cannot be asked: that says nothing about the version
        return str(error)
    return None


def _order(rows: list[Row]) -> list[Finding]:
    """Find versions that are not later than the one before."""
    return [
        Finding(id=newer.id, revision=newer.revision, reason="it was not saved later than the one before it")
        for newer, older in pairwise(rows)
        if newer.about and older.about and newer.saved_us <= older.saved_us
    ]


def _snapshot(codec: Codec, row: SnapshotRow) -> Operation[list[Finding]]:
    try:
        snapshot = codec.snapshot(row)
    except DspexError as error:
        return [Finding(snapshot=row.name, reason=str(error))]
    findings = []
    for each, revision in snapshot.items.items():
        found: list[Row] = yield GetRows(each, before=revision + 1, limit=1)
        if not found or found[0].revision != revision:
            reason = f"it names revision {revision} of {each!r}, which is not there"
            findings.append(Finding(snapshot=row.name, id=each, revision=revision, reason=reason))
    return findings
