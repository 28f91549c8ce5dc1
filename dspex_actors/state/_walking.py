"""Walking over all that a store holds, page by page, so that others get their turn in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dspex_actors.state._raw_messages import GetHeads, GetRows, GetSnapshots

if TYPE_CHECKING:
    from dspex_actors.state._backend import Row, SnapshotRow
    from dspex_actors.state._operations import Operation


def all_rows(id: str) -> Operation[list[Row]]:  # noqa: A002 -- the word of the whole library
    """Return every version of an id, the newest first."""
    rows: list[Row] = []
    page: list[Row] = yield GetRows(id)
    while page:
        rows += page
        page = yield GetRows(id, before=page[-1].revision)
    return rows


def ids_of_all() -> Operation[list[str]]:
    """Return every id, deleted ones too, sorted."""
    ids: list[str] = []
    page: list[Row] = yield GetHeads()
    while page:
        ids += [row.id for row in page]
        page = yield GetHeads(ids[-1])
    return ids


def all_snapshots() -> Operation[list[SnapshotRow]]:
    """Return every snapshot, sorted by name."""
    rows: list[SnapshotRow] = []
    page: list[SnapshotRow] = yield GetSnapshots()
    while page:
        rows += page
        page = yield GetSnapshots(page[-1].name)
    return rows
