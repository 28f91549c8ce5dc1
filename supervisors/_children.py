"""How a supervisor starts, watches and stops children without ever blocking.

What it does to children are *procedures*: generators that yield a condition and are resumed when an
event (an InitAck, a Down, a timer, the end of a killed thread) makes it true. Procedures with the same key
run one after the other, in the order they were queued; an ordinary supervisor has one key, a dynamic one a
key for each child. Requests that only read are answered between any two steps.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from supervisors import telemetry
from supervisors._actor import GenActor
from supervisors._boot import NO_REPLY, Boot, End, Stop
from supervisors._child import Child, Deadline, Failed, Ignored, Started
from supervisors._child_spec import ChildType, Restart
from supervisors._errors import CallCycleError, Refuse, SupervisorError
from supervisors._log import log
from supervisors._orphans import orphans_of
from supervisors._reasons import NO_PROCESS, SHUTDOWN, Crash, ExitReason, Shutdown
from supervisors._signals import Down, Exit, InitAck, MonitorRef
from supervisors._tree import ChildCounts, ChildState

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Hashable, Iterable

    from supervisors._future import Sender
    from supervisors._pid import Pid
    from supervisors._types import Argument, Message, Reply

    Procedure: TypeAlias = Generator[Callable[[], bool], None, Any]


@dataclass(frozen=True, slots=True)
class _Tick:
    """A `Deadline` has fired for the procedure with this key."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class _Settled:
    """The thread of a killed child has ended, or is recorded as abandoned."""

    pid: Pid


@dataclass(slots=True)
class _Line:
    """The procedures with one key: the running one, what it waits for, and those behind it."""

    running: Procedure | None = None
    ready: Callable[[], bool] | None = None
    queued: deque[Procedure] = field(default_factory=deque)


def _over(pid: Pid, deadline: Deadline) -> bool:
    return deadline.fired or not pid.alive


class ChildKeeper(GenActor):
    """The part that `Supervisor` and `DynamicSupervisor` share."""

    trap_exit = True
    child_type = ChildType.SUPERVISOR

    def __init__(self, boot: Boot) -> None:
        super().__init__(boot)
        self._children: dict[Hashable, Child] = {}  # in start order
        self._by_pid: dict[Pid, Child] = {}
        self._killed: set[Pid] = set()  # whose threads have not ended yet
        self._lines: dict[Hashable, _Line] = {}
        self._close_reason: ExitReason | None = None  # set: stop everything, then end with it
        self._closing_begun = False
        self._end: End | None = None
        self.pid.directory = {}

    # -- events

    def _on_signal(self, message: Message) -> End | None:
        match message:
            case InitAck(pid) if pid in self._by_pid:
                child = self._by_pid[pid]
                child.ack = message
                self._advance(self._line_of(child))
            case InitAck():
                pass  # its start was given up
            case Down(pid=pid) if pid in self._by_pid:
                self._on_child_down(self._by_pid[pid], message.reason)
            case _Tick(key):
                self._advance(key)
            case _Settled(pid):
                self._on_settled(pid)
            case _:
                end = super()._on_signal(message)
                if end is not None:
                    return end
        if self._closing_begun:
            self._advance(None)
        return self._ending()

    def _on_child_down(self, child: Child, reason: ExitReason) -> None:
        child.exit = reason
        if child.state is ChildState.RUNNING and not self._closing_begun:
            self._queue(self._line_of(child), self._recover(child, child.pid))
        else:
            self._advance(self._line_of(child))

    def _on_settled(self, pid: Pid) -> None:
        if pid.has_thread_ended:
            self._killed.discard(pid)
        child = self._by_pid.get(pid)
        if child is not None:
            child.settled = True
            self._advance(self._line_of(child))

    def handle_info(self, message: Message) -> Stop | None:
        """Ignore what is not for a supervisor, such as the exit of an actor that is not its parent."""
        if not isinstance(message, Exit):
            super().handle_info(message)
        return self._stop_if_ending()

    def handle_cast(self, message: Message) -> None:
        """Refuse: supervisors take no casts. Logged, not fatal: a stray cast must not stop a tree."""
        GenActor.handle_info(self, message)

    def _asked_to_stop(self, reason: ExitReason) -> End | None:
        """Stop the children first; whatever is going on is given up."""
        self._resume()
        if self._close_reason is None:
            self._close_reason = reason
        return self._ending()

    def _ending(self) -> End | None:
        if self._close_reason is not None and not self._closing_begun:
            self._closing_begun = True
            for line in self._lines.values():
                if line.running is not None:
                    line.running.close()
            self._lines.clear()
            self._queue(None, self._closing(self._close_reason))
        return self._end

    def _stop_if_ending(self) -> Stop | None:
        end = self._ending()
        return None if end is None else Stop(end.reason)

    # -- procedures

    def _line_of(self, child: Child) -> Hashable:
        """Return the key under which procedures about `child` run one after the other."""
        raise NotImplementedError

    def _recover(self, child: Child, pid: Pid | None) -> Procedure:
        """Return the procedure for an exit nobody asked for."""
        raise NotImplementedError

    def _closing(self, reason: ExitReason) -> Procedure:
        """Return the procedure that stops all children and sets the end."""
        raise NotImplementedError

    def _queue(self, key: Hashable, procedure: Procedure) -> None:
        """Run a procedure, after those that have the same key. While closing only `_closing` runs."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
        line.queued.append(procedure)
        if line.running is None:
            self._advance(key)

    def _advance(self, key: Hashable) -> None:
        line = self._lines.get(key)
        while line is not None:
            if line.running is None:
                if not line.queued:
                    self._lines.pop(key, None)
                    return
                line.running, line.ready = line.queued.popleft(), None
            if line.ready is not None and not line.ready():
                return
            try:
                line.ready = next(line.running)
            except StopIteration:
                line.running = None
            if self._end is not None or (self._close_reason is not None and not self._closing_begun):
                return  # the start has failed, or the procedure has given up: what is queued stays undone

    def _answering(self, sender: Sender, procedure: Procedure) -> Procedure:
        """Run a procedure and give its result, or the error it ends with, to a caller."""
        try:
            value = yield from procedure
        except Refuse as refusal:
            sender.fail(refusal.error)
        except SupervisorError as error:
            sender.fail(error)
        else:
            sender.reply(value)

    def _serve_request(self, key: Hashable, sender: Sender, procedure: Procedure) -> Reply:
        """Queue the procedure of a request; while closing the end of this supervisor is the answer."""
        if self._close_reason is None:
            self._queue(key, self._answering(sender, procedure))
        return self._stop_if_ending() or NO_REPLY

    def _would_wait_for_itself(self, caller: Child) -> Refuse:
        """Make the refusal of a request that only a child which waits for it could complete."""
        return Refuse(
            CallCycleError([f"{self.pid.name}/{caller.key}", self.pid.name, f"{self.pid.name}/{caller.key}"])
        )

    def _arm(self, seconds: float | None, key: Hashable) -> Deadline:
        deadline = Deadline()
        if seconds is not None and seconds != math.inf:
            post = self.pid.mailbox.post_system

            def fire() -> None:
                deadline.fired = True
                post(_Tick(key))

            deadline.timer = self.system.timers.arm(seconds, fire)
        return deadline

    # -- one child

    def _starting(self, child: Child) -> Generator[Callable[[], bool], None, Started | Ignored | Failed]:
        """Start a child and wait until its `init` is through."""
        failure = self._launch(child)
        if failure is not None:
            return self._not_started(child, failure)
        deadline = self._arm(child.spec.start_timeout_s, self._line_of(child))
        yield lambda: child.ack is not None or child.exit is not None or deadline.fired
        deadline.cancel()
        if child.ack is None and child.exit is None:
            limit = child.spec.start_timeout_s
            yield from self._killing(child)
            yield from self._outliving(child)
            return self._not_started(child, Crash("TimeoutError", f"init took over {limit} s"))
        if child.ack is None:
            yield from self._outliving(child)
            return self._not_started(child, child.exit or NO_PROCESS)
        if child.ack.ignored:
            yield lambda: child.exit is not None
            self._retire(child)
            return Ignored()
        info, child.ack = child.ack.info, None  # nobody keeps the info
        self._move(child, ChildState.RUNNING)
        if child.spec.restart is Restart.TEMPORARY:
            child.spec = child.spec.without_arguments()
        self.system.published()
        self._tell(telemetry.CHILD_STARTED, child)
        if child.exit is not None:  # it has ended already
            self._queue(self._line_of(child), self._recover(child, child.pid))
        return Started(info)

    def _launch(self, child: Child) -> ExitReason | None:
        child.generation += 1
        child.epoch += 1
        child.ack = child.exit = None
        child.settled = False
        address = self.address
        start = child.spec.start
        boot = Boot(
            name=f"{self.pid.name}/{child.key}",
            system=self.system,
            generation=child.generation,
            parent=self.pid,
            parent_address=address,
            root=address.root,
            path=(*address.path, child.key),
            args=(*child.extra_arguments, *start.args),
            kwargs=start.kwargs,
            on_ack=self.pid.mailbox.post_system,
        )
        try:
            actor = start.actor_class(boot)
            pid = child.pid = actor.pid
            self._by_pid[pid] = child
            pid.monitor(MonitorRef(pid), self.pid.mailbox.post_system)
            self.pid.link_one_way(pid)  # it ends when this supervisor does
            self._move(child, ChildState.STARTING)
            actor._start_actor_loop()  # noqa: SLF001 -- own class
        except Exception as error:  # noqa: BLE001 -- a user's __init__, or no more threads
            return Crash.from_exception(error)
        return None

    def _not_started(self, child: Child, reason: ExitReason) -> Failed:
        self._tell(telemetry.CHILD_START_FAILED, child, reason=reason)
        self._retire(child)
        log(
            "debug" if isinstance(reason, Shutdown) else "warning",  # debug: it only will not serve
            "supervisor.child_start_failed",
            supervisor=self.pid.name,
            child=child.key,
            reason=reason,
        )
        return Failed(reason)

    def _stopping(self, child: Child) -> Procedure:
        """Stop a child: ask, wait its limit, then kill. Quiet if it is not running."""
        pid = child.pid
        if pid is None or pid not in self._by_pid:
            if child.state is not ChildState.STOPPED:
                self._move(child, ChildState.STOPPED)
            return
        limit = child.spec.shutdown_limit_s
        if child.exit is None:
            self._move(child, ChildState.STOPPING)
            if limit > 0:
                pid.signal(self.pid, SHUTDOWN)
                deadline = self._arm(limit, self._line_of(child))
                yield lambda: child.exit is not None or deadline.fired
                deadline.cancel()
            if child.exit is None:
                yield from self._killing(child)
        yield from self._outliving(child)
        self._tell(telemetry.CHILD_STOPPED, child, reason=child.exit)
        log(
            "debug",
            "supervisor.child_stopped",
            supervisor=self.pid.name,
            child=child.key,
            reason=child.exit,
        )
        self._retire(child)

    def _killing(self, child: Child) -> Procedure:
        """Fence a child off and wait until its thread has ended or is known to be stuck."""
        pid, post = child.pid, self.pid.mailbox.post_system
        assert pid is not None  # noqa: S101 -- callers have looked
        self._killed = {old for old in self._killed if not old.has_thread_ended} | {pid}
        pid.kill(lambda: post(_Settled(pid)))
        yield lambda: child.exit is not None and child.settled

    def _outliving(self, child: Child) -> Procedure:
        """Wait until nothing lives below a child that has ended; only a dead supervisor leaves something."""
        pid, key, post = child.pid, self._line_of(child), self.pid.mailbox.post_system
        if pid is None or pid.directory is None:
            return
        if not pid.has_thread_ended:  # it may be at the start of one more child
            pid.on_thread_end(lambda: post(_Tick(key)))
            grace = self._arm(self.system.kill_grace_s, key)
            yield lambda: pid.has_thread_ended or grace.fired
            grace.cancel()
        while orphans := orphans_of(pid):
            orphan, limit = orphans[0]
            deadline = self._arm(limit, key)
            orphan.monitor(MonitorRef(orphan), lambda _: post(_Tick(key)))
            yield partial(_over, orphan, deadline)
            deadline.cancel()
            if orphan.alive:
                orphan.kill()

    def _retire(self, child: Child) -> None:
        """Let go of an incarnation that has ended."""
        if child.pid is not None:
            self._by_pid.pop(child.pid, None)
            self.pid.unlink_one_way(child.pid)
        child.ack = None
        self._move(child, ChildState.STOPPED)

    def _forget(self, child: Child) -> None:
        self._children.pop(child.key, None)
        if self.pid.directory is not None:
            self.pid.directory.pop(child.key, None)

    def _move(self, child: Child, state: ChildState) -> None:
        """Change a child's state and publish it."""
        child.state = state
        if self.pid.directory is not None and child.key in self._children:
            self.pid.directory[child.key] = child.entry()

    def _tell(self, event: str, child: Child, **metadata: Argument) -> None:
        facts = {"supervisor": self.pid, "child_id": child.key, "pid": child.pid, **metadata}
        counts = {"generation": child.generation, "restarts": child.restarts}
        self.system.telemetry.emit(event, counts, facts)

    # -- reading

    def _counts(self, children: Iterable[Child]) -> ChildCounts:
        listed = list(children)
        active = sum(child.state in (ChildState.RUNNING, ChildState.STOPPING) for child in listed)
        supervisors = sum(child.spec.type is ChildType.SUPERVISOR for child in listed)
        abandoned = len(self.system.abandoned.of(self._killed))
        return ChildCounts(len(listed), active, supervisors, len(listed) - supervisors, abandoned)
