"""One process that was started ahead of time, so that the next generation of an `OsProcess` need not wait.

    spare = WarmSpare(EchoLaunch)
    children = [spare.child_spec(), EchoServer.child_spec(spare=spare)]
    with Supervisor.start(children, strategy="one_for_one"): ...

The spare is an actor of the tree. It starts a process in the background and gives it, with its `Launch`, to
the first `OsProcess` that starts with `spare=spare`; then it starts the next one. Who comes while one is
being started waits for it. While no spare runs, an `OsProcess` makes and starts a launch itself.

A waiting process that ends, or cannot be started, crashes the spare: its supervisor counts that and starts it
again. Put the spare before its users, so that it stops after them, and under `one_for_one`, so that the end
of one does not concern the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisors._address import Address
from supervisors._boot import NO_REPLY, Continue, End
from supervisors._errors import ActorExitedError, Refuse
from supervisors._gen_server import GenServer
from supervisors._handle import Handle
from supervisors._launch import Launch, Owner
from supervisors._reasons import Crash
from supervisors._signals import ProcessExited

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._future import Sender
    from supervisors._reasons import ExitReason
    from supervisors._types import Message, Reply

STOP_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class _Take:
    """Give the waiting process to this owner."""

    owner: Owner


@dataclass(frozen=True, slots=True)
class _GetProcessId:
    """Say which process waits."""


class SpareKeeper(GenServer):
    """The actor that owns the waiting process."""

    def init(self, handle: WarmSpare) -> Reply:
        """Serve the handle; the first process is started after this."""
        self._handle = handle
        self._owner = Owner(self.pid)
        self._ready: Launch | None = None
        handle.bind(self, None)
        return Continue()

    def handle_continue(self, term: Message) -> Reply:  # noqa: ARG002 -- there is one thing to go on with
        """Start a process; messages wait until it is ready."""
        launch = self._handle.make()
        launch.start(self._owner, self.system)
        self._ready = launch

    def handle_call(self, message: Message, sender: Sender) -> Reply:
        """Give the process away, or say which one it is.

        Raises:
            Refuse: the message is neither request.
        """
        ready = self._ready
        assert ready is not None  # noqa: S101 -- messages wait for that
        match message:
            case _Take(owner):
                if ready.process.has_ended() or not self._owner.give(ready, owner):
                    return None  # it has ended, of which this actor is about to hear
                if sender.reply(ready):
                    self._ready = None
                    return Continue()
                owner.give(ready, self._owner)  # nobody waits any more
                return NO_REPLY
            case _GetProcessId():
                return ready.process.pid
        raise Refuse(TypeError(f"a WarmSpare does not understand {type(message).__name__}"))

    def terminate(self, reason: ExitReason) -> Reply:  # noqa: ARG002 -- the process ends for any reason
        """End the waiting process and its group, and wait until it is reaped."""
        if self._ready is not None:
            self._ready.process.end(STOP_TIMEOUT_S)

    def _on_signal(self, message: Message) -> End | None:
        if not isinstance(message, ProcessExited):
            return super()._on_signal(message)
        ready = self._ready
        if ready is None or message.process_id != ready.process.pid:
            return None  # the start that failed has said so, or it was given away
        return End(Crash.from_exception(ready.exited_error()))  # whoever asks now is told of the actor's end


class WarmSpare(Handle[Address, None]):
    """See the module's docstring. A handle: make it, then put its `child_spec` into a tree, or `start` it.

    Args:
        make: returns a new `Launch` each time; runs in the thread of the actor that starts the process.
        name: for people, and the id in the tree.
    """

    actor_class = SpareKeeper

    def __init__(self, make: Callable[[], Launch], *, name: str = "spare") -> None:
        super().__init__(name)
        self.make = make

    def process_id(self, timeout: float | None = 5.0) -> int:
        """Return the number of the process that waits; waits for one that is being started.

        Raises:
            ActorExitedError: the spare is not running, or its process could not be started.
            CallTimeoutError: it was not ready within `timeout` seconds.
        """
        number: int = self.address.call(_GetProcessId(), timeout)
        return number

    def take(self, owner: Owner) -> Launch | None:
        """Take the waiting process over; None if there is none and will be none. For `OsProcess`."""
        try:
            launch: Launch | None = self.address.call(_Take(owner), timeout=None)
        except ActorExitedError:
            return None
        return launch
