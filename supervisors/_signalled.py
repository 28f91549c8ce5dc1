"""How an actor serves its system lane: exit signals, requests to end, the ends it monitors, system requests.

It does so between two user messages. While it is suspended it takes user messages from the queue and keeps
them in their order; of the system messages it acts on those that end it and on system requests.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from supervisors._boot import End
from supervisors._life import LivingActor
from supervisors._mailbox import WAKE
from supervisors._reasons import KILLED, Normal
from supervisors._signals import Down, Exit, MonitorRef, StopRequest, SystemCall

if TYPE_CHECKING:
    from supervisors._boot import Boot
    from supervisors._reasons import ExitReason
    from supervisors._types import Message


class SignalledActor(LivingActor):
    """See the module's docstring."""

    def __init__(self, boot: Boot) -> None:
        super().__init__(boot)
        self._parked_signals: deque[Any] = deque()  # that came while it was suspended

    def _serve_system(self) -> End | None:
        system = self.pid.mailbox.system
        while system:
            try:
                message = system.popleft()
            except IndexError:
                return None  # a drain was faster
            if self.pid.suspended and self._can_wait(message):
                self._parked_signals.append(message)
                continue
            end = self._on_signal(message)
            if end is not None:
                return end
        return None

    def _can_wait(self, message: Message) -> bool:
        """Say whether a suspended actor leaves this message for later: what ends it does not wait."""
        if isinstance(message, Exit):
            return self.trap_exit and not (message.pid is not None and message.pid is self._parent_pid)
        return not isinstance(message, StopRequest | SystemCall)

    def _on_signal(self, message: Message) -> End | None:
        """Act on one system message; supervisors extend this."""
        match message:
            case Exit(pid, reason) if pid is not None and pid is self._parent_pid:
                return self._asked_to_stop(reason)
            case Exit(_, reason) if not self.trap_exit:
                return None if isinstance(reason, Normal) else End(reason, orderly=False)
            case StopRequest(reason, reply_to):
                if reply_to is not None:
                    self.pid.monitor(MonitorRef(self.pid), lambda _: reply_to.set(None))
                return self._asked_to_stop(reason)
            case SystemCall():
                return self._on_system_call(message)
            case Down(ref) if self._monitored.pop(ref, self) is self:
                return None  # demonitored
        if self._idle is not None:
            self._take_back_timeout()
        return self._run(lambda: self.handle_info(message))

    def _asked_to_stop(self, reason: ExitReason) -> End | None:
        return End(reason)

    # -- suspension

    def _on_system_call(self, call: SystemCall) -> End | None:
        if call.future.done:
            return None  # its caller has given up
        was_suspended = self.pid.suspended
        try:
            call.future.reply(call.act(self))
        except BaseException as error:  # noqa: BLE001 -- the actor boundary: who inspects an actor must not end it
            call.future.fail(error)
        return self._stay_suspended() if self.pid.suspended and not was_suspended else None

    def _stay_suspended(self) -> End | None:
        """Handle what ends the actor, and system calls, until one of them resumes it; park the rest."""
        pid, mailbox = self.pid, self.pid.mailbox
        while pid.suspended:
            envelope = mailbox.take()
            if envelope is not WAKE:
                mailbox.park(envelope)
                continue
            end = self._serve_system()
            if end is not None:
                return end
            if mailbox.closed:
                return End(KILLED, orderly=False)
        return None

    def _resume(self) -> None:
        """Let messages be handled again; the parked signals come before those that wait already."""
        self.pid.suspended = False
        self.pid.mailbox.system.extendleft(reversed(self._parked_signals))
        self._parked_signals.clear()
