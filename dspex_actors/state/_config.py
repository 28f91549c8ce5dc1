"""How a store is set up. Frozen, checked once; nothing reads the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.serialization import Serializer
from dspex_actors.state._ledger import clock_us
from dspex_actors.state._migrations import MigrationGraph
from dspex_actors.state._versioning import HashBased, Incremental, Semantic, Timestamp, Versioning

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.state._backend import Backend
    from dspex_actors.state._conflict import Resolver

_STRATEGIES: Final[dict[str, Versioning]] = {
    "timestamp": Timestamp(),
    "semantic": Semantic(),
    "hash_based": HashBased(),
    "incremental": Incremental(),
}
_LONGEST_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """A store that somebody else is to start, as a `Runtime` does.

    Attributes:
        backend: where it keeps states.
        config: how; None for the defaults.

    Raises:
        ConfigError: one of them is something else.
    """

    backend: Backend
    config: StoreConfig | None = None

    def __post_init__(self) -> None:
        if isinstance(self.backend, type) or not callable(getattr(self.backend, "open", None)):
            raise ConfigError("backend", self.backend, "a backend, such as Sqlite(path=...)")
        if self.config is not None and not isinstance(self.config, StoreConfig):
            raise ConfigError("config", self.config, "a StoreConfig or None")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """How a store is set up.

    Attributes:
        versioning: how versions are labelled; an object, or `"timestamp"`, `"semantic"`, `"hash_based"` or
            `"incremental"`.
        serializer: how states become bytes, with the keys that sign and encrypt.
        migrations: the steps between schema versions.
        conflict_resolver: decides what is kept when a save expected an older version than there is. None
            leaves that to the caller, by `VersionConflictError`.
        outage_wait_s: seconds that a request waits for a database that cannot be reached; 0 fails at once.
        poll_s: how often, in seconds, watched ids are looked at for what other processes saved; of backends
            that do not tell by themselves.
        now_us: gives microseconds since 1970 in UTC; for tests.

    Raises:
        ConfigError: a setting has the wrong type or is out of range.
    """

    versioning: Versioning | str = "timestamp"
    serializer: Serializer = field(default_factory=Serializer)
    migrations: MigrationGraph = field(default_factory=MigrationGraph)
    conflict_resolver: Resolver | None = None
    outage_wait_s: float = 0.0
    poll_s: float = 1.0
    now_us: Callable[[], int] = clock_us

    def __post_init__(self) -> None:
        if isinstance(self.versioning, str):
            if self.versioning not in _STRATEGIES:
                raise ConfigError("versioning", self.versioning, one_of(_STRATEGIES))
            object.__setattr__(self, "versioning", _STRATEGIES[self.versioning])
        for name, kinds, allowed in (
            ("versioning", (Timestamp, Semantic, HashBased, Incremental), "a strategy or its name"),
            ("serializer", (Serializer,), "a Serializer"),
            ("migrations", (MigrationGraph,), "a MigrationGraph"),
        ):
            if not isinstance(getattr(self, name), kinds):
                raise ConfigError(name, getattr(self, name), allowed)
        if self.conflict_resolver is not None and not callable(self.conflict_resolver):
            raise ConfigError("conflict_resolver", self.conflict_resolver, "a resolver or None")
        for name, least in (("outage_wait_s", 0.0), ("poll_s", 0.01)):
            value = getattr(self, name)
            number = value if isinstance(value, int | float) and not isinstance(value, bool) else -1.0
            if not least <= number <= _LONGEST_S:
                raise ConfigError(name, value, f"a number of seconds from {least} to {_LONGEST_S}")

    @property
    def strategy(self) -> Versioning:
        """How versions are labelled, as an object."""
        return _STRATEGIES[self.versioning] if isinstance(self.versioning, str) else self.versioning
