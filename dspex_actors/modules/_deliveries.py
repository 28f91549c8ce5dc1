"""How a watcher gets its events: from an iterator, into its mailbox, or by a call.

`put` is called with the tables' lock held, so none of these waits for anybody.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, Protocol

from dspex_actors._log import log
from dspex_actors.modules._module_events import EventsMissed
from dspex_actors.modules._watch_queue import WatchQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from dspex_actors.modules._module_events import ModuleEvent
    from supervisors import Pid, System

    Told = ModuleEvent | EventsMissed

LOOK_AGAIN_S: Final = 0.05  # seconds until a full mailbox is looked at again; arbitrary


class Delivery(Protocol):
    """One way to a watcher.

    `gone` says that nobody is at its end any more, though nobody has closed it.
    """

    gone: bool

    def put(self, event: ModuleEvent) -> None:
        """Hand an event on, or count it as missed; never waits, never raises."""

    def close(self) -> None:
        """Say that no event will come; twice is quiet."""


class ToMailbox:
    """Sends events to an actor, which finds them in `handle_info`, as long as few enough messages wait there.

    Where events were dropped it gets an `EventsMissed` as soon as there is room.

    Args:
        pid: the actor.
        size: how many messages may wait in its mailbox.
    """

    gone = False  # its monitor tells of the end

    def __init__(self, pid: Pid, size: int) -> None:
        self._pid = pid
        self._size = size
        self._lock = threading.Lock()
        self._missed = 0
        self._closed = False

    def put(self, event: ModuleEvent) -> None:
        """Send an event, behind the number of those missed before it."""
        with self._lock:
            if self._has_room():
                self._tell_missed()
                self._pid.send_info(event)
                return
            self._missed += 1
            if self._missed == 1:
                self._look_later()

    def close(self) -> None:
        """Send no more."""
        with self._lock:
            self._closed = True

    def _has_room(self) -> bool:
        return len(self._pid.mailbox) < self._size

    def _tell_missed(self) -> None:
        if self._missed:
            self._pid.send_info(EventsMissed(self._missed))
            self._missed = 0

    def _look_later(self) -> None:
        self._pid.system.timers.arm(LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        with self._lock:
            if self._closed or not self._pid.alive or not self._missed:
                return
            if self._has_room():
                self._tell_missed()
            else:
                self._look_later()


class ToFunction:
    """Calls a function with one event after the other, in a thread of the tree that lasts while some wait.

    Args:
        function: gets a `ModuleEvent` or an `EventsMissed`. What it raises is logged.
        size: how many events wait for it at most.
        system: of the tree.
    """

    gone = False  # until it is unsubscribed

    def __init__(self, function: Callable[[Told], object], size: int, system: System) -> None:
        self._function = function
        self._queue = WatchQueue(size)
        self._system = system
        self._lock = threading.Lock()
        self._running = False
        self._closed = False

    def put(self, event: ModuleEvent) -> None:
        """Take an event in, and see to it that it is called with."""
        with self._lock:
            if self._closed:
                return
            self._queue.put(event)
            start, self._running = not self._running, True
        if start:
            self._system.run_in_thread("module-watcher", self._call)

    def close(self) -> None:
        """Call no more."""
        with self._lock:
            self._closed = True

    def _call(self) -> None:
        while True:
            with self._lock:
                event = None if self._closed else self._queue.take()
                if event is None:
                    self._running = False
                    return
            try:
                self._function(event)
            except BaseException as error:  # noqa: BLE001 -- a watcher's fault, even SystemExit, is not the registry's
                log("error", "modules.watcher_failed", error=error)
