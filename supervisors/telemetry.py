"""Events of a tree for whoever wants to count or trace them, after the BEAM's `telemetry`.

    tree = Supervisor.start([...])
    tree.system.telemetry.attach("supervisor.child_restarted", lambda event, measurements, metadata: ...)

Handlers hang off the `System` of a tree; two trees do not meet. With no handler, `emit` is one look-up.
A handler runs in the thread that emits, often an actor's, so it must be short; one that raises is detached.

Each incarnation of an actor that serves emits `actor.started` once, and each that ends, served or not,
`actor.exited`, with its `pid` and then its `reason`. The events of a supervisor about a child have the
metadata `supervisor`, `child_id`, `pid` and mostly `reason`, the measurements `generation` and `restarts`:

- `child_started`: its `init` is through. `child_start_failed`: it raised, stopped or took too long.
- `child_exited`: it ended unasked. If that leads to a restart, `child_started` and `child_restarted` follow,
  for it and for each sibling that is restarted with it, or `child_start_failed`.
- `child_stopped`: its supervisor has stopped it, whatever for.

A supervisor that gives up emits `restarts_exceeded`, then `child_stopped` for each child; its own end is the
`child_exited` of its parent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from supervisors._log import Log, log

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    TelemetryHandler: TypeAlias = Callable[[str, Mapping[str, Any], Mapping[str, Any]], object]

__all__ = [
    "ABANDONED_EXCEEDED",
    "ACTOR_ABANDONED",
    "ACTOR_EXITED",
    "ACTOR_STARTED",
    "ALL_EVENTS",
    "AUTO_SHUTDOWN",
    "CAST_DROPPED",
    "CHILD_EXITED",
    "CHILD_RESTARTED",
    "CHILD_STARTED",
    "CHILD_START_FAILED",
    "CHILD_STOPPED",
    "RESTARTS_EXCEEDED",
    "RESTART_DELAYED",
    "Log",
    "Telemetry",
]

ACTOR_STARTED: Final = "actor.started"
ACTOR_EXITED: Final = "actor.exited"
ACTOR_ABANDONED: Final = "actor.abandoned"
CAST_DROPPED: Final = "actor.cast_dropped"
CHILD_STARTED: Final = "supervisor.child_started"
CHILD_EXITED: Final = "supervisor.child_exited"
CHILD_RESTARTED: Final = "supervisor.child_restarted"
CHILD_START_FAILED: Final = "supervisor.child_start_failed"
CHILD_STOPPED: Final = "supervisor.child_stopped"
RESTART_DELAYED: Final = "supervisor.restart_delayed"
RESTARTS_EXCEEDED: Final = "supervisor.restarts_exceeded"
ABANDONED_EXCEEDED: Final = "supervisor.abandoned_exceeded"
AUTO_SHUTDOWN: Final = "supervisor.auto_shutdown"

ALL_EVENTS: Final = "*"


class Telemetry:
    """The handlers of one tree."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[TelemetryHandler, ...]] = {}
        self._lock = threading.Lock()

    def attach(self, event: str, handler: TelemetryHandler) -> Callable[[], None]:
        """Call `handler(event, measurements, metadata)` for each such event.

        Args:
            event: a name, or `ALL_EVENTS`.
            handler: runs in the emitting thread.

        Returns:
            A function that detaches it again; calling it twice is quiet.
        """
        with self._lock:
            self._handlers[event] = (*self._handlers.get(event, ()), handler)
        return lambda: self._detach(event, handler)

    def is_heard(self, event: str) -> bool:
        """Whether a handler would be told of `event`; it is not worth composing otherwise."""
        return event in self._handlers or ALL_EVENTS in self._handlers

    def emit(self, event: str, measurements: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
        """Tell the handlers of `event`, and those of all events."""
        if not self._handlers:
            return
        for name in (event, ALL_EVENTS):
            for handler in self._handlers.get(name, ()):
                try:
                    handler(event, measurements, metadata)
                except (Exception, SystemExit) as error:  # noqa: BLE001 -- a user's handler must not crash an actor
                    log("error", "telemetry.handler_detached", event_name=event, error=error)
                    self._detach(name, handler)

    def _detach(self, event: str, handler: TelemetryHandler) -> None:
        with self._lock:
            left = [known for known in self._handlers.get(event, ()) if known is not handler]
            if left:
                self._handlers[event] = tuple(left)
            else:
                self._handlers.pop(event, None)
