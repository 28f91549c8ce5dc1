"""Snapshots, and going back: to a snapshot, or to a moment.

Going back writes new versions with the old states, so that it can be undone too, and so that nobody's
`expected=` is deceived.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import DspexError
from dspex_actors.state._backend import AsOf, Capability, Revision
from dspex_actors.state._codec import Packed
from dspex_actors.state._errors import SnapshotNotFoundError, StateDeletedError, VersionNotFoundError
from dspex_actors.state._ledger import Draft, nothing_there
from dspex_actors.state._order import nearest
from dspex_actors.state._reading import find
from dspex_actors.state._storage_errors import SnapshotExistsError, StorageError
from dspex_actors.state._stored import Snapshot, StoredVersion
from dspex_actors.state._versioning import HashBased, from_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dspex_actors.state._backend import Row, SnapshotRow, Which
    from dspex_actors.state._ledger import Ledger

PAGE: Final = 500
_TRIES: Final = 10  # versions that are pruned while they are looked up
_TOGETHER: Final = 100  # drafts that are held in memory where there are no transactions
ORIGIN: Final = "dspex"
"""Key of the metadata under which a store says where a version came from."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What going back did.

    Attributes:
        versions: the new versions, deletions among them, sorted by id.
        unchanged: ids that were there already.
    """

    versions: tuple[StoredVersion, ...]
    unchanged: tuple[str, ...]


def all_heads(ledger: Ledger) -> Iterator[Row]:
    """Yield the newest version of each id, sorted by id."""
    after = ""
    while rows := ledger.line.run(lambda storage, after=after: storage.heads(after=after, limit=PAGE)):  # type: ignore[misc]
        yield from rows
        after = rows[-1].id


# -- snapshots


def create_snapshot(
    ledger: Ledger, name: str, ids: Iterable[str] | Mapping[str, int] | None, metadata: Mapping[str, Any]
) -> Snapshot:
    """Give a name to versions.

    Args:
        ledger: whose.
        name: a new one.
        ids: the newest versions of these; with revisions exactly those; None for all that are not deleted.
        metadata: for the snapshot.

    Raises:
        SnapshotExistsError: the name is taken.
        VersionNotFoundError: an id has no such version.
        StateDeletedError: an id is deleted.
        StorageError: the database cannot be read or written.
    """
    for _ in range(_TRIES):
        items = _items(ledger, ids)
        snapshot = Snapshot(name=name, created_us=ledger.now_us(), items=items, metadata=metadata)
        missing = _put(ledger, ledger.codec.snapshot_row(snapshot), items)
        if not missing:
            return snapshot
        if isinstance(ids, Mapping):
            break
    raise VersionNotFoundError(f"{items[missing[0]]} of {missing[0]!r}", ())


def _items(ledger: Ledger, ids: Iterable[str] | Mapping[str, int] | None) -> dict[str, int]:
    if isinstance(ids, Mapping):
        return dict(ids)
    if ids is None:
        return {row.id: row.revision for row in all_heads(ledger) if not row.deleted}
    items = {}
    for each in ids:
        row = newest(ledger, each)
        if row is None or row.deleted:
            raise nothing_there(each, 0 if row is None else row.revision)
        items[each] = row.revision
    return items


def newest(ledger: Ledger, id: str) -> Row | None:  # noqa: A002 -- the word of the whole library
    """Return the row of the newest version of an id."""
    rows = ledger.line.run(lambda storage: storage.rows(id, limit=1))
    return rows[0] if rows else None


def _put(ledger: Ledger, row: SnapshotRow, items: Mapping[str, int]) -> list[str]:
    """Store a snapshot, once more if the answer was lost: it can be stored once only, and does not change."""
    lost: StorageError | None = None
    for _ in range(_TRIES):
        try:
            return ledger.line.run(lambda storage: storage.put_snapshot(row, items))
        except SnapshotExistsError:
            if lost is None or ledger.line.run(lambda storage: storage.read_snapshot(row.name)) != row:
                raise
            return []
        except StorageError as error:
            if error.written is False:
                raise lost or error from error
            lost = error
    raise lost if lost is not None else AssertionError("no attempt was made")


def read_snapshot(ledger: Ledger, name: str) -> Snapshot:
    """Return a snapshot.

    Raises:
        SnapshotNotFoundError: there is none of this name.
        DamagedSnapshotError: it is not what was made.
        StorageError: the database cannot be read.
    """
    row = ledger.line.run(lambda storage: storage.read_snapshot(name))
    if row is None:
        raise SnapshotNotFoundError(name, nearest(name, (each.name for each in snapshot_rows(ledger))))
    return ledger.codec.snapshot(row)


def snapshot_rows(ledger: Ledger) -> Iterator[SnapshotRow]:
    """Yield the rows of all snapshots, sorted by name."""
    after = ""
    while rows := ledger.line.run(lambda storage, after=after: storage.snapshots(after=after, limit=PAGE)):  # type: ignore[misc]
        yield from rows
        after = rows[-1].name


def drop_snapshot(ledger: Ledger, name: str) -> None:
    """Remove a snapshot; its versions stay, and may be pruned from now on.

    Raises:
        SnapshotNotFoundError: there is none of this name.
        StorageError: the database cannot be written.
    """
    if not ledger.line.run(lambda storage: storage.drop_snapshot(name)):
        raise SnapshotNotFoundError(name, nearest(name, (each.name for each in snapshot_rows(ledger))))


# -- going back


def restore_snapshot(ledger: Ledger, name: str, ids: Iterable[str] | None) -> Restored:
    """Bring the ids of a snapshot, or some of them, back to the versions that it names.

    Raises:
        SnapshotNotFoundError: there is none of this name.
        VersionNotFoundError: an id is not in the snapshot.
        DamagedVersionError: a version that it names is damaged; nothing was written.
        StorageError: the database cannot be read or written.
    """
    items = read_snapshot(ledger, name).items
    wanted = sorted(items if ids is None else set(ids))
    for each in wanted:
        if each not in items:
            raise VersionNotFoundError(f"of {each!r} in the snapshot {name!r}", nearest(each, items))
    return _go_back(ledger, {each: Revision(items[each]) for each in wanted}, {"snapshot": name})


def recover(ledger: Ledger, at_us: int, ids: Iterable[str] | None) -> Restored:
    """Bring ids, or all, back to what they were at a time; those that had no state then are deleted.

    Raises:
        VersionNotFoundError: one of the ids was never saved.
        DamagedVersionError: a version that was the newest then is damaged; nothing was written.
        StorageError: the database cannot be read or written.
    """
    wanted = [row.id for row in all_heads(ledger)] if ids is None else sorted(set(ids))
    return _go_back(ledger, dict.fromkeys(wanted, AsOf(at_us)), {"at": from_us(at_us).isoformat()})


def recover_version(ledger: Ledger, id: str, revision: int) -> Restored:  # noqa: A002 -- as above
    """Bring an id back to one of its versions.

    Raises:
        VersionNotFoundError: there is no such version.
        StateDeletedError: it is a deletion.
        DamagedVersionError: it is damaged.
        StorageError: the database cannot be read or written.
    """
    find(ledger, id, Revision(revision))
    return _go_back(ledger, {id: Revision(revision)}, {})


def _go_back(ledger: Ledger, wanted: Mapping[str, Which], origin: Mapping[str, Any]) -> Restored:
    together = Capability.TRANSACTIONS in ledger.line.capabilities
    versions: list[StoredVersion] = []
    unchanged: list[str] = []
    drafts: list[Draft] = []
    for each, which in wanted.items():
        draft = _draft_back(ledger, each, which, origin)
        if draft is None:
            unchanged.append(each)
        else:
            drafts.append(draft)
        if not together and len(drafts) == _TOGETHER:
            versions += _written(ledger, drafts)
            drafts = []
    if drafts:
        versions += ledger.write_together(drafts) if together else _written(ledger, drafts)
    return Restored(tuple(versions), tuple(unchanged))


def _written(ledger: Ledger, drafts: list[Draft]) -> list[StoredVersion]:
    written = []
    for result in ledger.write(drafts):
        if isinstance(result, DspexError):
            raise result
        written.append(result)
    return written


def _draft_back(ledger: Ledger, id: str, which: Which, origin: Mapping[str, Any]) -> Draft | None:  # noqa: A002 -- as above
    """Return what brings an id back, None if it is there already."""
    head = newest(ledger, id)
    if head is None:
        raise nothing_there(id, 0)
    if isinstance(which, AsOf) and head.saved_us <= which.us:
        ledger.codec.version(head)
        return None
    try:
        version, body = find(ledger, id, which)
    except (StateDeletedError, VersionNotFoundError):
        if not isinstance(which, AsOf):
            raise
        origin = {ORIGIN: {"recovered": dict(origin)}}
        return None if head.deleted else Draft(id=id, packed=None, metadata=origin, over_damage=True)
    if version.revision == head.revision:
        return None
    ledger.codec.check_body(version, body)
    hashed = None
    if isinstance(ledger.versioning, HashBased):
        hashed = ledger.codec.pack(ledger.codec.unpack(version, body), hashed=True).content_hash
    metadata = dict(version.metadata)
    metadata[ORIGIN] = {"recovered": dict(origin) | {"revision": version.revision}}
    packed = Packed(body, version.schema_version, hashed)
    return Draft(id=id, packed=packed, metadata=metadata, over_damage=True)
