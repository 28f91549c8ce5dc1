"""The state stores of a runtime: one child each of the supervisor `stores`, and how to talk to them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError, one_of
from supervisors import ActorExitedError

if TYPE_CHECKING:
    from dspex_actors.state import Backend, Memory, States, StoreSpec
    from supervisors import ChildSpec, SupervisorAddress

DEFAULT: Final = "state"
"""Name of the store behind `Runtime.state`."""


class Stores:
    """What stores a runtime has. The one of `Runtime.state` lives in memory unless another one is given.

    A store of the runtime's own choice is started when it is first asked for, so a runtime that keeps no
    states loads nothing of them.

    Args:
        state: where `Runtime.state` keeps its states, None for memory.
        stores: others, by name.

    Raises:
        ConfigError: a name is taken or no name, or something else than a store is given.
    """

    def __init__(
        self,
        state: Backend | StoreSpec | None = None,
        stores: Mapping[str, Backend | StoreSpec] | None = None,
    ) -> None:
        named: Mapping[str, Backend | StoreSpec] = {} if stores is None else stores
        if not isinstance(named, Mapping):
            raise ConfigError("stores", stores, "a mapping of names to stores")
        for name in named:
            if not isinstance(name, str) or not name:
                raise ConfigError("stores", name, "a mapping with texts as keys")
        if state is not None and DEFAULT in named:
            raise ConfigError("stores", DEFAULT, "names without 'state' where `state` is given too")
        given = {**({} if state is None else {DEFAULT: state}), **named}
        self._specs = {name: _spec(name, each) for name, each in given.items()}
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self._known: dict[str, States] = {}
        self._supervisor: SupervisorAddress

    def child_specs(self) -> list[ChildSpec]:
        """Return the specs of all stores that were given."""
        return [_child(name, spec) for name, spec in self._specs.items()]

    def attach(self, supervisor: SupervisorAddress) -> None:
        """Tell where the stores have been started."""
        self._supervisor = supervisor
        if self._specs:
            from dspex_actors.state import States  # noqa: PLC0415 -- see the class

            self._known = {name: States(supervisor.child(name)) for name in self._specs}

    def states(self, name: str) -> States:
        """Return how to talk to a store; the address in it stays valid over restarts.

        Raises:
            ConfigError: there is none of this name.
            StorageUnavailableError: the supervisor of the stores is not there.
        """
        if name in self._specs:
            return self._known[name]
        if name != DEFAULT:
            raise ConfigError("store", name, one_of(sorted({DEFAULT, *self._specs})))
        with self._lock:
            return self._in_memory()

    def _in_memory(self) -> States:
        """Start the store that nobody has given, again where its supervisor has forgotten it."""
        from dspex_actors.state import Memory, States, StateStore, StorageUnavailableError  # noqa: PLC0415 -- see the class

        known, supervisor = self._known.get(DEFAULT), self._supervisor
        if known is not None and (not supervisor.alive or supervisor.at(DEFAULT) is not None):
            return known
        self._memory = self._memory or Memory()
        try:
            address = supervisor.start_child(StateStore.child_spec(self._memory, id=DEFAULT))
        except ActorExitedError as error:
            raise StorageUnavailableError(f"the store {DEFAULT!r}", "start", str(error)) from error
        self._known[DEFAULT] = known or States(address)
        return self._known[DEFAULT]


def _spec(name: str, store: Backend | StoreSpec) -> StoreSpec:
    from dspex_actors.state import StoreSpec  # noqa: PLC0415 -- whoever gives a store has loaded it

    if isinstance(store, StoreSpec):
        return store
    try:
        return StoreSpec(store)
    except ConfigError:
        where = "state" if name == DEFAULT else f"stores[{name!r}]"
        raise ConfigError(where, store, "a backend or a StoreSpec") from None


def _child(name: str, spec: StoreSpec) -> ChildSpec:
    from dspex_actors.state import StateStore  # noqa: PLC0415 -- as above

    return StateStore.child_spec(spec.backend, spec.config, id=name)
