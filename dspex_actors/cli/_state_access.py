"""A store as the command uses it: opened in this thread, without an actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from dspex_actors._errors import DspexError
from dspex_actors.state import StoreConfig, VersionNotFoundError, _operations
from dspex_actors.state._client_history import History
from dspex_actors.state._codec import Codec
from dspex_actors.state._ledger import Ledger
from dspex_actors.state._line import Line
from dspex_actors.state._names import check_name
from dspex_actors.state._raw_messages import GetHeads, GetRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dspex_actors.serialization import Serializer
    from dspex_actors.state import Backend, Row, Snapshot, StoredState, StoredVersion
    from dspex_actors.state._operations import Operation

_T = TypeVar("_T")


class OpenedStore(History):
    """A store that is used by one thread, and closed at the end of a `with` block.

    Args:
        backend: opened when it is first asked for something.
        serializer: with the keys.
    """

    def __init__(self, backend: Backend, serializer: Serializer) -> None:
        self._config = StoreConfig(serializer=serializer)
        self._codec = Codec(serializer)
        self._line = Line(backend)
        self._ledger = Ledger(self._line, self._codec, self._config.strategy)

    @property
    def config(self) -> StoreConfig:
        """How it is set up."""
        return self._config

    def run(self, operation: Operation[_T]) -> _T:
        """Drive an operation to its end.

        Raises:
            DspexError: as the operation.
        """
        return _operations.run_directly(operation, self._ledger, self._config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._line.drop()

    def load(self, id: str, **which: Any) -> StoredState:  # noqa: A002, ANN401 -- as `States.load`
        """Load a version; see `States.load`."""
        return self.run(_operations.load(self._config, id, **which))

    def version(self, row: Row) -> StoredVersion | str:
        """Return what a row says, or why it is not what was saved."""
        try:
            return self._codec.version(row)
        except DspexError as error:
            return str(error)

    def heads(self) -> Iterator[Row]:
        """Yield the newest version of every id, deleted ones too, sorted by id."""
        after = ""
        while page := self.run(_operations.ask(GetHeads(after))):
            yield from page
            after = page[-1].id

    def rows(self, id: str) -> Iterator[Row]:  # noqa: A002 -- the word of the whole library
        """Yield the versions of an id, the newest first.

        Raises:
            VersionNotFoundError: it was never saved.
        """
        self.check_known([id])
        before: int | None = None
        while page := self.run(_operations.ask(GetRows(id, before=before))):
            yield from page
            before = page[-1].revision

    def all_snapshots(self) -> Iterator[Snapshot]:
        """Yield the snapshots, sorted by name.

        Raises:
            DamagedSnapshotError: one of them is damaged.
        """
        after = ""
        while page := self.list_snapshots(after=after):
            yield from page
            after = page[-1].name

    def check_known(self, ids: Iterable[str]) -> None:
        """Refuse ids that were never saved.

        Raises:
            ConfigError: there is one that none can have.
            VersionNotFoundError: there is one.
        """
        for each in ids:
            check_name("id", each)
            if not self.run(_operations.ask(GetRows(each, limit=1))):
                raise VersionNotFoundError(f"of {each!r}", ())
