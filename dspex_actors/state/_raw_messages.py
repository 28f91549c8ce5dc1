"""Messages whose replies are what the database holds, unchecked: for those who check it themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dspex_actors.state._backend import Revision
from dspex_actors.state._messages import Request
from dspex_actors.state._restoring import PAGE

if TYPE_CHECKING:
    from dspex_actors.state._backend import Entry, Row, SnapshotRow
    from dspex_actors.state._config import StoreConfig
    from dspex_actors.state._ledger import Ledger


@dataclass(frozen=True, slots=True)
class GetHeads(Request):
    """Ask for a page of the newest versions of all ids, sorted by id."""

    after: str = ""

    def run(self, ledger: Ledger, config: StoreConfig) -> list[Row]:
        """Read it."""
        del config
        return ledger.line.run(lambda storage: storage.heads(after=self.after, limit=PAGE))


@dataclass(frozen=True, slots=True)
class GetRows(Request):
    """Ask for a page of the versions of an id, the newest first."""

    id: str
    before: int | None = None
    limit: int = PAGE

    def run(self, ledger: Ledger, config: StoreConfig) -> list[Row]:
        """Read it."""
        del config
        return ledger.line.run(lambda storage: storage.rows(self.id, before=self.before, limit=self.limit))


@dataclass(frozen=True, slots=True)
class GetEntry(Request):
    """Ask for one version with its body; None if it is not there."""

    id: str
    revision: int

    def run(self, ledger: Ledger, config: StoreConfig) -> Entry | None:
        """Read it."""
        del config
        return ledger.line.run(lambda storage: storage.read(self.id, Revision(self.revision)))


@dataclass(frozen=True, slots=True)
class GetSnapshots(Request):
    """Ask for a page of all snapshots, sorted by name."""

    after: str = ""

    def run(self, ledger: Ledger, config: StoreConfig) -> list[SnapshotRow]:
        """Read it."""
        del config
        return ledger.line.run(lambda storage: storage.snapshots(after=self.after, limit=PAGE))
