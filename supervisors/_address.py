"""The stable name of an actor: found again at each send, so it survives restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisors._child_spec import ChildType
from supervisors._errors import ActorExitedError, CallCycleError, ChildNotFoundError
from supervisors._future import CallFuture, running
from supervisors._orphans import await_orphans, kill_tree
from supervisors._reasons import NO_PROCESS, NORMAL, SHUTDOWN
from supervisors._tree import ChildState

if TYPE_CHECKING:
    from collections.abc import Hashable
    from types import TracebackType
    from typing import Self

    from supervisors._abandoned import Abandoned
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._system import System
    from supervisors._tree import Entry
    from supervisors._types import Message, Reply

STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class StopResult:
    """How a stop went.

    `reason` is why the actor ended, `killed` whether it had to be fenced off, `abandoned` the threads of
    the whole tree that are still there.
    """

    reason: ExitReason
    killed: bool
    abandoned: tuple[Abandoned, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing had to be killed and no thread is left."""
        return not self.killed and not self.abandoned


class Address:
    """A root and a path of child ids; equal when both are.

    The Pid found last is kept while it is alive, so that a send costs one look at a flag more than a send
    to the Pid. While the actor is being restarted a call fails at once and a cast is dropped and counted.
    """

    __slots__ = ("_path", "_pid", "_root")

    def __init__(self, root: Pid, path: tuple[Hashable, ...] = (), pid: Pid | None = None) -> None:
        self._root = root
        self._path = path
        self._pid = pid if pid is not None else (root if not path else None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Address):
            return NotImplemented
        return self._root is other._root and self._path == other._path

    def __hash__(self) -> int:
        return hash((self._root, self._path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def root(self) -> Pid:
        """The root of the tree."""
        return self._root

    @property
    def path(self) -> tuple[Hashable, ...]:
        """The ids from the root down to here."""
        return self._path

    @property
    def name(self) -> str:
        """The root's name and the ids of the path, for people."""
        return "/".join([self._root.name, *map(str, self._path)])

    @property
    def id(self) -> Hashable:
        """The id its supervisor knows it by; the name of a root."""
        return self._path[-1] if self._path else self._root.name

    @property
    def system(self) -> System:
        """What the actors of this tree share."""
        return self._root.system

    @property
    def pid(self) -> Pid | None:
        """The incarnation that serves now; None while there is none."""
        pid = self._pid
        if pid is not None and pid.alive:
            return pid
        pid = self.find()
        if pid is None:
            return None
        self._pid = pid  # also a dead one: it knows why
        return pid if pid.alive else None

    @property
    def alive(self) -> bool:
        """Whether a message sent now would find an actor."""
        return self.pid is not None

    # -- messages

    def cast(self, message: Message) -> None:
        """Send without a reply; never fails. Dropped and counted when nobody is there."""
        pid = self._pid
        if pid is None or not pid.alive:
            pid = self.pid
            if pid is None:
                self.system.count_dropped(self.name)
                return
        pid.cast(message)

    def call(self, message: Message, timeout: float | None = 5.0) -> Reply:
        """Send and wait for the reply.

        Args:
            message: anything; not copied.
            timeout: seconds, None waits for ever. After it the reply is dropped, but the actor may still
                do the work.

        Raises:
            CallTimeoutError: no reply in time.
            CallCycleError: the calling actor would wait for itself; the message was not sent.
            ActorExitedError: the actor is dead or being restarted, or ended before it replied.
            Exception: what the handler raised or refused with.
        """
        return self._resolve().call(message, timeout)

    async def acall(self, message: Message, timeout: float | None = 5.0) -> Reply:  # noqa: ASYNC109 -- as in call()
        """Like `call`, awaited; the loop goes on meanwhile, and cancelling abandons the call."""
        return await self._resolve().acall(message, timeout)

    def call_async(self, message: Message) -> CallFuture:
        """Send and return the reply's future at once; it fails with `ActorExitedError` if nobody is there."""
        pid = self.pid
        if pid is not None:
            return pid.call_async(message)
        future = CallFuture()
        future.fail(ActorExitedError(self.name, self._last_reason()))
        return future

    def send_info(self, message: Message) -> None:
        """Send a message that arrives in `handle_info`; dropped when nobody is there."""
        pid = self.pid
        if pid is not None:
            pid.send_info(message)

    # -- life

    def wait_available(self, timeout: float | None = None) -> bool:
        """Block until a message would find the actor.

        Returns:
            False if that was not so within `timeout` seconds, or if the root has ended.
        """
        return (
            self._root.system.wait_published(lambda: self.alive or not self._root.alive, timeout)
            and self.alive
        )

    def exit(self, reason: ExitReason) -> None:
        """Send an exit signal from the calling actor; dropped when nobody is there. See `Pid.exit`."""
        pid = self.pid
        if pid is not None:
            pid.exit(reason)

    def stop(self, reason: ExitReason = SHUTDOWN, timeout: float | None = None) -> StopResult:
        """Ask the actor to end, ahead of its queue, and wait until it has.

        A supervised actor is then restarted if its spec says so; use `terminate_child` to avoid that.

        Args:
            reason: what it ends with. Its `terminate(reason)` runs in its own thread.
            timeout: seconds until it is killed instead. None means 5 for a worker; a supervisor has no limit
                of its own, its children have.

        Returns:
            What happened, threads left behind included. Stopping a dead actor is quiet; of a supervisor that
            was killed it waits for what still ends below it.

        Raises:
            TypeError: `reason` is no exit reason.
            CallCycleError: the actor itself, or one below it, waits for its end.
        """
        pid = self.pid
        if pid is None:
            last = self.find()
            if last is not None:
                await_orphans(last)
            return StopResult(self._last_reason(), killed=False, abandoned=self.system.abandoned.records())
        if timeout is None and pid.directory is None:
            timeout = STOP_TIMEOUT_S
        _refuse_waiting_for_oneself(pid)
        pid.request_stop(reason)
        ended = pid.wait_exit(None if timeout == math.inf else timeout)
        if ended is None:
            kill_tree(pid)
        else:
            await_orphans(pid)
        result = StopResult(
            pid.exit_reason or NORMAL, killed=ended is None, abandoned=self.system.abandoned.records()
        )
        if pid is self._root:
            pid.join()
        return result

    # -- inside

    def at(self, child_id: Hashable) -> Entry | None:
        """Return what the actor here publishes about a child; None if there is no such child."""
        pid = self.pid
        return None if pid is None or pid.directory is None else pid.directory.get(child_id)

    def below(self, child_id: Hashable, entry: Entry) -> Address:
        """Return the address of one child, of its speaker if it has one."""
        path = (*self._path, child_id, *entry.speaker)
        known = entry.pid if entry.state is ChildState.RUNNING and not entry.speaker else None
        if entry.type is ChildType.SUPERVISOR and not entry.speaker:
            from supervisors._supervisor_address import SupervisorAddress  # noqa: PLC0415 -- it inherits from this class

            return SupervisorAddress(self._root, path, known)
        return Address(self._root, path, known)

    def _resolve(self) -> Pid:
        pid = self._pid
        if pid is not None and pid.alive:
            return pid
        pid = self.pid
        if pid is None:
            raise ActorExitedError(self.name, self._last_reason())
        return pid

    def find(self) -> Pid | None:
        """Return the incarnation known last, dead or alive; None if there never was one.

        One that is still starting does not count, but a supervisor on the way to it does: its children find
        each other while it starts.
        """
        pid: Pid | None = self._root
        entry = None
        for child_id in self._path:
            if pid is None or pid.directory is None:
                return None
            entry = pid.directory.get(child_id)
            pid = entry.pid if entry is not None else None
        return None if entry is not None and entry.state is ChildState.STARTING else pid

    def _last_reason(self) -> ExitReason:
        last = self.find() or self._pid
        return (last.exit_reason if last is not None else None) or NO_PROCESS


def _refuse_waiting_for_oneself(pid: Pid) -> None:
    chain, me = [], running.pid
    while me is not None:
        chain.append(me.name)
        if me is pid:
            raise CallCycleError([chain[0], *reversed(chain)])
        me = me.parent


def not_found(address: Address, child_id: Hashable) -> ChildNotFoundError:
    """Make the error that names the children there are."""
    pid = address.pid
    return ChildNotFoundError(child_id, tuple(pid.directory or ()) if pid is not None else ())
