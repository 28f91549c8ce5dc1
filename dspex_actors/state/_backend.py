"""What a database has to do to keep states: the contract of every backend.

A backend keeps, for each id, a chain of versions with the revisions 1, 2, 3, ... of which old ones may have
been removed, and beside them snapshots: names for sets of versions. It never looks into what it keeps. All
that has meaning (labels, checksums, migrations, deletion, retries) is decided above it, so that a backend is
about ten small operations, and `dspex_actors.testing.store_conformance` can prove one.

| operation | changes | atomic |
|---|---|---|
| `append` | adds the next version of an id, if the id still is where the writer saw it | each version |
| `append_together` | several of these, all or none; only with `Capability.TRANSACTIONS` | all |
| `read`, `rows`, `heads` | nothing | each version; a page is no cut through time |
| `remove` | drops old versions, never the newest one and none that a snapshot names | each version |
| `put_snapshot`, `drop_snapshot` | one snapshot | the snapshot with all its items |
| `snapshots`, `read_snapshot` | nothing | each snapshot |
| `check` | nothing | no |

Three rules make everything above simple. The newest version of an id is never removed, so an id's count goes
on for ever: a deletion is one more version, marked. What was acknowledged is durable, as far as the backend
is. And an error says whether something may have been written (`StorageError.written`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_ID_BYTES: Final = 256
"""Longest id, label and name of a snapshot, in UTF-8 bytes."""


class Capability(Enum):
    """What a backend can do beyond what all of them can."""

    DURABLE = "durable"  # what was acknowledged is there after the process was killed
    SHARED = "shared"  # other processes may write to the same store at the same time
    TRANSACTIONS = "transactions"  # has `append_together`
    NOTIFIES = "notifies"  # has `subscribe`: tells of changes that others made
    READS_AT_ONCE = "reads_at_once"  # `read` waits for no writer and no network; any thread may wait for it


@dataclass(frozen=True, slots=True)
class Row:
    """What a backend knows about a version, and finds it by.

    Attributes:
        id: text of 1 to 256 UTF-8 bytes, without NUL and lone surrogates. Sorted by code point.
        revision: from 1; one more than that of the version before.
        label: text of 0 to 256 UTF-8 bytes, as an id otherwise. Several versions may have the same.
        saved_us: microseconds since 1970, from 0 to below 2**53, greater than that of the version before.
        deleted: whether this version says that the id is deleted.
        about: up to 1 MiB for whoever reads the version: what it is, and the seal over that.
    """

    id: str
    revision: int
    label: str
    saved_us: int
    deleted: bool
    about: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A version: its row, and its body of any size from 0 bytes."""

    row: Row
    body: bytes


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """What a backend knows about a snapshot.

    Attributes:
        name: text, as an id.
        created_us: microseconds since 1970, as `Row.saved_us`.
        about: bytes for whoever reads it; they name the items too, of which there may be many.
    """

    name: str
    created_us: int
    about: bytes


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest version of an id."""


@dataclass(frozen=True, slots=True)
class Revision:
    """The version with this revision."""

    number: int


@dataclass(frozen=True, slots=True)
class Label:
    """The newest version with this label that is not a deletion."""

    text: str


@dataclass(frozen=True, slots=True)
class AsOf:
    """The newest version saved at this time or before, in microseconds since 1970."""

    us: int


Which: TypeAlias = Latest | Revision | Label | AsOf


class Storage(Protocol):
    """An opened backend. One thread uses it at a time, which need not always be the same.

    Every operation may raise `StorageError`; those that change nothing with `written=False`. After a
    `StorageUnavailableError` the object may be closed and replaced; using it again is also allowed.
    """

    def append(self, entries: Sequence[Entry]) -> list[int | None]:
        """Add versions, one after the other, each on the condition that its id still waits for it.

        A version is stored if its revision is one more than that of the newest version of its id (1 if the
        id has none). If it is not, later ones of the same id in the same call are not stored either: they
        were made to follow it. What is stored is so as a whole, whatever happens, and all of it is durable
        before this returns; that it is done for many at once is what makes it cheap.

        Returns:
            For each, None if it was stored; else the revision that its id has at that moment, 0 for none. A
            backend that fails after some of them may return the results of those alone, at least one; the
            others are as if they had not been given.

        Raises:
            StorageError: with `written=False`, none of them is stored; with `written=None`, each may be.
        """
        ...

    def append_together(self, entries: Sequence[Entry]) -> list[int | None]:
        """Like `append`, but all of them are stored or none.

        Returns:
            Nothing but None if all were stored. Else none was, and there is at least one number: the revision
            that an id has, where it is not the one before the entry's; the others are None.
        """
        ...

    def read(self, id: str, which: Which) -> Entry | None:  # noqa: A002 -- the word of the whole library
        """Return one version, None if there is none such.

        Nobody relies on what is read before checking it against `about`. So what the backend itself finds to
        be damaged is returned too, as far as it can be told, with an empty `about`: then it can be named.
        """
        ...

    def rows(self, id: str, *, before: int | None = None, limit: int) -> list[Row]:  # noqa: A002 -- as above
        """Return versions of an id, the newest first, without their bodies.

        Args:
            id: whose.
            before: only revisions below this one; None for all.
            limit: the most to return, at least 1. Fewer come only if there are no more.
        """
        ...

    def heads(self, *, after: str = "", limit: int) -> list[Row]:
        """Return the newest version of each id, deleted ones too, sorted by id.

        Args:
            after: only ids greater than this one.
            limit: as for `rows`.
        """
        ...

    def remove(self, id: str, revisions: Sequence[int]) -> int:  # noqa: A002 -- as above
        """Remove versions for good, but neither the newest one of the id nor one that a snapshot names.

        Returns:
            How many were removed. Revisions that are not there do not count.
        """
        ...

    def put_snapshot(self, snapshot: SnapshotRow, items: Mapping[str, int]) -> list[str]:
        """Store a snapshot; from then on the versions it names are not removed.

        Args:
            snapshot: its name is new.
            items: for each id the revision. May be empty.

        Returns:
            The ids whose version is not there, sorted; the snapshot is stored only if there are none.

        Raises:
            SnapshotExistsError: there is one of this name; nothing was written.
        """
        ...

    def read_snapshot(self, name: str) -> SnapshotRow | None:
        """Return one snapshot, None if there is none of this name."""
        ...

    def snapshots(self, *, after: str = "", limit: int) -> list[SnapshotRow]:
        """Return snapshots sorted by name, those greater than `after`, at most `limit`."""
        ...

    def drop_snapshot(self, name: str) -> bool:
        """Remove a snapshot, not its versions. Return whether there was one."""
        ...

    def check(self) -> list[str]:
        """Look for damage that only the backend can see, and repair nothing.

        Returns:
            A sentence for each finding; none if all is well.
        """
        ...

    def close(self) -> None:
        """Give back what it holds. Closing twice is quiet; using it afterwards raises `StorageError`."""
        ...


@runtime_checkable
class Notifying(Protocol):
    """What a storage with `Capability.NOTIFIES` has beside."""

    def subscribe(self, on_change: Callable[[str], object]) -> Callable[[], None]:
        """Have a function called with each id that changes, whoever changed it.

        Calls come in a thread of the storage's, may be too many, and may be missing while a connection is
        lost: once there is one again, `on_change("")` says that anything may have changed.

        Returns:
            A function that ends it.
        """
        ...


class Backend(Protocol):
    """A kind of database with its settings: what a store is given, and each incarnation of it opens."""

    @property
    def name(self) -> str:
        """The kind, in a word, for messages."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do beyond what all of them can."""
        ...

    def open(self) -> Storage:
        """Return a storage on the database, and make there what is missing.

        Raises:
            StorageError: it cannot be reached, or holds something else.
        """
        ...
