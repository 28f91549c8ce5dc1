"""What a session looks like to those who may not know where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dspex_actors._execution import ExecutionResult
    from dspex_actors._limits import Limits
    from dspex_actors._policy import Policy


class GuestSession(Protocol):
    """Calls of guest code that share their variables; see `Runtime.session`."""

    def execute(self, code: str, *, variables: Mapping[str, Any] = ...) -> ExecutionResult:
        """Run code in the session and wait for its result. A failure of the guest is a result.

        Raises:
            ValueEncodeError: a variable cannot cross.
            SessionClosedError: the session has ended, or ended under this call.
        """

    def close(self) -> None:
        """End the session and its processes; quiet the second time."""


OpenSession: TypeAlias = "Callable[[Policy | None, Limits | None], GuestSession]"
"""Opens a session under a policy and with limits; None for the defaults of whoever opens it."""
