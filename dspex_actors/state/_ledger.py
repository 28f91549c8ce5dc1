"""What saving, loading and deleting mean, over any backend. For one thread at a time; no actor is in sight.

A save is a draft until its place in the chain is known. The ledger plans the next version after the newest
one that it knows of, and the backend takes it only if that is still so; if not, the ledger looks again. Where
the answer of a write was lost, the same version is written again: its place can hold it once only, so either
it is stored now, or was before, or the place holds another version and this one is not stored, for certain.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from dspex_actors._errors import DspexError
from dspex_actors.state._backend import Revision
from dspex_actors.state._codec import new_write
from dspex_actors.state._errors import (
    DamagedVersionError,
    StateDeletedError,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._placing import place, place_together
from dspex_actors.state._storage_errors import StorageClosedError, StorageError
from dspex_actors.state._stored import StoredVersion
from dspex_actors.state._versioning import LATEST, HashBased, Incremental, Semantic, Version, next_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dspex_actors.state._backend import Entry
    from dspex_actors.state._codec import Codec, Packed
    from dspex_actors.state._line import Line
    from dspex_actors.state._versioning import Bump, Versioning

_KNOWN_HEADS: Final = 10_000
_SKEW_US: Final = 86_400_000_000  # a day; how far another machine's clock may be ahead
_TRIES: Final = 1000  # places lost in a row to other writers, before there must be something wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A version before its revision is known.

    Attributes:
        id: whose.
        packed: the state; None for a deletion.
        expected: the revision that the newest version must have, 0 for none or a deleted one, None for any.
        metadata: for the version.
        bump: see `Semantic`.
        copied: of a version that comes from another store: it keeps its label, its time where that is still
            possible, and the name of its save.
        over_damage: whether to be stored also after a newest version that is damaged.
    """

    id: str
    packed: Packed | None
    expected: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    bump: Bump | None = None
    copied: StoredVersion | None = None
    over_damage: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    """The newest version of an id, as far as it matters for the next one."""

    version: Version | None
    deleted: bool = False
    damage: DspexError | None = None

    @property
    def revision(self) -> int:
        return 0 if self.version is None else self.version.revision


def clock_us() -> int:
    """Return microseconds since 1970 by the clock of this machine."""
    return time.time_ns() // 1000


class Ledger:
    """Chains of versions in a backend.

    Args:
        line: to the backend.
        codec: packs and checks what is stored.
        versioning: how versions are labelled.
        now_us: gives microseconds since 1970 in UTC.
    """

    def __init__(
        self, line: Line, codec: Codec, versioning: Versioning, *, now_us: Callable[[], int] = clock_us
    ) -> None:
        self.line = line
        self.codec = codec
        self.versioning = versioning
        self.now_us = now_us
        self._heads: dict[str, _Head] = {}  # what was seen last; others may have saved since

    # -- writing

    def write(self, drafts: Sequence[Draft]) -> list[StoredVersion | DspexError]:
        """Store each draft, those that may be in one go; return for each its version or why it is not stored.

        Several drafts for one id are stored in their order.
        """
        results: list[StoredVersion | DspexError | None] = [None] * len(drafts)
        pending = list(range(len(drafts)))
        fresh: set[str] = set()
        for _ in range(_TRIES):
            planned, later = self._plan(drafts, pending, results, fresh)
            if self.line.given_up:
                closed = self._closed()
                return [result or closed for result in results]
            outcomes = place(self.line, [entry for _, entry, _ in planned])
            pending = later
            for (index, entry, version), outcome in zip(planned, outcomes, strict=True):
                if outcome is None:
                    self._remember(version.id, _Head(version, version.deleted))
                    results[index] = version
                    continue
                self._heads.pop(entry.row.id, None)
                if isinstance(outcome, StorageError):
                    results[index] = outcome
                else:
                    pending.append(index)
                    fresh.add(entry.row.id)
            pending.sort()
            if not pending:
                return [result for result in results if result is not None]
        raise AssertionError(f"{self.line.name} gave away {_TRIES} places in a row")

    def write_together(self, drafts: Sequence[Draft]) -> list[StoredVersion]:
        """Store all drafts or none; needs `Capability.TRANSACTIONS`.

        Raises:
            DspexError: why none is stored.
        """
        for _ in range(_TRIES):
            results: list[StoredVersion | DspexError | None] = [None] * len(drafts)
            fresh = {draft.id for draft in drafts}
            planned, _ = self._plan(drafts, range(len(drafts)), results, fresh)
            for failed in results:
                if isinstance(failed, DspexError):
                    raise failed
            if self.line.given_up:
                raise self._closed()
            entries = [entry for _, entry, _ in planned]
            if place_together(self.line, entries):
                for _, _, version in planned:
                    self._remember(version.id, _Head(version, version.deleted))
                return [version for _, _, version in planned]
        raise AssertionError(f"{self.line.name} gave away {_TRIES} places in a row")

    def _closed(self) -> StorageClosedError:
        """Return why no place is taken any more: the next one behind a successor's saves would undo them.

        Asked for after the plan, which was made on what there was before the successor began.
        """
        return StorageClosedError(self.line.name, "append", "the store was killed")

    def _plan(
        self,
        drafts: Sequence[Draft],
        pending: Sequence[int],
        results: list[StoredVersion | DspexError | None],
        fresh: set[str],
    ) -> tuple[list[tuple[int, Entry, StoredVersion]], list[int]]:
        """Give drafts their places; what has none gets its error among the results.

        Returns:
            The places, and what has to wait: drafts that another one, which is not stored yet, stands in the
            way of, and what comes after them.
        """
        heads: dict[str, _Head] = {}
        planned: list[tuple[int, Entry, StoredVersion]] = []
        later: list[int] = []
        waiting: set[str] = set()
        for index in pending:
            draft = drafts[index]
            if draft.id in waiting or (draft.id in heads and not _fits(draft, heads[draft.id])):
                waiting.add(draft.id)
                later.append(index)
                continue
            try:
                head = heads.get(draft.id) or self._head_for(draft, fresh)
                version = self._next(draft, head)
                entry = self.codec.entry(version, b"" if draft.packed is None else draft.packed.body)
            except DspexError as error:
                results[index] = error
                continue
            heads[draft.id] = _Head(version, version.deleted)
            planned.append((index, entry, version))
        return planned, later

    def _head_for(self, draft: Draft, fresh: set[str]) -> _Head:
        """Return the newest version; what is only remembered is not good enough to refuse a draft."""
        known = None if draft.id in fresh else self._heads.get(draft.id)
        if known is not None and _fits(draft, known):
            return known
        fresh.add(draft.id)
        head = self._read_head(draft.id)
        self._remember(draft.id, head)
        return head

    def _read_head(self, id: str) -> _Head:  # noqa: A002 -- the word of the whole library
        rows = self.line.run(lambda storage: storage.rows(id, limit=1))
        if not rows:
            return _Head(None)
        row = rows[0]
        try:
            version: Version = self.codec.version(row)
        except DspexError as error:
            # Its place in the chain is known all the same. Its time is taken if it can be one.
            now_us = self.now_us()
            saved_us = row.saved_us if 0 <= row.saved_us < now_us + _SKEW_US else now_us
            version = Version(revision=row.revision, label=row.label, saved_us=saved_us)
            return _Head(version, row.deleted, error)
        return _Head(version, row.deleted)

    def _remember(self, id: str, head: _Head) -> None:  # noqa: A002 -- as above
        self._heads.pop(id, None)
        self._heads[id] = head
        if len(self._heads) > _KNOWN_HEADS:
            del self._heads[next(iter(self._heads))]

    def _next(self, draft: Draft, head: _Head) -> StoredVersion:
        """Return the version that a draft becomes after this head.

        Raises:
            VersionConflictError: the head is not the expected one.
            DspexError: the head is damaged, or there is no label after it.
        """
        if not _fits(draft, head):
            raise VersionConflictError(draft.id, draft.expected or 0, head.revision)
        if head.damage is not None and not draft.over_damage:
            raise head.damage
        if draft.packed is None and draft.copied is None and (head.version is None or head.deleted):
            raise nothing_there(draft.id, head.revision)
        plain = self._labelled(draft, head)
        return StoredVersion(
            revision=plain.revision,
            label=plain.label,
            saved_us=plain.saved_us,
            clock_behind_us=plain.clock_behind_us,
            id=draft.id,
            deleted=draft.packed is None,
            schema_version=None if draft.packed is None else draft.packed.schema_version,
            size=0 if draft.packed is None else len(draft.packed.body),
            metadata=draft.metadata,
            write=new_write() if draft.copied is None else draft.copied.write,
        )

    def _labelled(self, draft: Draft, head: _Head) -> Version:
        previous, now_us = head.version, self.now_us()
        if draft.copied is not None:
            then_us = draft.copied.saved_us
            counted = next_version(Incremental(), None, previous=previous, now_us=then_us)
            return replace(counted, label=draft.copied.label)
        if draft.packed is None:  # a deletion repeats the label before it, from which the next one goes on
            counted = next_version(Incremental(), None, previous=previous, now_us=now_us)
            return replace(counted, label="" if previous is None else previous.label)
        if isinstance(self.versioning, HashBased) and draft.bump is None:
            counted = next_version(Incremental(), None, previous=previous, now_us=now_us)
            return replace(counted, label=draft.packed.content_hash or "")
        return next_version(
            self.versioning,
            self._state_of(draft.packed),
            previous=previous,
            now_us=now_us,
            bump=draft.bump,
            previous_state=None if previous is None else lambda: self._state_before(draft.id, previous),
        )

    def _state_of(self, packed: Packed) -> Any:  # noqa: ANN401 -- any state
        """Return the state, if a rule will look at it."""
        ruled = isinstance(self.versioning, Semantic) and self.versioning.rule is not None
        return self.codec.serializer.loads(packed.body).value if ruled else None

    def _state_before(self, id: str, version: Version) -> Any:  # noqa: A002, ANN401 -- any state
        entry = self.line.run(lambda storage: storage.read(id, Revision(version.revision)))
        if entry is None:
            raise DamagedVersionError(id, version.revision, "it is not there any more")
        return self.codec.unpack(self.codec.open(entry), entry.body)


def _fits(draft: Draft, head: _Head) -> bool:
    if draft.expected is None or draft.expected == head.revision:
        return True
    return draft.expected == 0 and head.deleted


def nothing_there(id: str, revision: int) -> DspexError:  # noqa: A002 -- the word of the whole library
    """Return the error for an id without a state: never saved, or deleted at this revision."""
    return StateDeletedError(id, revision) if revision else VersionNotFoundError(LATEST, ())
