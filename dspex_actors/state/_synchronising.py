"""Two stores that went on without each other, brought to one state again.

Each save has a name that its copies keep. So the newest version that both stores have is found by names,
whatever their revisions and clocks say. What only one side has since is copied to the other; where both went
on, a resolver decides, and both get the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors.state._codec import Codec, Packed
from dspex_actors.state._conflict import Side, reject, resolve
from dspex_actors.state._errors import UnresolvedConflictError
from dspex_actors.state._operations import ask
from dspex_actors.state._raw_messages import GetEntry
from dspex_actors.state._transfer import copy_of
from dspex_actors.state._walking import all_rows, ids_of_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dspex_actors.state._backend import Entry, Row
    from dspex_actors.state._client import States
    from dspex_actors.state._conflict import Resolver
    from dspex_actors.state._operations import Operation
    from dspex_actors.state._stored import StoredVersion


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What was done about one id.

    Attributes:
        id: whose.
        pushed: versions that were copied from mine to theirs.
        pulled: versions that were copied from theirs to mine.
        merged: whether both had gone on, so that a new version holds what the resolver kept.
    """

    id: str
    pushed: int = 0
    pulled: int = 0
    merged: bool = False


def synchronise(
    mine: States,
    theirs: States,
    *,
    ids: Iterable[str] | None = None,
    conflict_resolver: Resolver | None = None,
) -> list[Synchronised]:
    """Bring two stores to one newest state of each id; each id by itself, in this thread.

    Args:
        mine: one store.
        theirs: the other.
        ids: which; None for all that either has.
        conflict_resolver: decides where both went on; None for that of `mine`, else `reject`.

    Returns:
        What was done, for each id sorted; also for those where nothing was to do.

    Raises:
        UnresolvedConflictError: the resolver does not choose, or one side deleted what the other changed. Ids
            before that one are done.
        VersionConflictError: somebody saved meanwhile; do it again.
        DamagedVersionError: a version that is needed is damaged.
        StorageError: a database cannot be read or written.
    """
    resolver = conflict_resolver or mine.config.conflict_resolver or reject
    if ids is None:
        ids = set(mine.run(ids_of_all())) | set(theirs.run(ids_of_all()))
    return [_one(mine, theirs, each, resolver) for each in sorted(set(ids))]


def _one(mine: States, theirs: States, id: str, resolver: Resolver) -> Synchronised:  # noqa: A002 -- the word of the whole library
    my_versions, their_versions = mine.run(_versions(mine, id)), theirs.run(_versions(theirs, id))
    common = {version.write for version in their_versions}
    base = next((version for version in my_versions if version.write in common), None)
    my_news, their_news = _since(my_versions, base), _since(their_versions, base)
    if not (my_news and their_news):
        for version in my_news:
            _copy(version, mine, theirs)
        for version in their_news:
            _copy(version, theirs, mine)
        return Synchronised(id, pushed=len(my_news), pulled=len(their_news))
    heads = my_versions[0], their_versions[0]
    if heads[0].deleted or heads[1].deleted:
        if not (heads[0].deleted and heads[1].deleted):
            raise UnresolvedConflictError((f"{id!r}, which one side deleted",))
        _copy(heads[0], mine, theirs, over=heads[1])
        return Synchronised(id, pushed=1)
    sides = [_side(states, version) for states, version in zip((mine, theirs), heads, strict=True)]
    before = None if base is None or base.deleted else _side(mine, base)
    state = resolve(resolver, before, *sides)
    merged = mine.save(id, state, expected=heads[0].revision, schema_version=heads[0].schema_version)
    _copy(merged, mine, theirs, over=heads[1])
    return Synchronised(id, merged=True)


def _versions(states: States, id: str) -> Operation[list[StoredVersion]]:  # noqa: A002 -- as above
    codec = Codec(states.config.serializer)
    rows: list[Row] = yield from all_rows(id)
    return [codec.version(row) for row in rows]


def _since(versions: list[StoredVersion], base: StoredVersion | None) -> list[StoredVersion]:
    """Return the versions after the common one, the oldest first."""
    place = next((at for at, each in enumerate(versions) if base and each.write == base.write), len(versions))
    return versions[:place][::-1]


def _side(states: States, version: StoredVersion) -> Side:
    return Side(states.load(version.id, version.revision).state, version.saved_us)


def _copy(version: StoredVersion, source: States, target: States, over: StoredVersion | None = None) -> None:
    """Add a version of one store to the other."""
    packed = Packed(b"")
    if not version.deleted:
        entry: Entry | None = source.run(ask(GetEntry(version.id, version.revision)))
        if entry is None:
            return  # it was pruned meanwhile; those after it are there
        ours, other = Codec(source.config.serializer), Codec(target.config.serializer)
        opened = ours.open(entry)
        if ours.serializer == other.serializer:
            ours.check_body(opened, entry.body)
            packed = Packed(entry.body, version.schema_version)
        else:
            state = ours.unpack(opened, entry.body)
            packed = other.pack(state, schema_version=version.schema_version)
    message = copy_of(version, packed, expected=over.revision if over is not None else None)
    target.run(ask(message))
