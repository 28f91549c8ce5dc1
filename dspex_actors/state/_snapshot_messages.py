"""The messages of a store about snapshots, going back, and pruning; otherwise as `_messages`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.state import _restoring
from dspex_actors.state._messages import DEFAULT_LIMIT, Request, check_limit
from dspex_actors.state._names import check_metadata, check_name, check_revision
from dspex_actors.state._retention import Retention, superfluous
from dspex_actors.state._versioning import to_us

if TYPE_CHECKING:
    from datetime import datetime

    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._ledger import Ledger
    from dspex_actors.state._stored import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateSnapshot(Request):
    """Name versions; the reply is the `Snapshot`. See `States.create_snapshot`."""

    name: str
    ids: Iterable[str] | Mapping[str, int] | None = None
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        object.__setattr__(self, "metadata", check_metadata(self.metadata))
        object.__setattr__(self, "ids", _checked_ids(self.ids, revisions=True))

    def run(self, ledger: Ledger, config: StoreConfig) -> Snapshot:
        """Make it."""
        del config
        return _restoring.create_snapshot(ledger, self.name, self.ids, self.metadata or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSnapshot(Request):
    """Look up a snapshot; the reply is the `Snapshot`."""

    name: str

    def __post_init__(self) -> None:
        check_name("name", self.name)

    def run(self, ledger: Ledger, config: StoreConfig) -> Snapshot:
        """Find it."""
        del config
        return _restoring.read_snapshot(ledger, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSnapshots(Request):
    """List snapshots by name; the reply is a list of `Snapshot`. See `States.list_snapshots`."""

    after: str = ""
    limit: int = DEFAULT_LIMIT

    def __post_init__(self) -> None:
        check_limit(self.limit)

    def run(self, ledger: Ledger, config: StoreConfig) -> list[Snapshot]:
        """List them."""
        del config
        rows = ledger.line.run(lambda storage: storage.snapshots(after=self.after, limit=self.limit))
        return [ledger.codec.snapshot(row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSnapshot(Request):
    """Remove a snapshot; the reply is None. See `States.drop_snapshot`."""

    name: str

    def __post_init__(self) -> None:
        check_name("name", self.name)

    def run(self, ledger: Ledger, config: StoreConfig) -> None:
        """Remove it."""
        del config
        _restoring.drop_snapshot(ledger, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreSnapshot(Request):
    """Go back to a snapshot; the reply is a `Restored`. See `States.restore_snapshot`."""

    name: str
    ids: Iterable[str] | None = None

    def __post_init__(self) -> None:
        check_name("name", self.name)
        object.__setattr__(self, "ids", _checked_ids(self.ids, revisions=False))

    def run(self, ledger: Ledger, config: StoreConfig) -> _restoring.Restored:
        """Go back."""
        del config
        return _restoring.restore_snapshot(ledger, self.name, self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recover(Request):
    """Go back to a time, or an id to a revision; the reply is a `Restored`. See `States.recover`.

    Raises:
        ConfigError: a part of it makes no sense.
    """

    at: datetime | None = None
    ids: Iterable[str] | None = None
    revision: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", _checked_ids(self.ids, revisions=False))
        if (self.at is None) == (self.revision is None):
            raise ConfigError("recover", (self.at, self.revision), "either `at` or `revision`")
        if self.at is not None:
            to_us(self.at)
            return
        check_revision("revision", self.revision, least=1)
        if self.ids is None or len(tuple(self.ids)) != 1:
            raise ConfigError("ids", self.ids, "one id where a revision is given")

    def run(self, ledger: Ledger, config: StoreConfig) -> _restoring.Restored:
        """Go back."""
        del config
        if self.at is not None:
            return _restoring.recover(ledger, max(0, to_us(self.at)), self.ids)
        (id,) = self.ids or ()  # noqa: A001 -- the word of the whole library
        return _restoring.recover_version(ledger, id, self.revision or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneVersions(Request):
    """Remove what a policy does not keep of one id; the reply is how many versions that were.

    Raises:
        ConfigError: a part of it makes no sense.
    """

    id: str
    policy: Retention
    dry_run: bool = False

    def __post_init__(self) -> None:
        check_name("id", self.id)
        if not isinstance(self.policy, Retention):
            raise ConfigError("policy", self.policy, "a Retention")

    def run(self, ledger: Ledger, config: StoreConfig) -> int:
        """Remove them page by page."""
        del config
        now_us, seen, count, before = ledger.now_us(), 0, 0, None
        last = None
        while True:
            rows = ledger.line.run(
                lambda storage, before=before: storage.rows(self.id, before=before, limit=_restoring.PAGE)  # type: ignore[misc]
            )
            page = rows if last is None else [last, *rows]
            gone = superfluous(page, self.policy, now_us=now_us, newer=seen - (last is not None))
            gone = [revision for revision in gone if last is None or revision != last.revision]
            if gone and self.dry_run:
                count += len(gone)
            elif gone:
                count += ledger.line.run(lambda storage, gone=gone: storage.remove(self.id, gone))  # type: ignore[misc]
            if len(rows) < _restoring.PAGE:
                return count
            seen, last = seen + len(rows), rows[-1]
            before = last.revision


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStorage(Request):
    """Have the backend look for damage that only it can see; the reply is a list of sentences."""

    def run(self, ledger: Ledger, config: StoreConfig) -> list[str]:
        """Look for it."""
        del config
        return ledger.line.run(lambda storage: storage.check())


def _checked_ids(ids: object, *, revisions: bool) -> Any:  # noqa: ANN401 -- a tuple, a dict or None
    if ids is None:
        return None
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise ConfigError("ids", ids, "several ids, such as a list of one")
    if isinstance(ids, Mapping):
        if not revisions:
            raise ConfigError("ids", ids, "ids without revisions")
        return {check_name("ids", key): check_revision("ids", ids[key], least=1) for key in ids}
    return tuple(check_name("ids", each) for each in ids)
