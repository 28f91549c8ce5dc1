"""Reading from a database that waits for nobody, in the caller's own thread, where nothing is in the way.

A message through the actor and its desk costs three changes of thread, more than half of a small load. So a
thread of the same process reads for itself, as Erlang's from an ETS table, if that cannot be told from asking
the store: whatever was sent before, by whomever, has been done, and the desk is at rest. Else it asks.

Why nothing is overtaken: a message is counted as posted before it is put into the mailbox, and as handled
when its handler returns, by when the desk has it. If both counts are equal, all that was posted has reached
the desk. The desk takes from its queue only while it holds the ledger; who finds the ledger free and the
queue empty comes after everything that was in it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from supervisors._mailbox import Mailbox

if TYPE_CHECKING:
    from dspex_actors.state._desk import Desk
    from dspex_actors.state._messages import ReadState
    from supervisors import Pid

NOT_NOW: Final = object()
"""Something is in the way: ask the store."""


class GetDoor:
    """Ask a store for its `Door`; None if its database does not read at once."""


class CountingMailbox(Mailbox):
    """A mailbox that counts the user messages that were sent."""

    __slots__ = ("_counting", "posted")

    def __init__(self) -> None:
        super().__init__()
        self._counting = threading.Lock()
        self.posted = 0

    def post(self, envelope: Any) -> None:  # noqa: ANN401 -- pykka's private Envelope
        """Count a user message, and queue it."""
        with self._counting:
            self.posted += 1
        super().post(envelope)


class Door:
    """The way to one incarnation of a store, for any thread of its process.

    Attributes:
        handled: how many user messages its handlers are through with; written by the actor's thread.
    """

    def __init__(self, pid: Pid, desk: Desk) -> None:
        self._pid = pid
        self._desk = desk
        self._mailbox = pid.mailbox
        self.handled = 0

    @property
    def open(self) -> bool:
        """Whether the incarnation lives."""
        return self._pid.alive

    def read(self, request: ReadState) -> Any:  # noqa: ANN401 -- as `Request.run`
        """Return the reply to a request, or `NOT_NOW`.

        Raises:
            DspexError: as the reply would.
        """
        mailbox = self._mailbox
        handled = self.handled  # before `posted`, which only grows
        if not isinstance(mailbox, CountingMailbox) or handled != mailbox.posted or self._pid.suspended:
            return NOT_NOW
        return self._desk.try_now(request)
