"""What is said to a session's actor."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dspex_actors._config import SessionConfig
    from dspex_actors._execution import Execute
    from dspex_actors._limits import Limits
    from dspex_actors.executors._lifeline import Lifeline
    from supervisors import Address


class OpenSession(NamedTuple):
    """Ask an executor for a session: an `OpenedSession`.

    Attributes:
        config: how it is set up.
        limits: what its calls may use, in all as far as memory and files are concerned; None takes the
            executor's own.
    """

    config: SessionConfig
    limits: Limits | None = None


class OpenedSession(NamedTuple):
    """A session that takes calls.

    Attributes:
        number: its own, unique in its tree.
        address: its actor.
        lifeline: reaches its process while the actor is busy.
    """

    number: int
    address: Address
    lifeline: Lifeline


class SessionCall(NamedTuple):
    """Run code in the session: one of the four results.

    Attributes:
        request: what to run.
        sent: when it was sent, by the system's clock.
    """

    request: Execute
    sent: float


class ReadVariable(NamedTuple):
    """Ask for the value of a variable, as a result."""

    name: str


class MakeCheckpoint(NamedTuple):
    """Make a checkpoint of the present state, unless there is one."""


class GoBack(NamedTuple):
    """Go back to an earlier state that has a checkpoint."""

    steps: int


class StartOver(NamedTuple):
    """Forget everything."""


class BranchOff(NamedTuple):
    """Ask for a second session that starts from the present state: an `OpenedSession`."""


class GetRollbackState(NamedTuple):
    """Ask for a `RollbackState`."""
