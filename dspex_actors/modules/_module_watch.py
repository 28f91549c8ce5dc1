"""The iterator over events, and the feed that outlives it by one event if nobody closes it."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Self

from dspex_actors.modules._reload_errors import WatchClosedError
from dspex_actors.modules._watch_queue import WatchQueue

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from dspex_actors.modules._module_events import EventsMissed, ModuleEvent


class WatchFeed:
    """What waits for one iterator; the delivery of its watcher.

    Args:
        size: how many events wait at most.
    """

    def __init__(self, size: int) -> None:
        self.changed = threading.Condition()
        self.queue = WatchQueue(size)
        self.closed = False
        self.gone = False

    def forget(self) -> None:
        """Note that nobody has the iterator any more; takes no lock, as it runs whenever garbage is freed."""
        self.gone = True

    def put(self, event: ModuleEvent) -> None:
        """Take an event in."""
        with self.changed:
            if not self.closed:
                self.queue.put(event)
                self.changed.notify()

    def close(self) -> None:
        """Take no more, and wake whoever waits; twice is quiet."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class ModuleWatch:
    """The events of a pattern, for one thread at a time. Made by `Modules.watch`.

        with modules.watch("agents.*") as events:
            for event in events: ...

    So many wait at most; where more came there is an `EventsMissed` that says how many. It ends when it is
    closed or not referred to any more, when the actor that made it ends, and when the supervisor of the
    modules does.

    Args:
        pattern: what is watched.
        feed: where the events come from.
        end: takes it off the list of watchers.
    """

    def __init__(self, pattern: str, feed: WatchFeed, end: Callable[[], object]) -> None:
        self.pattern = pattern
        self._feed = feed
        self._end = end
        weakref.finalize(self, feed.forget).atexit = False

    def __repr__(self) -> str:
        return f"<ModuleWatch {self.pattern}{' closed' if self.closed else ''}>"

    def get(self, timeout: float | None = None) -> ModuleEvent | EventsMissed:
        """Return the next event, or an `EventsMissed`; wait for it.

        Args:
            timeout: seconds to wait at most; None for ever.

        Raises:
            TimeoutError: none came in time.
            WatchClosedError: the watch has ended, and everything that came before was taken.
        """
        feed = self._feed
        with feed.changed:
            feed.changed.wait_for(lambda: feed.closed or len(feed.queue), timeout)
            event = feed.queue.take()
            if event is None and feed.closed:
                raise WatchClosedError(self.pattern)
        if event is None:
            raise TimeoutError(f"no event of {self.pattern!r} within {timeout:g} s")
        return event

    def get_nowait(self) -> ModuleEvent | EventsMissed | None:
        """Return the next event or `EventsMissed` if one is there; None if not."""
        with self._feed.changed:
            return self._feed.queue.take()

    def close(self) -> None:
        """End the watch; what came before can still be taken. Twice is quiet."""
        self._feed.close()
        self._end()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._feed.closed

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ModuleEvent | EventsMissed:
        """Wait for the next event; ends with the watch."""
        try:
            return self.get()
        except WatchClosedError:
            raise StopIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
