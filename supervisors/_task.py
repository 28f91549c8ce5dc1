"""A function run once by an actor of its own, and what its starter holds of it."""

from __future__ import annotations

from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from supervisors._ancestry import callers, task_callers
from supervisors._boot import NO_REPLY, Continue, Stop
from supervisors._errors import ActorExitedError, CallTimeoutError
from supervisors._future import CallFuture, running
from supervisors._gen_server import GenServer
from supervisors._reasons import NO_PROCESS, NORMAL, SHUTDOWN, Crash, Shutdown
from supervisors._signals import MonitorRef

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextvars import Context

    from supervisors._address import Address
    from supervisors._pid import Pid
    from supervisors._reasons import ExitReason
    from supervisors._types import Message, Reply

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TaskFinished(Generic[_T]):
    """The task's function returned `value`."""

    value: _T


@dataclass(frozen=True, slots=True)
class TaskExited:
    """The task ended without a value."""

    reason: ExitReason


class TaskFuture(CallFuture):
    """The value a task owes; `raised` tells an error of its function from the end of its actor."""

    raised = False

    def outcome(self, timeout: float | None) -> TaskFinished[Any] | TaskExited | None:
        """Wait for the value and say how it went; None when that took longer than `timeout` seconds.

        Raises:
            CallCycleError: the task waits for the calling actor.
            CallAbandonedError: an `await_` has given the value up.
        """
        if not self.done:
            try:
                self._wait(timeout)
            except CallTimeoutError:
                return None
        error = self._error
        if error is None:
            return TaskFinished(self._value)
        if self.abandoned:
            raise error
        if isinstance(error, ActorExitedError) and not self.raised:
            return TaskExited(error.reason)
        return TaskExited(Crash.from_exception(error))


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """What a task is to run, and for whom; made in the thread of its starter.

    `caller` is the starting actor, None in a plain thread. Of the two halves of a link to it, `follows` lets
    its end end the task, `tells` sends it an `Exit` when the task ends.
    """

    run: Callable[[], Any]
    future: TaskFuture | None = None
    follows: bool = False
    tells: bool = False
    caller: Pid | None = field(default_factory=lambda: running.pid)
    callers: tuple[Pid, ...] = field(default_factory=callers)
    context: Context = field(default_factory=copy_context)


class TaskActor(GenServer):
    """Runs one job in its own thread, in a copy of the starter's context, and ends.

    Signals are heard when the function is through, like those of any actor that is busy: a task that is
    asked to stop finishes its function, or is killed when its limit is over.
    """

    def init(self, job: Job) -> Reply:
        """Owe the value and make the link; the starter waits for this, not for the function."""
        pid, caller = self.pid, job.caller
        if job.future is not None:
            job.future.target = pid
            self._hold(job.future)
        if caller is not None and job.follows:
            if not caller.alive:
                return Stop(Shutdown(caller.exit_reason))
            caller.link_one_way(pid)
            pid.on_release(partial(caller.unlink_one_way, pid))
        if caller is not None and job.tells:
            pid.link_one_way(caller)
        return Continue(job)

    def handle_continue(self, job: Job) -> Reply:
        """Run the function and give its value away, then end behind the signals that came meanwhile."""
        future = job.future
        try:
            value = job.context.copy().run(self._in_context, job)
        except Exception as error:  # noqa: BLE001 -- whatever the function raises ends the task, `Refuse` too
            if future is not None:
                error.add_note(f"raised in the task {self.pid.name}")
                future.raised = True
                future.fail(error)
            return Stop(Crash.from_exception(error))
        verdict = value if isinstance(value, Stop) else Stop(NORMAL, reply=value)
        if future is not None and verdict.reply is not NO_REPLY:
            future.reply(verdict.reply)
        if verdict is value:
            return verdict
        self.pid.send_info(Stop(NORMAL))
        return None

    def _in_context(self, job: Job) -> object:
        chain = job.callers if job.caller is None else (job.caller, *job.callers)
        task_callers.set((self.pid, chain))
        return job.run()

    def handle_info(self, message: Message) -> Reply:
        """End; the message is the task's own."""
        return message if isinstance(message, Stop) else super().handle_info(message)


class Task(Generic[_T]):
    """What `TaskSupervisor.async_` returns: the right to the value of a function that runs elsewhere.

    Any thread may wait for it, several times, and `await task` does so in asyncio without holding up the
    loop. The name of each method is OTP's; `Task.await_(task)` reads as there.
    """

    def __init__(self, address: Address, pid: Pid, future: TaskFuture, caller: Pid | None) -> None:
        self.address = address
        self.pid = pid
        self.caller = caller
        self.future = future

    def __repr__(self) -> str:
        return f"<Task {self.pid.name}{' done' if self.future.done else ''}>"

    @property
    def done(self) -> bool:
        """Whether there is a value, or will never be one."""
        return self.future.done

    def await_(self, timeout: float | None = 5.0) -> _T:
        """Wait for the value.

        After a timeout the value is dropped, but the task goes on; `yield_` waits without giving up, and
        `shutdown` ends the task.

        Raises:
            CallTimeoutError: there was none within `timeout` seconds.
            CallCycleError: the task waits for the calling actor.
            CallAbandonedError: an earlier `await_` has given the value up.
            ActorExitedError: the task ended without a value, and not by an exception: it was killed, stopped,
                or left by SystemExit.
            Exception: what the function raised, with the name of the task as a note.
        """
        value: _T = self.future.get_or_abandon(timeout)
        return value

    def __await__(self) -> Generator[Any, None, _T]:
        """Wait without blocking the loop; cancelling drops the value, but the task goes on."""
        value: _T = yield from self.future.__await__()
        return value

    def yield_(self, timeout: float | None = 5.0) -> TaskFinished[_T] | TaskExited | None:
        """Wait for the outcome, and leave the task alone if there is none yet.

        Returns:
            How it went; None after `timeout` seconds without an outcome. Ask again as often as you like.

        Raises:
            CallCycleError: the task waits for the calling actor.
            CallAbandonedError: an `await_` has given the value up.
        """
        return self.future.outcome(timeout)

    def shutdown(self, timeout: float | None = 5.0) -> TaskFinished[_T] | TaskExited:
        """End the task; waits until it has ended. The starting actor gets no `Exit` of it.

        The function is not interrupted: the task is asked to end after it, and killed `timeout` seconds
        later. A killed task is dead to everybody at once, though its thread finishes the function.

        Args:
            timeout: seconds; 0 kills at once, None waits for ever.

        Returns:
            The value if it came in time and no `await_` has given it up, otherwise why the task ended.

        Raises:
            CallCycleError: the task waits for the calling actor, or is it. It was asked to end all the same.
        """
        pid = self.pid
        if self.caller is not None:
            pid.unlink_one_way(self.caller)
        if timeout == 0 or not self._ends_within(timeout):
            pid.kill()
        reason = pid.wait_exit() or NO_PROCESS
        outcome = None if self.future.abandoned else self.future.outcome(None)
        return outcome or TaskExited(reason)

    def _ends_within(self, timeout: float | None) -> bool:
        """Ask the task to end, and say whether it did in that time."""
        ended = TaskFuture()  # a reply to wait for, so that waiting in a circle is refused
        ended.target = self.pid
        self.pid.monitor(MonitorRef(self.pid), ended.reply)
        self.pid.request_stop(SHUTDOWN)
        return ended.outcome(timeout) is not None
