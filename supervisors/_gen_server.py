"""The server users write: state, and handlers called one at a time in the server's own thread."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from supervisors._actor import GenActor
from supervisors._boot import Boot, Continue, End, Ended, Info, Stop, Timeout
from supervisors._errors import NotAnActorError
from supervisors._future import running
from supervisors._reasons import KILLED, NORMAL
from supervisors._signals import Exit, StopRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._clock import Timer
    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._types import Argument, Message, Reply


class _Ignore:
    """The type of `IGNORE`."""

    def __repr__(self) -> str:
        return "IGNORE"


IGNORE: Final = _Ignore()
"""Returned by `init`: there is nothing to do, end normally; the supervisor keeps the spec."""


class GenServer(GenActor):
    """An actor with state, modelled on OTP's gen_server.

        class Counter(GenServer):
            def init(self, start=0):
                self.value = start

            def handle_call(self, message, sender):
                self.value += message
                return self.value

        with Counter.start(10) as counter:
            counter.call(5)  # 15

    All hooks run in the actor's own thread, one at a time. An exception in any of them ends the actor with a
    `Crash`, after `terminate`; the caller, if there is one, gets the exception. That includes SystemExit and
    KeyboardInterrupt, which end this actor and nothing else. `raise Refuse(error)` gives the caller `error`
    and leaves the actor alive.

    A handler, and what it continues with, runs in the context variables of whoever sent its message.
    Available to hooks: `self.address`, `self.pid`, `self.parent`, `self.system`, `self.monitor`, `self.link`,
    `self.send_after`, `self.forward`, `self.checkpoint`. Set `trap_exit = True` to find the exits of linked
    actors in `handle_info`.

    Order of the end: asked by its parent, by `stop` or by a handler's `Stop` → `terminate(reason)` → no more
    messages are taken → callers still waiting get `ActorExitedError` → links and monitors are told. A
    linked actor's abnormal exit, and a kill, skip `terminate`.
    """

    def init(self, *args: Argument, **kwargs: Argument) -> Reply:
        """Set up the state; whoever starts the actor waits for this.

        Returns:
            None to serve, `Continue(term)`, `Timeout(seconds)`, `Info(value)`, `IGNORE`, or `Stop(reason)` to
            fail with that reason.
        """

    def handle_continue(self, term: Message) -> Reply:
        """Finish what `init` or a handler began, before the next message.

        Args:
            term: of the `Continue`.

        Returns:
            None, `Continue(term)`, `Timeout(seconds)` or `Stop(reason)`.
        """
        raise NotImplementedError

    def handle_call(self, message: Message, sender: Sender) -> Reply:
        """Answer a call.

        Args:
            message: what the caller sent.
            sender: the right to answer later.

        Returns:
            The reply; `NO_REPLY` when `sender` will be used; `Continue`, `Timeout` or `Stop`, each with a
            `reply` unless `sender` will be used.

        Raises:
            Refuse: the caller gets its error, the actor lives.
        """
        raise NotImplementedError

    def handle_cast(self, message: Message) -> Reply:
        """Take a message nobody waits for.

        Returns:
            None, `Continue(term)`, `Timeout(seconds)` or `Stop(reason)`.
        """
        raise NotImplementedError

    def handle_info(self, message: Message) -> Reply:
        """Take anything else: `Down`, `Exit` when trapping, timers' messages, a `Timeout`. Logged by default.

        Returns:
            None, `Continue(term)`, `Timeout(seconds)` or `Stop(reason)`.
        """
        return super().handle_info(message)

    def terminate(self, reason: ExitReason) -> Reply:
        """Clean up; the last hook. Not called after a kill, nor when `init` did not succeed.

        Returns:
            None, or `Stop(reason)` to end with another reason than the one asked for.
        """

    def code_change(self, old_version: Message, extra: Message) -> None:
        """Bring the state up to date after `change_code` has replaced the class of this suspended actor.

        An error here puts class and attributes back as they were, and whoever asked for the change gets it.
        Values that were changed in place stay so.

        Args:
            old_version: as given to `change_code`.
            extra: as given to `change_code`.
        """

    def send_after(self, seconds: float, message: Message) -> Timer:
        """Send `message` to this actor's `handle_info` later; the timer's `cancel` takes it back.

        A message that is in the queue already is not taken back. One that is still to come keeps nothing of
        an actor that has ended.
        """
        pid = weakref.ref(self.pid)

        def send() -> None:
            if (target := pid()) is not None:
                target.send_info(message)

        return self.system.timers.arm(seconds, send)

    def checkpoint(self) -> None:
        """End here if this actor has been asked to end, or killed; for a loop in a handler that takes long.

        Signals and requests to end are otherwise acted on after the current message. Whoever waits for the
        handler's reply gets `ActorExitedError`. The rest is as after the handler: `terminate` runs if it
        would have.

        Raises:
            Ended: it ends; caught by this package only, and no `Exception`. The `finally` blocks of the
                handler run.
            NotAnActorError: called in another thread than the actor's own.
        """
        if running.pid is not self.pid:
            raise NotAnActorError("checkpoint()")
        mailbox = self.pid.mailbox
        if mailbox.closed:
            raise Ended(End(KILLED, orderly=False))
        for message in mailbox.system.copy():
            if isinstance(message, Exit | StopRequest) and not self._can_wait(message):
                end = self._on_signal(message)
                if end is not None:
                    raise Ended(end)

    def _begin(self, boot: Boot) -> Callable[[], Any] | End | None:
        outcome = self.init(*boot.args, **boot.kwargs)
        if outcome is IGNORE:
            self._acknowledge(ignored=True)
            return End(NORMAL, orderly=False)
        if isinstance(outcome, Stop):
            return End(outcome.reason, orderly=False)
        first = outcome.then if isinstance(outcome, Info) else outcome
        if first is not None and not isinstance(first, Continue | Timeout):
            name = type(self).__name__
            allowed = "None, Continue, Timeout, Info, IGNORE and Stop"
            raise TypeError(f"{name}.init returned {outcome!r}; allowed are {allowed}")
        self._acknowledge(info=outcome.value if isinstance(outcome, Info) else None)
        return None if first is None else lambda: first
