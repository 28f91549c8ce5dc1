"""The messages of a store. Each checks itself where it is made, and says what to do with the ledger.

`run` is called in the thread of the store that does the database's work. What it returns is the reply.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.state import _reading
from dspex_actors.state._codec import Packed
from dspex_actors.state._ledger import Draft
from dspex_actors.state._names import check_metadata, check_name, check_revision
from dspex_actors.state._stored import StoredState, StoredVersion
from dspex_actors.state._versioning import LATEST, Bump, HashBased

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._ledger import Ledger

DEFAULT_LIMIT = 100
_MOST = 10_000


class Request:
    """A message that is answered from the database."""

    __slots__ = ()

    def run(self, ledger: Ledger, config: StoreConfig) -> Any:  # noqa: ANN401 -- each has its own reply
        """Do it."""
        raise NotImplementedError


class Write(Request):
    """A message that saves one version; several are written together."""

    __slots__ = ()

    def draft(self, ledger: Ledger, config: StoreConfig) -> Draft:
        """Return what is to be saved."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveState(Write):
    """Save a state; the reply is its `StoredVersion`. See `States.save`.

    `States` packs the state in the thread of the caller. One that comes as it is, is packed by the store, and
    must not be changed until the reply is there.

    Raises:
        ConfigError: a part of it makes no sense.
    """

    id: str
    state: Any
    expected: int | None = None
    metadata: Mapping[str, Any] | None = None
    bump: Bump | None = None
    schema_version: str | None = None
    copied: StoredVersion | None = None

    def __post_init__(self) -> None:
        check_name("id", self.id)
        object.__setattr__(self, "metadata", check_metadata(self.metadata))
        if self.expected is not None:
            check_revision("expected", self.expected, least=0)
        if self.bump is not None and not isinstance(self.bump, Bump):
            raise ConfigError("bump", self.bump, "a Bump or None")

    def draft(self, ledger: Ledger, config: StoreConfig) -> Draft:
        """Return what is to be saved."""
        packed = self.state
        if not isinstance(packed, Packed):
            hashed = isinstance(config.strategy, HashBased)
            packed = ledger.codec.pack(packed, schema_version=self.schema_version, hashed=hashed)
        return Draft(
            id=self.id,
            packed=packed,
            expected=self.expected,
            metadata=self.metadata or {},
            bump=self.bump,
            copied=self.copied,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteState(Write):
    """Delete an id; the reply is the `StoredVersion` that says so. See `States.delete`."""

    id: str
    expected: int | None = None
    metadata: Mapping[str, Any] | None = None
    copied: StoredVersion | None = None

    def __post_init__(self) -> None:
        check_name("id", self.id)
        object.__setattr__(self, "metadata", check_metadata(self.metadata))
        if self.expected is not None:
            check_revision("expected", self.expected, least=1)

    def draft(self, ledger: Ledger, config: StoreConfig) -> Draft:
        """Return the deletion."""
        del ledger, config
        return Draft(
            id=self.id,
            packed=None,
            expected=self.expected,
            metadata=self.metadata or {},
            copied=self.copied,
            over_damage=True,
        )


@dataclass(frozen=True, slots=True)
class Read:
    """A version with its body, from which the state is still to be made."""

    version: StoredVersion
    body: bytes
    damaged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadState(Request):
    """Load a version without unpacking its state; the reply is a `Read`."""

    id: str
    version: str | int = LATEST
    at: datetime | None = None
    fall_back: bool = False

    def __post_init__(self) -> None:
        check_name("id", self.id)
        _reading.which_version(self.version, self.at)

    def run(self, ledger: Ledger, config: StoreConfig) -> Read:
        """Find it."""
        del config
        which = _reading.which_version(self.version, self.at)
        if self.fall_back:
            return Read(*_reading.find_sound(ledger, self.id, which))
        return Read(*_reading.find(ledger, self.id, which))


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadState(ReadState):
    """Load a state; the reply is a `StoredState`, made by the store. See `States.load`."""

    def run(self, ledger: Ledger, config: StoreConfig) -> StoredState:  # type: ignore[override]  # its own reply
        """Find and unpack it."""
        read = ReadState.run(self, ledger, config)
        return StoredState(ledger.codec.unpack(read.version, read.body), read.version, read.damaged)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVersions(Request):
    """List versions of an id; the reply is a list of `StoredVersion`. See `States.list_versions`."""

    id: str
    limit: int = DEFAULT_LIMIT
    before: int | None = None

    def __post_init__(self) -> None:
        check_name("id", self.id)
        check_limit(self.limit)
        if self.before is not None:
            check_revision("before", self.before, least=0)

    def run(self, ledger: Ledger, config: StoreConfig) -> list[StoredVersion]:
        """List them."""
        del config
        return _reading.list_rows(ledger, self.id, self.before, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListIds(Request):
    """List ids that have a state; the reply is a page of them. See `States.list_ids`."""

    after: str = ""
    limit: int = DEFAULT_LIMIT
    deleted: bool = False

    def __post_init__(self) -> None:
        check_limit(self.limit)

    def run(self, ledger: Ledger, config: StoreConfig) -> tuple[list[str], bool]:
        """Return ids, and whether there may be more."""
        del config
        found: list[str] = []
        after = self.after
        while True:
            rows = ledger.line.run(lambda storage, after=after: storage.heads(after=after, limit=self.limit))  # type: ignore[misc]
            for row in rows:
                if row.deleted is self.deleted:
                    found.append(row.id)
                if len(found) == self.limit:
                    return found, True
            if len(rows) < self.limit:
                return found, False
            after = rows[-1].id


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrateState(Request):
    """Migrate a state; the reply is a `MigratedState`. See `States.migrate`. The steps run in the store."""

    id: str
    goal: str
    start: str | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_name("id", self.id)

    def run(self, ledger: Ledger, config: StoreConfig) -> Any:  # noqa: ANN401 -- see the class
        """Load, walk the steps, save."""
        from dspex_actors.state._operations import migrate, run_directly  # noqa: PLC0415 -- made of these messages

        steps = migrate(config, self.id, self.goal, start=self.start, dry_run=self.dry_run)
        return run_directly(steps, ledger, config)


def check_limit(limit: object) -> None:
    """Refuse a page that is empty or too large.

    Raises:
        ConfigError: it is no whole number from 1 to 10,000.
    """
    if type(limit) is not int or not 1 <= limit <= _MOST:
        raise ConfigError("limit", limit, f"a whole number from 1 to {_MOST}")
