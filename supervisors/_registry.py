"""A table of names and properties that actors hold while they live.

    names = Registry(keys="unique")
    topics = Registry(keys="duplicate", partitions=4)

    class Listener(GenServer):
        def init(self, topic):
            topics.register(topic, "low")  # belongs to this actor, goes with its end

    Supervisor.start([
        names.child_spec(id="names"),
        topics.child_spec(id="topics"),
        names.via("prices").named(Listener.child_spec("prices")),
    ])
    names.via("prices").cast(Refresh())
    topics.dispatch("prices", lambda entries: [entry.owner.cast("tick") for entry in entries])

Entries belong to the actor that registers them, and are written and read in the calling thread. When an
actor ends, whoever ends it, its entries go in the ending thread before its `Down` and `Exit` are sent: who
hears of the end finds the name free.

Keys are compared with their types: 1, 1.0 and True are three keys. A `unique` key has one owner, a
`duplicate` key any number, the same actor several times if it likes.

An owner is linked to each partition it holds an entry in, until it holds none there. Should the registry
end, owners without `trap_exit` end too, and their supervisors bring both back in order: put the registry
before its users in `rest_for_one`, or anywhere in `one_for_all`.

Unlike Elixir's: clean-up does not come after `Down` but before; the entries of a key are all in one
partition, so the order of a key is that of registration whatever `partitions` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors._address import Address
from supervisors._child_spec import choose
from supervisors._errors import (
    ActorExitedError,
    ChildSpecError,
    NameTakenError,
    NotAnActorError,
    NotRegisteredError,
    RegistryKeysError,
    UnknownRegistryError,
)
from supervisors._future import running
from supervisors._handle import Handle
from supervisors._reasons import NO_PROCESS
from supervisors._registry_actor import RegistryKeeper, Tables
from supervisors._registry_dispatch import share_out
from supervisors._registry_messages import Registered, RegistryKeys, Unregistered
from supervisors._registry_tables import Registration
from supervisors._registry_via import RegistryVia
from supervisors._strict_key import strict
from supervisors._supervisor_address import SupervisorAddress

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from supervisors._errors import SupervisorError
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._registry_tables import Predicate, Shard
    from supervisors._types import Argument

    Filter = Callable[[Registration], bool]


class Registry(Handle[SupervisorAddress, Tables]):
    """See the module's docstring. A handle: make it, then `start` it or put its `child_spec` into a tree.

    Everything but the constructor, `start`, `child_spec` and `via` raises `UnknownRegistryError` while the
    registry is not running.

    Args:
        keys: a `RegistryKeys` or its string.
        partitions: tables with one lock each; more help only when many threads write.
        name: for people.
        listeners: addresses that get `Registered` and `Unregistered` from the thread that made the change.
            They hear nothing of entries that went with their owner, and monitor owners for that.
        notify_exits: let listeners hear of those, too, with the reason; an extension of ours.
        meta: first values for `get_meta`.

    Raises:
        ChildSpecError: an option is wrong.
    """

    actor_class = RegistryKeeper

    def __init__(
        self,
        *,
        keys: RegistryKeys | str = RegistryKeys.UNIQUE,
        partitions: int = 1,
        name: str = "registry",
        listeners: Iterable[Address | Pid] = (),
        notify_exits: bool = False,
        meta: Mapping[Hashable, Any] | None = None,
    ) -> None:
        super().__init__(name)
        self.keys_kind = choose(RegistryKeys, keys, "keys")
        if type(partitions) is not int or partitions < 1:
            msg = f"partitions is {partitions!r}; it must be a whole number >= 1"
            raise ChildSpecError(msg)
        self.partitions = partitions
        self.listeners = tuple(listeners)
        self.initial_meta = dict(meta or {})
        self.on_exit = self._tell_exits if notify_exits and self.listeners else None
        self._unique = self.keys_kind is RegistryKeys.UNIQUE

    # -- entries of the caller

    def register(self, key: Hashable, value: Argument = None) -> None:
        """Make an entry for the calling actor.

        Raises:
            NameTakenError: the key is unique and has a living owner, be it the caller itself.
            NotAnActorError: the calling thread is no actor's.
            ActorExitedError: the calling actor was killed; it holds nothing any more.
        """
        self.register_pid(self._caller("register"), key, value)

    def register_pid(self, pid: Pid, key: Hashable, value: Argument) -> None:
        """Make an entry for an actor, in that actor's thread; for this package. See `register`.

        Raises:
            NameTakenError: as in `register`.
            ActorExitedError: as in `register`.
        """
        tables = self.state
        known = strict(key)
        holder = self._shard(known).add(known, Registration(key, pid, value), unique=self._unique)
        if holder is not None:
            raise NameTakenError(self.name, key, holder)
        if pid.mailbox.closed:
            raise ActorExitedError(pid.name, pid.mailbox.reason)
        tables.system.published()
        for listener in self.listeners:
            listener.send_info(Registered(self, key, pid, value))

    def unregister(self, key: Hashable) -> None:
        """Remove all entries of a key that the calling actor has; quiet if it has none.

        Raises:
            NotAnActorError: the calling thread is no actor's.
        """
        self._remove(key, self._caller("unregister"), None)

    def unregister_match(self, key: Hashable, where: Predicate) -> None:
        """Remove those entries of the calling actor whose value `where(value)` accepts, in this thread.

        Raises:
            NotAnActorError: the calling thread is no actor's.
        """
        self._remove(key, self._caller("unregister_match"), where)

    def update_value(self, key: Hashable, change: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Replace the value of the calling actor's unique entry by `change(value)`, run in this thread.

        Returns:
            The new value and the old one.

        Raises:
            NotRegisteredError: the caller has no such entry; `change` did not run.
            RegistryKeysError: keys are not unique here.
            NotAnActorError: the calling thread is no actor's.
        """
        self._needs_unique("update_value")
        known = strict(key)
        values = self._shard(known).update(known, self._caller("update_value"), change)
        if values is None:
            raise NotRegisteredError(self.name, key)
        return values

    # -- reading, by anybody

    def lookup(self, key: Hashable) -> list[Registration]:
        """Return the entries of a key, in the order they were made."""
        known = strict(key)
        return self._shard(known).of_key(known)

    def whereis(self, key: Hashable) -> Pid | None:
        """Return the living owner of a unique key; None if there is none.

        Raises:
            RegistryKeysError: keys are not unique here.
        """
        self._needs_unique("whereis")
        entries = self.lookup(key)
        return entries[0].owner if entries else None

    def keys(self, owner: Pid | Address | None = None) -> list[Hashable]:
        """Return the keys an actor holds, each as often as it holds it; the caller's by default.

        Raises:
            NotAnActorError: no owner is given and the calling thread is no actor's.
        """
        return [entry.key for entry in self._owned(owner, "keys")]

    def values(self, key: Hashable, owner: Pid | Address | None = None) -> list[Any]:
        """Return the values an actor holds under a key; the caller's by default.

        Raises:
            NotAnActorError: no owner is given and the calling thread is no actor's.
        """
        known = strict(key)
        return [entry.value for entry in self._owned(owner, "values") if strict(entry.key) == known]

    def match(self, key: Hashable, where: Predicate) -> list[Registration]:
        """Return the entries of a key whose value `where(value)` accepts; it runs in this thread."""
        return [entry for entry in self.lookup(key) if where(entry.value)]

    def select(self, where: Filter | None = None) -> list[Registration]:
        """Return all entries, or those `where(entry)` accepts; it runs in this thread, outside any lock."""
        entries = [entry for shard in self._shards() for entry in shard.all()]
        return entries if where is None else [entry for entry in entries if where(entry)]

    def count(self) -> int:
        """Return how many entries there are."""
        return sum(map(len, self._shards()))

    def count_select(self, where: Filter) -> int:
        """Return how many entries `where(entry)` accepts."""
        return len(self.select(where))

    def dispatch(
        self, key: Hashable, deliver: Callable[[list[Registration]], object], *, parallel: bool = False
    ) -> None:
        """Give the entries of a key to a function; it is not called for a key without any.

        Args:
            key: whose entries.
            deliver: gets a list of entries. Called once, in this thread; what it raises is raised here.
            parallel: with several partitions, share the entries out among as many threads instead, each
                with a copy of this thread's context. Returns when all are through.

        Raises:
            Exception: the first that `deliver` raised.
        """
        entries = self.lookup(key)
        if entries:
            share_out(entries, deliver, threads=self.partitions if parallel else 1)

    # -- names, locks, meta

    def via(self, key: Hashable, value: Argument = None) -> RegistryVia:
        """Return the address of whoever holds a unique key, and the name to start an actor under.

        Args:
            key: the name.
            value: of the entry that an actor started under this name makes.

        Raises:
            RegistryKeysError: keys are not unique here.
        """
        self._needs_unique("via")
        return RegistryVia(self, key, value)

    def lock(self, key: Hashable, timeout: float | None = None) -> AbstractContextManager[None]:
        """Hold a key's lock during a `with` block; has nothing to do with entries of that key.

        Any thread may; it blocks until those who came before have left, raised or ended. An actor that is
        killed loses the lock at once, although its thread may still be in the block.

        Raises:
            CallCycleError: the caller holds it already, or the holder waits for the caller.
            CallTimeoutError: it was not free within `timeout` seconds; None waits for ever.
        """
        return self.state.locks.hold(strict(key), timeout)

    def put_meta(self, key: Hashable, value: Argument) -> None:
        """Keep a value with the registry itself; gone when the registry ends."""
        tables = self.state
        with tables.meta_lock:
            tables.meta[key] = value

    def delete_meta(self, key: Hashable) -> None:
        """Drop a value; quiet if there is none."""
        tables = self.state
        with tables.meta_lock:
            tables.meta.pop(key, None)

    def get_meta(self, key: Hashable) -> Any:  # noqa: ANN401 -- whatever was put
        """Return a value kept with the registry.

        Raises:
            NotRegisteredError: nothing is kept under this key.
        """
        try:
            return self.state.meta[key]
        except KeyError:
            raise NotRegisteredError(self.name, key) from None

    # -- inside

    def _not_running(self) -> SupervisorError:
        return UnknownRegistryError(self.name, NO_PROCESS)

    def _shard(self, known: Hashable) -> Shard:
        shards = self.state.shards
        shard = shards[hash(known) % len(shards)]
        if shard is None:
            raise self._not_running()
        return shard

    def _shards(self) -> list[Shard]:
        shards = [shard for shard in self.state.shards if shard is not None]
        if len(shards) < self.partitions:
            raise self._not_running()
        return shards

    def _owned(self, owner: Pid | Address | None, operation: str) -> list[Registration]:
        pid = self._caller(operation) if owner is None else owner
        found = pid.find() if isinstance(pid, Address) else pid
        rows = [row for shard in self._shards() for row in shard.of_owner(found)] if found else []
        return [entry for _, entry in rows]

    def _remove(self, key: Hashable, owner: Pid, where: Predicate | None) -> None:
        known = strict(key)
        for entry in self._shard(known).remove(known, owner, where):
            for listener in self.listeners:
                listener.send_info(Unregistered(self, entry.key, owner))

    def _tell_exits(self, left: list[Registration], reason: ExitReason) -> None:
        for entry in left:
            for listener in self.listeners:
                listener.send_info(Unregistered(self, entry.key, entry.owner, reason))

    def _caller(self, operation: str) -> Pid:
        pid = running.pid
        if pid is None:
            raise NotAnActorError(f"{self.name}.{operation}()")
        return pid

    def _needs_unique(self, operation: str) -> None:
        if not self._unique:
            raise RegistryKeysError(self.name, operation, RegistryKeys.UNIQUE.value)
