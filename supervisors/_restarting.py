"""What supervisors of both kinds do after a child's exit: ask the pure rules, perform the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supervisors import telemetry
from supervisors._backoff import Streak, next_wait
from supervisors._child import Child, Failed, Ignored, Started
from supervisors._child_spec import Restart, SupervisorFlags
from supervisors._children import ChildKeeper
from supervisors._errors import (
    AbandonedExceededError,
    ActorExitedError,
    ChildNotFoundError,
    NotReplaceableError,
    RestartsExceededError,
)
from supervisors._intensity import RestartWindow
from supervisors._log import log
from supervisors._plan import (
    ForgetChild,
    GiveUp,
    Member,
    Plan,
    RestartLater,
    ShutDown,
    StopChild,
    on_child_exit,
    on_restart,
    restart_actions,
)
from supervisors._reasons import NORMAL, SHUTDOWN, is_abnormal
from supervisors._requests import StartedChild, TryAgain, WaitOver
from supervisors._tree import ChildState

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from supervisors._boot import Boot, End, Stop
    from supervisors._children import Procedure
    from supervisors._errors import SupervisorError
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._types import Argument, Message, Reply


class RestartingKeeper(ChildKeeper):
    """The rules after an exit, the same for ordered and dynamic children."""

    def __init__(self, boot: Boot) -> None:
        super().__init__(boot)
        self._window = RestartWindow(0, 0)
        self._use(SupervisorFlags())

    def _use(self, flags: SupervisorFlags) -> None:
        """Go by these flags from now on; the restarts so far still count."""
        self._flags = flags
        self._window = RestartWindow(flags.intensity, flags.period, self._window.seconds)

    def system_get_state(self) -> dict[str, Any]:
        """Return what this supervisor goes by."""
        children = tuple(child.info(child.key) for child in reversed(self._children.values()))
        return {"flags": self._flags, "restarts": self._window.count, "children": children}

    def system_replace_state(self, replace: object) -> dict[str, Any]:  # noqa: ARG002 -- refused whatever it is
        """Refuse.

        Raises:
            NotReplaceableError: always.
        """
        problem = "the state of a supervisor is its children; use the verbs of its address"
        raise NotReplaceableError(self.pid.name, problem)

    def system_suspend(self) -> None:
        """Leave children and requests alone until `system_resume`.

        Raises:
            ActorExitedError: it is stopping, which a suspension must not hold up.
        """
        if self._close_reason is not None:
            raise ActorExitedError(self.pid.name, self._close_reason)
        super().system_suspend()

    def _members(self, child: Child) -> list[Member]:
        """Return the children that the exit of `child` may concern, in start order."""
        raise NotImplementedError

    def handle_info(self, message: Message) -> Stop | None:
        """Take the messages to itself: a failed restart is tried again, a delayed one is due."""
        if not isinstance(message, TryAgain | WaitOver):
            return super().handle_info(message)
        child = self._children.get(message.key)
        if child is not None and self._close_reason is None:
            again = self._retry if isinstance(message, TryAgain) else self._after_wait
            self._queue(self._line_of(child), again(child, message.epoch))
        return self._stop_if_ending()

    def _move(self, child: Child, state: ChildState) -> None:
        if child.wait is not None:  # whatever happens to it now, it waits no longer
            child.wait.cancel()
            child.wait = None
        if state is ChildState.RUNNING:
            child.streak = Streak(child.streak.restarts, self.system.clock.now())
        super()._move(child, state)

    def _finish(self, end: End) -> None:
        for child in self._children.values():
            if child.wait is not None:  # it was killed; one that stops has moved its children
                child.wait.cancel()
        super()._finish(end)

    def _recover(self, child: Child, pid: Pid | None) -> Procedure:
        if child.pid is not pid or child.state is not ChildState.RUNNING:
            return  # an earlier procedure has dealt with it
        reason = child.exit or NORMAL
        self._report_exit(child, reason)
        yield from self._outliving(child)
        self._retire(child)
        plan = on_child_exit(
            self._members(child),
            child.key,
            abnormal=is_abnormal(reason),
            strategy=self._flags.strategy,
            auto_shutdown=self._flags.auto_shutdown,
            window=self._window,
            now=self.system.clock.now(),
        )
        yield from self._perform(self._paced(plan, child), child)

    def _retry(self, child: Child, epoch: int) -> Procedure:
        """Bring back a child whose restart has failed; counted."""
        if child.state is not ChildState.RESTARTING or child.epoch != epoch:
            return  # a request has changed its fate meanwhile
        plan = on_restart(
            self._members(child),
            child.key,
            strategy=self._flags.strategy,
            window=self._window,
            now=self.system.clock.now(),
        )
        yield from self._perform(self._paced(plan, child), child)

    def _after_wait(self, child: Child, epoch: int) -> Procedure:
        """Bring back a child that has waited; it was counted before."""
        if child.state is not ChildState.RESTARTING or child.epoch != epoch:
            return  # as above
        actions = restart_actions(self._members(child), child.key, strategy=self._flags.strategy)
        yield from self._perform(Plan(actions, self._window), child)

    def _paced(self, plan: Plan, child: Child) -> Plan:
        """Put the back-off, if there is one, before the starts of a plan."""
        backoff = self._flags.backoff
        if backoff is None or not plan.restarts:
            return plan
        from random import random  # noqa: PLC0415 -- slow to import, and few supervisors wait

        now = self.system.clock.now()
        seconds, child.streak = next_wait(backoff, child.streak, now=now, random=random())  # noqa: S311 -- no secret
        return plan.delayed(child.key, seconds)

    def _perform(self, plan: Plan, cause: Child) -> Procedure:
        """Perform a plan that the exit, or the failed start, of `cause` has led to."""
        reason = cause.exit or NORMAL
        self._window = plan.window
        for action in plan.actions:
            if isinstance(action, GiveUp):
                self._restarts_exceeded(reason)
                return
            if isinstance(action, ShutDown):
                self._shut_down(cause, reason)
                return
            child = self._children[action.id]
            if isinstance(action, StopChild):
                yield from self._stopping(child)
            elif isinstance(action, ForgetChild):
                self._forget(child)
            elif isinstance(action, RestartLater):
                self._wait(child, action.seconds, reason)
            else:
                child.restarts += 1
                outcome = yield from self._starting(child)
                if isinstance(outcome, Failed):
                    self._move(child, ChildState.RESTARTING)
                    self.pid.send_info(TryAgain(child.key, child.epoch))
                    return
                if isinstance(outcome, Ignored):
                    self._ignored_restart(child)
                else:
                    self._tell(telemetry.CHILD_RESTARTED, child, reason=reason)

    def _wait(self, child: Child, seconds: float, reason: ExitReason) -> None:
        self._move(child, ChildState.RESTARTING)
        over, send = WaitOver(child.key, child.epoch), self.pid.send_info
        child.wait = self.system.timers.arm(seconds, lambda: send(over))
        self._tell(telemetry.RESTART_DELAYED, child, reason=reason, seconds=seconds)

    def _ignored_restart(self, child: Child) -> None:
        """Keep the spec of a child that ignored its restart; dynamic supervisors drop it."""

    def _report_exit(self, child: Child, reason: ExitReason) -> None:
        self._tell(telemetry.CHILD_EXITED, child, reason=reason)
        restarts = child.spec.restart is not Restart.TEMPORARY and (
            is_abnormal(reason) or child.spec.restart is Restart.PERMANENT
        )
        level = "warning" if restarts or is_abnormal(reason) else "debug"
        log(level, "supervisor.child_exited", supervisor=self.pid.name, child=child.key, reason=reason)

    def _shut_down(self, child: Child, reason: ExitReason) -> None:
        self._tell(telemetry.AUTO_SHUTDOWN, child, reason=reason)
        log("debug", telemetry.AUTO_SHUTDOWN, supervisor=self.pid.name, child=child.key, reason=reason)
        self._close_reason = SHUTDOWN

    def _on_settled(self, pid: Pid) -> None:
        super()._on_settled(pid)
        most = self._flags.max_abandoned
        ends_already = self._close_reason is not None or self._end is not None
        starts = self._on_ack is not None  # why its start fails says more
        if most is None or ends_already or starts:
            return
        stuck = self.system.abandoned.of(self._killed)
        if len(stuck) > most:
            error = AbandonedExceededError(self.pid.name, most, stuck)
            self._give_up(telemetry.ABANDONED_EXCEEDED, {"abandoned": len(stuck)}, error)

    def _restarts_exceeded(self, reason: ExitReason) -> None:
        error = RestartsExceededError(self.pid.name, self._flags.intensity, self._flags.period)
        self._give_up(telemetry.RESTARTS_EXCEEDED, {"restarts": self._window.count}, error, reason=reason)

    def _give_up(
        self, event: str, measurements: Mapping[str, int], error: SupervisorError, **facts: Argument
    ) -> None:
        log("error", event, supervisor=self.pid.name, error=str(error), **facts)
        self.system.telemetry.emit(event, measurements, {"supervisor": self.pid, "error": error, **facts})
        self._close_reason = SHUTDOWN

    def _answer(self, child: Child, outcome: Started | Ignored, *, with_info: bool) -> Reply:
        """Return what a request that asked for a start gets."""
        address = info = None
        if isinstance(outcome, Started):
            entry = self.address.at(child.key)
            address = None if entry is None else self.address.below(child.key, entry)
            info = outcome.info
        return StartedChild(address, info) if with_info else address

    def _child(self, child_id: Hashable) -> Child:
        """Return a child by its key.

        Raises:
            ChildNotFoundError: there is none.
        """
        try:
            return self._children[child_id]
        except (KeyError, TypeError):
            raise ChildNotFoundError(child_id, tuple(self._children)) from None
