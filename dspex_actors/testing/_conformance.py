"""What the parts of the contract suite share: versions to store, and how a test gets its backend."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from dspex_actors.state import Entry, Row, SnapshotRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dspex_actors.state import Backend, Storage

_Error = TypeVar("_Error", bound=Exception)

START_US = 1_700_000_000_000_000
"""Time of the first version that tests store; revision n is saved n microseconds later."""


class Contract:
    """Opens backends for the tests of one part."""

    def make_backend(self, folder: Path) -> Backend:
        """Return a backend whose database belongs to this folder, the same for the same folder.

        Args:
            folder: exists, belongs to one test.
        """
        raise NotImplementedError

    @contextmanager
    def opened(self, folder: Path) -> Iterator[Storage]:
        """Open a storage on the folder's database, and close it at the end."""
        storage = self.make_backend(folder).open()
        try:
            yield storage
        finally:
            storage.close()


def entry(
    id: str = "a",  # noqa: A002 -- the word of the whole library
    revision: int = 1,
    *,
    label: str | None = None,
    saved_us: int | None = None,
    deleted: bool = False,
    body: bytes | None = None,
) -> Entry:
    """Return a version whose content follows from its id and revision."""
    row = Row(
        id=id,
        revision=revision,
        label=f"v{revision}" if label is None else label,
        saved_us=START_US + revision if saved_us is None else saved_us,
        deleted=deleted,
        about=f"about {id} {revision}".encode(),
    )
    return Entry(row, f"body {id} {revision}".encode() if body is None else body)


def fill(storage: Storage, id: str = "a", count: int = 3) -> list[Entry]:  # noqa: A002 -- as above
    """Store the first `count` versions of an id and return them."""
    entries = [entry(id, revision) for revision in range(1, count + 1)]
    results = storage.append(entries)
    assert results == [None] * count, results
    return entries


def snapshot(name: str = "s", created_us: int = START_US) -> SnapshotRow:
    """Return a snapshot's row whose content follows from its name."""
    return SnapshotRow(name, created_us, f"snapshot {name}".encode())


def refusal(kind: type[_Error], operation: Callable[[], object]) -> _Error:
    """Return the error of this kind that an operation ends with.

    Raises:
        AssertionError: it ends well.
    """
    try:
        result = operation()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}: it returned {result!r}")
