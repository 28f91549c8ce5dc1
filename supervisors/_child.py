"""One child in its supervisor's books, and how its start can turn out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervisors._backoff import NO_RESTARTS, Streak
from supervisors._tree import ChildInfo, ChildState, Entry

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._child_spec import ChildSpec
    from supervisors._clock import Timer
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._signals import InitAck


@dataclass(eq=False, slots=True)
class Child:
    """What a supervisor knows about one child; touched by the supervisor's thread only."""

    key: Hashable
    spec: ChildSpec
    extra_arguments: tuple[Any, ...] = ()  # come before those of the spec
    state: ChildState = ChildState.STOPPED
    pid: Pid | None = None  # the current or the last incarnation
    generation: int = 0
    restarts: int = 0
    epoch: int = 0  # raised by each request about this child, so that an older TryAgain is stale
    ack: InitAck | None = None
    exit: ExitReason | None = None  # of `pid`
    settled: bool = False  # the thread of the killed `pid` has ended, or is recorded as abandoned
    streak: Streak = NO_RESTARTS
    wait: Timer | None = None  # its back-off

    def entry(self) -> Entry:
        """Describe the child for the directory of its supervisor."""
        spec = self.spec
        return Entry(
            self.pid,
            self.state,
            spec.type,
            spec.restart,
            spec.speaker,
            spec.shutdown_limit_s,
            self.restarts,
        )

    def info(self, child_id: Hashable) -> ChildInfo:
        """Describe the child for `which_children`."""
        running = self.state in (ChildState.RUNNING, ChildState.STOPPING)
        return ChildInfo(
            child_id, self.pid if running else None, self.state, self.spec.type, self.spec.restart
        )


@dataclass(frozen=True, slots=True)
class Started:
    """The child serves; `info` is what its `init` returned in an `Info`."""

    info: Any = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """The child's `init` returned `IGNORE`."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The child did not start."""

    reason: ExitReason


@dataclass(slots=True)
class Deadline:
    """A timer a procedure can look at."""

    fired: bool = False
    timer: Timer | None = None

    def cancel(self) -> None:
        """Disarm it."""
        if self.timer is not None:
            self.timer.cancel()
