"""What can go wrong between a runtime's control socket and who talks to it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from dspex_actors._errors import DspexError

FailureKind: TypeAlias = Literal["usage", "failed", "unavailable", "refused", "internal"]


class ControlProtocolError(DspexError):
    """The other side sent what the protocol forbids."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def _sentence(self) -> str:
        return f"this is no message of the control socket: {self.reason}"


class ControlUnreachableError(DspexError):
    """No runtime answers at the path, or it ended before it had answered.

    Attributes:
        path: of the socket.
        reason: what happened.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def _sentence(self) -> str:
        return f"cannot talk to a runtime at {self.path}: {self.reason}"


class RequestFailedError(DspexError):
    """A request was not done.

    Attributes:
        kind: `"usage"`, it asks for what there is not or may not be; `"failed"`, it was tried, and all is as
            before; `"unavailable"`, the runtime cannot do it now; `"refused"`, this client is not listened
            to; `"internal"`, a fault of ours.
        reason: in words.
    """

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def _sentence(self) -> str:
        return self.reason


class ClientGoneError(DspexError):
    """The client is not there any more, or does not take what it asked for; or the runtime is stopping."""
