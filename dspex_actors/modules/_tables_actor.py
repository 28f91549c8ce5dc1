"""The actor that lets watchers in and sees them end; like the tables it outlives the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ConfigError
from dspex_actors.modules._deliveries import ToFunction, ToMailbox
from dspex_actors.modules._module_watch import ModuleWatch, WatchFeed
from supervisors import Address, Down, GenServer, Pid, Refuse

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules._id_index import Pattern
    from dspex_actors.modules._subscribers import Subscriber
    from dspex_actors.modules._tables import ModuleTables
    from supervisors import MonitorRef, Sender


@dataclass(frozen=True, slots=True)
class WatchModules:
    """Be given a `ModuleWatch`; it ends with the actor that asks, if one does."""

    pattern: Pattern
    size: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Let an actor or a function be told; the reply is a number for `Unsubscribe`."""

    pattern: Pattern
    target: Address | Pid | Callable[[Any], object]
    size: int


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Tell a watcher no more; the reply says whether there was one."""

    number: int


class TablesKeeper(GenServer):
    """Keeps the list of watchers true: who has ended is not in it."""

    def init(self, tables: ModuleTables) -> None:
        """Watch the watchers there are."""
        self._tables = tables
        self._monitors: dict[MonitorRef, int] = {}
        for subscriber in tables.subscribers():
            self._end_with_owner(subscriber)

    def handle_call(self, message: object, sender: Sender) -> Any:  # noqa: ANN401 -- each message has its own reply
        """Let a watcher in or out.

        Raises:
            Refuse: there is nobody to tell.
        """
        match message:
            case WatchModules(pattern, size):
                feed = WatchFeed(size)
                end = self._end_with_owner(self._tables.subscribe(pattern, feed, sender.caller))
                return ModuleWatch(pattern.text, feed, end)
            case Subscribe():
                return self._subscribe(message).number
            case Unsubscribe(number):
                return self._tables.unsubscribe(number)
            case _:
                raise Refuse(ConfigError("message", message, "one of the messages of TablesKeeper"))

    def handle_info(self, message: object) -> Any:  # noqa: ANN401 -- None
        """Drop a watcher that has ended."""
        if isinstance(message, Down):
            self._tables.unsubscribe(self._monitors.pop(message.ref, 0))
            return None
        return super().handle_info(message)

    def _subscribe(self, message: Subscribe) -> Subscriber:
        target = message.target
        if isinstance(target, Address):
            pid = target.pid
            if pid is None:
                raise Refuse(ConfigError("target", target, "the address of an actor that is there"))
            target = pid
        if isinstance(target, Pid):
            subscriber = self._tables.subscribe(message.pattern, ToMailbox(target, message.size), target)
        elif callable(target):
            delivery = ToFunction(target, message.size, self.system)
            subscriber = self._tables.subscribe(message.pattern, delivery, None)
        else:
            raise Refuse(ConfigError("target", target, "an address, or a function"))
        self._end_with_owner(subscriber)
        return subscriber

    def _end_with_owner(self, subscriber: Subscriber) -> Callable[[], object]:
        """Monitor the actor a watcher ends with; return what ends the watcher by hand."""
        if subscriber.owner is not None:
            self._monitors[self.monitor(subscriber.owner)] = subscriber.number
        tables, number = self._tables, subscriber.number
        return lambda: tables.unsubscribe(number)
