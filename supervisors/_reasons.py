"""Why an actor ended: values that can be compared, pickled and logged.

A reason holds text, never an exception object: an exception keeps its frames, and through them the
dead actor and everything it knew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable

_FRAMES_KEPT: Final = 50  # of each end of a traceback; a recursion error has a thousand
_CAUSES_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Normal:
    """The actor had finished its work."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Somebody asked for an orderly end.

    `detail` says more where there is more to say; equal to `SHUTDOWN` only when it is None.
    """

    detail: object = None


@dataclass(frozen=True, slots=True)
class Crash:
    """A handler, a hook or `init` raised.

    Two crashes are equal when type and message are. `frames` are (file, line, function), outermost first;
    text is made of them only when somebody reads `traceback`, since most crashes are restarted unread.
    """

    error_type: str
    message: str
    frames: tuple[tuple[str, int, str], ...] = field(default=(), compare=False, repr=False)
    cause: Crash | None = field(default=None, compare=False, repr=False)

    @classmethod
    def from_exception(cls, error: BaseException) -> Crash:
        """Keep the facts of an exception and let go of its frames.

        Args:
            error: what was raised. An error whose own `str` fails is described by that failure.
        """
        return cls._from_exception(error, _CAUSES_KEPT)

    @classmethod
    def _from_exception(cls, error: BaseException, causes: int) -> Crash:
        try:
            message = str(error)
        except Exception as failure:  # noqa: BLE001 -- guest-made exceptions may raise anything here
            message = f"<no text: {type(failure).__name__}>"
        kind = type(error)
        prefix = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
        frames, step = [], error.__traceback__
        while step is not None:
            code = step.tb_frame.f_code
            frames.append((code.co_filename, step.tb_lineno, code.co_name))
            step = step.tb_next
        origin = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        cause = cls._from_exception(origin, causes - 1) if origin is not None and causes else None
        kept = (*frames[:_FRAMES_KEPT], *frames[_FRAMES_KEPT:][-_FRAMES_KEPT:])
        return cls(f"{prefix}{kind.__qualname__}", message, kept, cause)

    @property
    def traceback(self) -> str:
        """The text Python would have printed, the cause first."""
        import traceback  # noqa: PLC0415 -- few crashes are read

        lines = ["Traceback (most recent call last):\n"]
        if self.cause is not None:
            lines[:0] = [self.cause.traceback, "\nwhich led to:\n\n"]
        lines += traceback.StackSummary.from_list([(*frame, None) for frame in self.frames]).format()
        return "".join([*lines, f"{self.error_type}: {self.message}\n"])


@dataclass(frozen=True, slots=True)
class Killed:
    """The actor was fenced off without being asked; its `terminate` did not count."""


@dataclass(frozen=True, slots=True)
class NoProcess:
    """There never was such an actor, or nothing is known about its end."""


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """Detail of the `Shutdown` of a supervisor whose start was rolled back."""

    child_id: Hashable
    reason: ExitReason


ExitReason: TypeAlias = Normal | Shutdown | Crash | Killed | NoProcess

NORMAL: Final = Normal()
SHUTDOWN: Final = Shutdown()
KILLED: Final = Killed()
NO_PROCESS: Final = NoProcess()


def check_reason(reason: ExitReason) -> ExitReason:
    """Return the reason, if it is one.

    Raises:
        TypeError: it is something else; the message says what is allowed.
    """
    if not isinstance(reason, Normal | Shutdown | Crash | Killed | NoProcess):
        allowed = "NORMAL, SHUTDOWN, Shutdown(detail), Crash(...), KILLED"
        msg = f"the exit reason is {reason!r}; allowed are {allowed}"
        raise TypeError(msg)
    return reason


def is_abnormal(reason: ExitReason) -> bool:
    """Say whether a transient child that ended so is started again.

    Returns:
        False for `Normal` and every `Shutdown`, True for the rest.
    """
    return not isinstance(reason, Normal | Shutdown)
