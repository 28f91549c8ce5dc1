"""System messages: they travel in the priority lane and are handled between two user messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from supervisors._address import Address
    from supervisors._future import CallFuture
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason


class MonitorRef:
    """One monitor; each `monitor` call makes a new one and brings exactly one `Down`."""

    __slots__ = ("target",)

    def __init__(self, target: Pid | Address) -> None:
        self.target = target

    def __repr__(self) -> str:
        return f"<MonitorRef of {self.target!r} at {id(self):#x}>"


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored actor has ended; its names are free by now.

    `target` is what was given to `monitor`; `pid` is the incarnation, None if there never was one.
    """

    ref: MonitorRef
    target: Pid | Address
    pid: Pid | None
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Exit:
    """A linked actor, or the parent, has ended or asks this actor to end.

    `pid` is None for a link to an actor that never was, and for a signal from a thread that is no actor's.
    """

    pid: Pid | None
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class InitAck:
    """A child's `init` is through: it serves now, or it had nothing to do (`ignored`).

    `info` is for whoever asked for the start.
    """

    pid: Pid
    ignored: bool
    info: Any = None


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Somebody asks the actor to end with this reason; `reply_to` is for pykka's own `ActorRef.stop`."""

    reason: ExitReason
    reply_to: pykka.Future[Any] | None = None


@dataclass(frozen=True, slots=True)
class SystemCall:
    """Run `act(actor)` in the actor's thread between two messages, also while it is suspended.

    `future` gets the result or the error; the actor goes on either way.
    """

    act: Callable[[Any], Any]
    future: CallFuture


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """An operating system process has ended and was reaped.

    `returncode` is Popen's: the exit code, or the negative number of the signal.
    """

    process_id: int
    generation: int
    returncode: int
