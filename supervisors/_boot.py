"""What goes into an actor when it starts and what its hooks may return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from supervisors._errors import StartError
from supervisors._reasons import NORMAL, FailedToStart, Shutdown, check_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from supervisors._address import Address
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._signals import InitAck
    from supervisors._system import System


class _Unset:
    """The type of `NO_REPLY`."""

    def __repr__(self) -> str:
        return "NO_REPLY"


NO_REPLY: Final = _Unset()
"""Returned by `handle_call` when the answer comes later through the sender."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Returned by any handler: end with this reason; `reply` goes to the caller first.

    Raises:
        TypeError: `reason` is no exit reason.
    """

    reason: ExitReason = NORMAL
    reply: Any = NO_REPLY

    def __post_init__(self) -> None:
        check_reason(self.reason)


@dataclass(frozen=True, slots=True)
class Continue:
    """Returned by `init` or any handler: run `handle_continue(term)` before the next message.

    After `init` the starter goes on meanwhile; `reply` goes to the caller first.
    """

    term: Any = None
    reply: Any = NO_REPLY


@dataclass(frozen=True, slots=True)
class Timeout:
    """Returned by `init` or any handler: `handle_info` gets this object if no message comes for so long.

    Any message takes it back, also one that is queued when the time is over. System requests, such as
    `get_state`, are no messages. `reply` goes to the caller first.

    Raises:
        ValueError: `seconds` is negative.
    """

    seconds: float
    reply: Any = NO_REPLY

    def __post_init__(self) -> None:
        if not self.seconds >= 0:
            raise ValueError(f"Timeout of {self.seconds!r} seconds; it must be a number >= 0")


VERDICTS: Final = frozenset({Stop, Continue, Timeout})


@dataclass(frozen=True, slots=True)
class Info:
    """Returned by `init`: `start_child_with_info` and `restart_child_with_info` give `value` to their caller.

    Nobody keeps it, and every other start drops it. `then` is what `init` would have returned without it:
    None, `Continue(...)` or `Timeout(...)`.
    """

    value: Any
    then: Continue | Timeout | None = None


@dataclass(slots=True)
class Boot:
    """What a new incarnation is told by whoever starts it."""

    name: str
    system: System
    generation: int = 1
    parent: Pid | None = None
    parent_address: Address | None = None
    root: Pid | None = None  # None: this is a root
    path: tuple[Hashable, ...] = ()
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    on_ack: Callable[[InitAck], object] | None = None


class End(NamedTuple):
    """How the loop ended: `orderly` runs `terminate`; `error` is what the current caller gets."""

    reason: ExitReason
    orderly: bool = True
    error: BaseException | None = None


class Ended(BaseException):
    """Raised by `checkpoint` in a handler whose actor is to end; `except Exception` lets it through."""

    def __init__(self, end: End) -> None:
        self.end = end


def start_error(child_id: Hashable, reason: ExitReason) -> StartError:
    """Turn the end of something that was starting into the error its starter gets."""
    if isinstance(reason, Shutdown) and isinstance(reason.detail, FailedToStart):
        return StartError(reason.detail.child_id, reason.detail.reason)
    return StartError(child_id, reason)
