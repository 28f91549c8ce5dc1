"""Why an actor ended: values that can be compared, pickled and logged.

A reason holds text, never an exception object: an exception keeps its frames, and through them the
dead actor and everything it knew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Hashable


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

    Two crashes are equal when type and message are; the traceback is for people.
    """

    error_type: str
    message: str
    traceback: str = field(default="", compare=False, repr=False)

    @classmethod
    def from_exception(cls, error: BaseException) -> Crash:
        """Keep the text of an exception and let go of its frames.

        Args:
            error: what was raised. An error whose own `str` fails is described by that failure.
        """
        import traceback  # noqa: PLC0415 -- only a crash needs it

        try:
            message = str(error)
        except Exception as failure:  # noqa: BLE001 -- guest-made exceptions may raise anything here
            message = f"<no text: {type(failure).__name__}>"
        kind = type(error)
        name = (
            kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        )
        try:
            text = "".join(traceback.format_exception(error))
        except Exception:  # noqa: BLE001 -- as above
            text = ""
        return cls(name, message, text)


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


def is_abnormal(reason: ExitReason) -> bool:
    """Say whether a transient child that ended so is started again.

    Returns:
        False for `Normal` and every `Shutdown`, True for the rest.
    """
    return not isinstance(reason, Normal | Shutdown)
