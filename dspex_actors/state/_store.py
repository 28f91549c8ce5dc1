"""The actor that keeps states: takes messages, has them done beside, and tells watchers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors._log import log
from dspex_actors.state._backend import Capability, Notifying
from dspex_actors.state._codec import Codec
from dspex_actors.state._config import StoreConfig
from dspex_actors.state._desk import Desk
from dspex_actors.state._door import CountingMailbox, Door, GetDoor
from dspex_actors.state._ledger import Ledger
from dspex_actors.state._line import Line
from dspex_actors.state._messages import Request, Write
from dspex_actors.state._names import check_name
from dspex_actors.state._restoring import all_heads, newest
from dspex_actors.state._storage_errors import StorageUnavailableError
from dspex_actors.state._watchers import StateChanged, Watchers
from supervisors import NO_REPLY, Down, GenServer, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.state._backend import Backend, Storage
    from dspex_actors.state._stored import StoredVersion
    from supervisors import ExitReason, MonitorRef, Pid, Sender, Timer


class GetConfig:
    """Ask for the store's `StoreConfig`."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Be told of changes; the reply is a number for `Unwatch`.

    Attributes:
        id: whose; None for all.
        on_change: called with each `StateChanged` in the store's thread, so it has to be quick. None: the
            calling actor gets it in `handle_info`, until it ends.
    """

    id: str | None = None
    on_change: Callable[[StateChanged], object] | None = None

    def __post_init__(self) -> None:
        if self.id is not None:
            check_name("id", self.id)


@dataclass(frozen=True, slots=True)
class Unwatch:
    """End a watch; the reply says whether there was one."""

    number: int


@dataclass(frozen=True, slots=True)
class _Saved:
    change: StateChanged


@dataclass(frozen=True, slots=True)
class _Broke:
    error: BaseException


@dataclass(frozen=True, slots=True)
class _Looked:
    """The newest revisions that a look at the database found; with whom it was for, if he is new."""

    changes: tuple[StateChanged, ...]
    watch: tuple[Watch | None, Sender] | None = None


@dataclass(frozen=True, slots=True)
class _Hint:
    """An id may have changed; any, if it is empty."""

    id: str


class _TimeToLook:
    """It is time to look for what others saved."""


@dataclass(frozen=True, slots=True)
class _Heads(Request):
    """Ask for the newest revisions of some ids, or of all, after doing something with the storage."""

    ids: frozenset[str] | None
    first: Callable[[Storage], object] | None = None

    def run(self, ledger: Ledger, config: StoreConfig) -> tuple[StateChanged, ...]:
        del config
        if self.first is not None:
            ledger.line.run(self.first)
        found = all_heads(ledger) if self.ids is None else (newest(ledger, each) for each in sorted(self.ids))
        return tuple(StateChanged(row.id, row.revision, row.deleted) for row in found if row is not None)


class _ToActor:
    """Stands for whoever waits, where the actor itself asked."""

    abandoned = False

    def __init__(self, done: Callable[[Any], object], failed: Callable[[BaseException], object]) -> None:
        self.reply = done
        self.fail = failed


class _Nobody:
    """Stands for whoever waits, where nobody does: what fails is logged."""

    abandoned = False

    def __init__(self, message: object) -> None:
        self._kind = type(message).__name__

    def reply(self, value: object) -> None:
        """Forget it."""

    def fail(self, error: BaseException) -> None:
        """Log it."""
        log("error", "store.cast_failed", message=self._kind, error=error)


class StateStore(GenServer):
    """Keeps versions of states in a database.

    In a tree of your own, with as many others beside as you like:

        with Supervisor.start([StateStore.child_spec(Sqlite(path="states.db"), id="states")]) as tree:
            states = States(tree.child("states"))
            states.save("model", {"weights": [1, 2, 3]})

    `States` is how programs talk to it. Its messages are `SaveState`, `LoadState`, `ListVersions`,
    `DeleteState`, `MigrateState`, `CreateSnapshot`, `ListSnapshots`, `RestoreSnapshot`, `DropSnapshot`,
    `Recover`, `ListIds`, `PruneVersions`, `CheckStorage`, `Watch` and `Unwatch`; each is called and answered.
    A failed request leaves the store alive and gives its caller an error.

    It starts also while its database cannot be reached, and connects when there is something to do. What it
    answered is in the database: another incarnation finds it. When it is stopped it first does what it has
    taken; when it is killed, what it had not begun is not done, and callers get an error that says so.

    The database's work is done in a thread of the store's own, one request after the other, saves together.
    """

    def init(self, backend: Backend, config: StoreConfig | None = None) -> None:
        """Open the database.

        Args:
            backend: where states are kept.
            config: how; None for the defaults.

        Raises:
            ConfigError: `config` is something else.
            StorageError: the database is there and cannot be used.
        """
        config = config or StoreConfig()
        if not isinstance(config, StoreConfig):
            raise ConfigError("config", config, "a StoreConfig")
        self._config = config
        self._capabilities = backend.capabilities
        self._watchers = Watchers()
        self._watching = 0  # watches that are asked for and not yet there
        self._monitors: dict[MonitorRef, int] = {}
        self._timer: Timer | None = None
        self._look_again: set[str] = set()
        self._subscribed: Storage | None = None
        self._looks = False
        me = self.address
        self._desk = Desk(config, self._saved, lambda error: me.cast(_Broke(error)))
        line = Line(
            backend,
            outage_wait_s=config.outage_wait_s,
            pause=self._desk.stopping.wait,
            opened=lambda storage: self._subscribe(storage, again=True),
        )
        ledger = Ledger(line, Codec(config.serializer), config.strategy, now_us=config.now_us)
        try:
            line.open()
        except StorageUnavailableError as error:
            log("warning", "store.unavailable", backend=backend.name, reason=error.reason)
        self._thread = self.system.run_in_thread(f"{self.pid.name}-desk", partial(self._desk.serve, ledger))
        self._door = Door(self.pid, self._desk)
        self.pid.on_release(self._desk.abandon)  # runs at every end, also of a store that was killed

    @staticmethod
    def _create_actor_inbox() -> CountingMailbox:
        return CountingMailbox()

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Hand a request to the thread that does it, or answer at once.

        Raises:
            Refuse: the message is none of the store's.
        """
        try:
            return self._answer(message, sender)
        finally:
            self._door.handled += 1

    def _answer(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- as above
        match message:
            case Request():
                self._desk.ask(message, sender)
            case Watch():
                self._watch(message, sender)
            case Unwatch(number):
                return self._watchers.remove(number)
            case GetConfig():
                return self._config
            case GetDoor():
                return self._door if Capability.READS_AT_ONCE in self._capabilities else None
            case _:
                raise Refuse(ConfigError("message", message, "one of the messages of StateStore"))
        return NO_REPLY

    def handle_cast(self, message: object) -> None:
        """Take a write nobody waits for, or news from the thread that does the work.

        Raises:
            BaseException: what that thread ended with.
        """
        try:
            self._take(message)
        finally:
            self._door.handled += 1

    def _take(self, message: object) -> None:
        match message:
            case Write():
                self._desk.ask(message, _Nobody(message))
            case Unwatch(number):
                self._watchers.remove(number)
            case _Saved(change):
                self._tell(change)
            case _Looked():
                self._looked(message)
            case _Hint(id):
                self._look(id)
            case _Broke(error):
                raise error

    def handle_info(self, message: object) -> None:
        """Take the end of a watcher, and the time to look for what others saved."""
        try:
            self._take_info(message)
        finally:
            self._door.handled += 1

    def _take_info(self, message: object) -> None:
        match message:
            case Down(ref=ref):
                self._watchers.remove(self._monitors.pop(ref, 0))
            case _TimeToLook():
                self._timer = None
                if self._watchers:
                    self._look("")
            case _:
                super().handle_info(message)

    def terminate(self, reason: ExitReason) -> None:
        """Do what was taken, then close the database."""
        del reason
        self._desk.finish()
        self._thread.join()

    # -- watchers

    def _saved(self, version: StoredVersion) -> None:
        """Pass on what this store saved; called in the thread of the desk."""
        if self._watchers or self._watching:
            self.address.cast(_Saved(StateChanged(version.id, version.revision, version.deleted)))

    def _watch(self, watch: Watch, sender: Sender) -> None:
        """Find out what a watcher starts from; saves since then are told to it.

        Raises:
            Refuse: there is nobody to tell.
        """
        if watch.on_change is None and sender.caller is None:
            raise Refuse(ConfigError("on_change", None, "a function, as no actor is calling"))
        self._watching += 1
        me = self.address

        def failed(error: BaseException) -> None:
            sender.fail(error)
            me.cast(_Looked((), (None, sender)))

        heads = _Heads(None if watch.id is None else frozenset({watch.id}), self._subscribe)
        self._desk.ask(heads, _ToActor(lambda found: me.cast(_Looked(found, (watch, sender))), failed))

    def _looked(self, looked: _Looked) -> None:
        for change in looked.changes:
            self._tell(change)
        if looked.watch is None:
            self._looks = False
            self._look_on()
            return
        watch, sender = looked.watch
        self._watching -= 1
        if watch is None:
            return
        caller: Pid | None = sender.caller
        notify = watch.on_change if watch.on_change is not None else getattr(caller, "send_info", None)
        if notify is None or sender.abandoned:
            return
        known = {change.id: change.revision for change in looked.changes}
        number = self._watchers.add(watch.id, notify, known)
        if watch.on_change is None and caller is not None:
            self._monitors[self.monitor(caller)] = number
        sender.reply(number)
        self._look_on()

    def _tell(self, change: StateChanged) -> None:
        for notify in self._watchers.told(change):
            try:
                notify(change)
            except BaseException as error:  # noqa: BLE001 -- a watcher's fault, even SystemExit, must not end the store
                log("error", "store.watcher_failed", id=change.id, error=error)

    def _look(self, id: str) -> None:  # noqa: A002 -- the word of the whole library
        """Look at an id, or with "" at all that are watched, unless a look is under way; then after it."""
        self._look_again.add(id)
        if not self._looks:
            self._look_on()

    def _look_on(self) -> None:
        """Begin the next look, if one is due, or set the time for it."""
        if not self._watchers:
            self._look_again.clear()
        elif self._look_again:
            ids = self._watchers.ids if "" in self._look_again else frozenset(self._look_again)
            self._look_again.clear()
            self._looks = True
            me = self.address
            answer = _ToActor(lambda found: me.cast(_Looked(found)), lambda _: me.cast(_Looked(())))
            self._desk.ask(_Heads(ids), answer)
        elif self._timer is None and self._polls:
            self._timer = self.send_after(self._config.poll_s, _TimeToLook())

    @property
    def _polls(self) -> bool:
        return Capability.SHARED in self._capabilities and Capability.NOTIFIES not in self._capabilities

    def _subscribe(self, storage: Storage, *, again: bool = False) -> None:
        """Be told by the database of what others save; called in the thread of the desk."""
        if again and not self._watchers:
            return
        if not isinstance(storage, Notifying) or storage is self._subscribed:
            return
        self._subscribed = storage
        me = self.address
        storage.subscribe(lambda id: me.cast(_Hint(id)))  # noqa: A006 -- as above
        if again:
            me.cast(_Hint(""))
