"""What a session says about its state: after each call, and when it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """What became of a session's variables in one call.

    Attributes:
        fate: `"kept"`: they are as the code left them. `"rolled_back"`: they are as they were at the
            checkpoint before. `"lost"`: there are none any more, the next call starts from nothing.
        calls: how many calls made the state that the session has now.
        undone: earlier calls, whose results were given already, that the roll-back or the loss undid.
        reason: why the state was lost, or why something was undone or not rolled back; empty where there is
            nothing to tell.
    """

    fate: Literal["kept", "rolled_back", "lost"]
    calls: int
    undone: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackState:
    """Whether the state that a session has now would survive a call that is killed.

    Attributes:
        status: `"available"` if a checkpoint of this very state exists, else `"unavailable"`.
        reason: why there is none; empty if there is one.
        checkpoints: how many states `Session.rollback` could go back to.
    """

    status: Literal["available", "unavailable"]
    reason: str = ""
    checkpoints: int = 0
