"""What needs more than one message, or work of the caller's: written once, for every way to call it.

An operation is a generator: it yields messages for a store, gets the replies, and returns its result. So
packing, unpacking, migration steps and resolvers run in the thread that drives it, which is the caller's: the
store does the database's work alone, and at no time has a state that its caller could change.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from dspex_actors._errors import ConfigError, DspexError
from dspex_actors.state._codec import Codec
from dspex_actors.state._conflict import Side, resolve
from dspex_actors.state._errors import (
    StateDeletedError,
    VersionConflictError,
    VersionNotFoundError,
)
from dspex_actors.state._messages import DeleteState, ListIds, ReadState, Request, SaveState, Write
from dspex_actors.state._restoring import ORIGIN
from dspex_actors.state._snapshot_messages import PruneVersions
from dspex_actors.state._stored import StoredState, StoredVersion
from dspex_actors.state._versioning import LATEST, HashBased

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._conflict import Resolver
    from dspex_actors.state._ledger import Ledger
    from dspex_actors.state._messages import Read
    from dspex_actors.state._retention import Retention
    from dspex_actors.state._versioning import Bump

_T = TypeVar("_T")
Operation: TypeAlias = Generator[Request, Any, _T]

_CONFLICTS: Final = 100  # in a row, before a save with a resolver gives up


@dataclass(frozen=True, slots=True)
class MigratedState:
    """What a migration did, or would do.

    Attributes:
        state: the new state.
        provenance: `migrated_from`, `migrated_to` and `steps`, as in the metadata of the new version.
        version: the new version; None for a dry run, and where the state was of that schema already.
    """

    state: Any
    provenance: Mapping[str, Any]
    version: StoredVersion | None


def run_directly(operation: Operation[_T], ledger: Ledger, config: StoreConfig) -> _T:
    """Drive an operation in this thread, on a ledger of its own: without an actor."""
    try:
        request = next(operation)
        while True:
            try:
                reply = answer(request, ledger, config)
            except DspexError as error:
                request = operation.throw(error)
            else:
                request = operation.send(reply)
    except StopIteration as stop:
        result: _T = stop.value
        return result


def answer(request: Request, ledger: Ledger, config: StoreConfig) -> Any:  # noqa: ANN401 -- each has its own reply
    """Do what one message asks for.

    Raises:
        DspexError: why it is not done.
    """
    if not isinstance(request, Write):
        return request.run(ledger, config)
    (result,) = ledger.write([request.draft(ledger, config)])
    if isinstance(result, DspexError):
        raise result
    return result


def ask(request: Request) -> Operation[Any]:
    """Send one message; the result is its reply."""
    return (yield request)


def save(
    config: StoreConfig,
    id: str,  # noqa: A002 -- the word of the whole library
    state: object,
    *,
    expected: int | StoredVersion | None = None,
    metadata: Mapping[str, Any] | None = None,
    bump: Bump | None = None,
    schema_version: str | None = None,
    conflict_resolver: Resolver | None = None,
) -> Operation[StoredVersion]:
    """Pack a state and save it; where another one was saved since, have the resolver decide."""
    codec = Codec(config.serializer)
    resolver = conflict_resolver or config.conflict_resolver
    hashed = isinstance(config.strategy, HashBased)
    mine, base = state, None
    known = revision_of(id, expected)
    for _ in range(_CONFLICTS):
        message = SaveState(
            id=id,
            state=codec.pack(mine, schema_version=schema_version, hashed=hashed),
            expected=known,
            metadata=metadata,
            bump=bump,
            schema_version=schema_version,
        )
        try:
            version: StoredVersion = yield message
        except VersionConflictError as conflict:
            if resolver is None:
                raise
            if base is None and known:
                base = yield from _side(codec, id, known)
            try:
                theirs: Read = yield ReadState(id=id)
            except (StateDeletedError, VersionNotFoundError):
                raise conflict from None
            side = Side(codec.unpack(theirs.version, theirs.body), theirs.version.saved_us)
            mine = resolve(resolver, base, Side(state, config.now_us()), side)
            known = theirs.version.revision
        else:
            return version
    raise VersionConflictError(id, known or 0, -1)


def revision_of(id: str, expected: int | StoredVersion | None) -> int | None:  # noqa: A002 -- as above
    """Return the revision that a writer expects.

    Raises:
        ConfigError: he gave a version of another id.
    """
    if not isinstance(expected, StoredVersion):
        return expected
    if expected.id != id:
        raise ConfigError("expected", f"a version of {expected.id!r}", f"a version of {id!r}")
    return expected.revision


def _side(codec: Codec, id: str, revision: int) -> Operation[Side | None]:  # noqa: A002 -- as above
    """Return the state that a writer started from, None if it is not there any more."""
    try:
        read: Read = yield ReadState(id=id, version=revision)
    except (StateDeletedError, VersionNotFoundError):
        return None
    return Side(codec.unpack(read.version, read.body), read.version.saved_us)


def load(
    config: StoreConfig,
    id: str,  # noqa: A002 -- as above
    version: str | int = LATEST,
    *,
    at: datetime | None = None,
    fall_back: bool = False,
) -> Operation[StoredState]:
    """Load a version and unpack its state."""
    read: Read = yield ReadState(id=id, version=version, at=at, fall_back=fall_back)
    state = Codec(config.serializer).unpack(read.version, read.body)
    return StoredState(state, read.version, read.damaged)


def migrate(
    config: StoreConfig,
    id: str,  # noqa: A002 -- as above
    goal: str,
    *,
    start: str | None = None,
    dry_run: bool = False,
) -> Operation[MigratedState]:
    """Bring the newest state of an id to another schema version, and save it if nobody saved meanwhile."""
    codec = Codec(config.serializer)
    read: Read = yield ReadState(id=id)
    known = read.version.schema_version
    if start is None:
        if known is None:
            raise ConfigError("start", None, "the schema version, as none was given when the state was saved")
        start = known
    elif known is not None and known != start:
        raise ConfigError(
            "start", start, f"{known!r}, the schema version that the newest state was saved with"
        )
    migrated = config.migrations.migrate(codec.unpack(read.version, read.body), start, goal)
    if dry_run or start == goal:
        return MigratedState(migrated.state, migrated.provenance, None)
    metadata = dict(read.version.metadata)
    metadata[ORIGIN] = migrated.provenance | {"revision": read.version.revision}
    hashed = isinstance(config.strategy, HashBased)
    version: StoredVersion = yield SaveState(
        id=id,
        state=codec.pack(migrated.state, schema_version=goal, hashed=hashed),
        expected=read.version.revision,
        metadata=metadata,
        schema_version=goal,
    )
    return MigratedState(migrated.state, migrated.provenance, version)


def delete(
    id: str,  # noqa: A002 -- as above
    *,
    expected: int | StoredVersion | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Operation[StoredVersion]:
    """Delete an id."""
    version: StoredVersion = yield DeleteState(id=id, expected=revision_of(id, expected), metadata=metadata)
    return version


def all_ids(*, deleted: bool = False) -> Operation[list[str]]:
    """Return all ids, those with a state or those that are deleted."""
    found: list[str] = []
    more = True
    while more:
        page, more = yield ListIds(after=found[-1] if found else "", limit=1000, deleted=deleted)
        found += page
    return found


def prune(policy: Retention, ids: Iterable[str] | None, *, dry_run: bool) -> Operation[dict[str, int]]:
    """Remove old versions id by id; return for each id of which there were some how many."""
    if ids is None:
        live = yield from all_ids()
        gone = yield from all_ids(deleted=True)
        ids = sorted(live + gone)
    counts = {}
    for each in ids:
        count: int = yield PruneVersions(id=each, policy=policy, dry_run=dry_run)
        if count:
            counts[each] = count
    return counts
