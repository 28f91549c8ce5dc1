"""What supervisors of both kinds do after a child's exit: ask the pure rules, perform the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisors import telemetry
from supervisors._child import Child, Failed, Ignored
from supervisors._child_spec import Restart, SupervisorFlags
from supervisors._children import ChildKeeper
from supervisors._errors import ChildNotFoundError, RestartsExceededError
from supervisors._intensity import RestartWindow
from supervisors._log import log
from supervisors._plan import ForgetChild, GiveUp, Member, Plan, StopChild, on_child_exit, on_restart
from supervisors._reasons import NORMAL, SHUTDOWN, is_abnormal
from supervisors._requests import TryAgain
from supervisors._tree import ChildState

if TYPE_CHECKING:
    from collections.abc import Hashable

    from supervisors._boot import Stop
    from supervisors._children import Procedure
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._types import Message


class RestartingKeeper(ChildKeeper):
    """The rules after an exit, the same for ordered and dynamic children."""

    _flags: SupervisorFlags
    _window: RestartWindow

    def _use(self, flags: SupervisorFlags) -> None:
        self._flags = flags
        self._window = RestartWindow(flags.intensity, flags.period)

    def _members(self, child: Child) -> list[Member]:
        """Return the children that the exit of `child` may concern, in start order."""
        raise NotImplementedError

    def handle_info(self, message: Message) -> Stop | None:
        """Take the message to itself that tries a failed restart again."""
        if not isinstance(message, TryAgain):
            return super().handle_info(message)
        child = self._children.get(message.key)
        if child is not None and self._close_reason is None:
            self._queue(self._line_of(child), self._retry(child, message.epoch))
        return self._stop_if_ending()

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
            window=self._window,
            now=self.system.clock.now(),
        )
        yield from self._perform(plan, reason)

    def _retry(self, child: Child, epoch: int) -> Procedure:
        if child.state is not ChildState.RESTARTING or child.epoch != epoch:
            return  # a request has changed its fate meanwhile
        plan = on_restart(
            self._members(child),
            child.key,
            strategy=self._flags.strategy,
            window=self._window,
            now=self.system.clock.now(),
        )
        yield from self._perform(plan, child.exit or NORMAL)

    def _perform(self, plan: Plan, reason: ExitReason) -> Procedure:
        self._window = plan.window
        for action in plan.actions:
            if isinstance(action, GiveUp):
                self._give_up(reason)
                return
            child = self._children[action.id]
            if isinstance(action, StopChild):
                yield from self._stopping(child)
            elif isinstance(action, ForgetChild):
                self._forget(child)
            else:
                outcome = yield from self._starting(child)
                if isinstance(outcome, Failed):
                    self._move(child, ChildState.RESTARTING)
                    self.pid.send_info(TryAgain(child.key, child.epoch))
                    return
                if isinstance(outcome, Ignored):
                    self._ignored_restart(child)
                else:
                    self._tell(telemetry.CHILD_RESTARTED, child, reason=reason)

    def _ignored_restart(self, child: Child) -> None:
        """Keep the spec of a child that ignored its restart; dynamic supervisors drop it."""

    def _report_exit(self, child: Child, reason: ExitReason) -> None:
        self._tell(telemetry.CHILD_EXITED, child, reason=reason)
        restarts = child.spec.restart is not Restart.TEMPORARY and (
            is_abnormal(reason) or child.spec.restart is Restart.PERMANENT
        )
        level = "warning" if restarts or is_abnormal(reason) else "debug"
        log(level, "supervisor.child_exited", supervisor=self.pid.name, child=child.key, reason=reason)

    def _give_up(self, reason: ExitReason) -> None:
        error = RestartsExceededError(self.pid.name, self._flags.intensity, self._flags.period)
        log(
            "error",
            "supervisor.restarts_exceeded",
            supervisor=self.pid.name,
            error=str(error),
            reason=reason,
        )
        facts = {"supervisor": self.pid, "reason": reason, "error": error}
        self.system.telemetry.emit(telemetry.RESTARTS_EXCEEDED, {"restarts": self._window.count}, facts)
        self._close_reason = SHUTDOWN

    def _child(self, child_id: Hashable) -> Child:
        """Return a child by its key.

        Raises:
            ChildNotFoundError: there is none.
        """
        try:
            return self._children[child_id]
        except (KeyError, TypeError):
            raise ChildNotFoundError(child_id, tuple(self._children)) from None
