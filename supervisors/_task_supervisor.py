"""Functions run by short-lived actors under a supervisor.

    tasks = TaskSupervisor(max_children=100)
    with tasks.start():
        page = tasks.async_nolink(fetch, "https://example.org")
        tasks.start_child(warm_up)  # nobody waits for this one
        page.await_(timeout=10)
        for outcome in tasks.async_stream(fetch, urls, max_concurrency=8):
            ...

`async_` links the task to the calling actor: when either ends abnormally, the other does. `async_nolink` does
not, so that a failing task only fails whoever awaits it. A plain thread cannot be linked to, nothing else is
different there.

A task runs in a copy of its starter's context variables. It is `temporary` unless said otherwise, and has
5 s to stop. A thread cannot be interrupted: see `Task.shutdown`.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from supervisors._child_spec import MAX_ABANDONED, Restart, SupervisorFlags, choose
from supervisors._dynamic_supervisor import DynamicSupervisor
from supervisors._errors import ChildSpecError
from supervisors._future import running
from supervisors._handle import Handle
from supervisors._supervisor_address import SupervisorAddress
from supervisors._task import Job, Task, TaskActor, TaskFuture
from supervisors._task_stream import StreamOptions, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from supervisors._address import Address
    from supervisors._pid import Pid
    from supervisors._task import TaskExited, TaskFinished
    from supervisors._task_stream import OnTimeout
    from supervisors._tree import ChildCounts
    from supervisors._types import Argument, Reply

_T = TypeVar("_T")
_Item = TypeVar("_Item")

TASK_SHUTDOWN_S = 5.0


class TaskKeeper(DynamicSupervisor):
    """The supervisor of the tasks."""

    def init(self, handle: TaskSupervisor) -> Reply:  # type: ignore[override]  # a handle makes it
        """Take the limits and bind to the handle."""
        limits = super().init(
            max_children=handle.max_children,
            intensity=handle.intensity,
            period=handle.period,
            max_abandoned=handle.max_abandoned,
        )
        handle.bind(self, None)
        return limits


class TaskSupervisor(Handle[SupervisorAddress, None]):
    """See the module's docstring. A handle: make it, then `start` it or put its `child_spec` into a tree.

    Everything but those two raises `ActorExitedError` while the supervisor is not running.

    Args:
        name: for people.
        max_children: tasks there may be at a time; None means no limit.
        intensity: as of `DynamicSupervisor`; only for tasks that are restarted.
        period: as above.
        max_abandoned: as of `SupervisorFlags`; `terminate_child` counts, `Task.shutdown` does not.

    Raises:
        ChildSpecError: an option is wrong.
    """

    actor_class = TaskKeeper

    def __init__(
        self,
        *,
        name: str = "tasks",
        max_children: int | None = None,
        intensity: int = 3,
        period: int = 5,
        max_abandoned: int | None = MAX_ABANDONED,
    ) -> None:
        super().__init__(name)
        if max_children is not None and (type(max_children) is not int or max_children < 0):
            raise ChildSpecError(f"max_children is {max_children!r}; it must be None or a whole number >= 0")
        SupervisorFlags(intensity=intensity, period=period, max_abandoned=max_abandoned)  # checks them
        self.max_children = max_children
        self.intensity = intensity
        self.period = period
        self.max_abandoned = max_abandoned

    def async_(
        self, function: Callable[..., _T], *args: Argument, shutdown_s: float = TASK_SHUTDOWN_S
    ) -> Task[_T]:
        """Run `function(*args)` in a task linked to the calling actor; to be awaited.

        Args:
            function: runs in the task's own thread. Returning `Stop(reason)` ends the task with that reason
                and without a value.
            args: for the function.
            shutdown_s: seconds it may go on when its supervisor stops; 0 kills it at once.

        Raises:
            MaxChildrenError: there are `max_children` tasks.
            ChildSpecError: `shutdown_s` is wrong.
        """
        return self._begin(partial(function, *args), shutdown_s, follows=True, tells=True)

    def async_nolink(
        self, function: Callable[..., _T], *args: Argument, shutdown_s: float = TASK_SHUTDOWN_S
    ) -> Task[_T]:
        """Like `async_`, without the link: neither end concerns the other.

        Raises:
            MaxChildrenError: there are `max_children` tasks.
            ChildSpecError: `shutdown_s` is wrong.
        """
        return self._begin(partial(function, *args), shutdown_s, follows=False, tells=False)

    def start_child(
        self,
        function: Callable[..., object],
        *args: Argument,
        restart: Restart | str = Restart.TEMPORARY,
        shutdown_s: float = TASK_SHUTDOWN_S,
    ) -> Address:
        """Run `function(*args)` in a task nobody awaits and nobody is linked to.

        Args:
            function: as of `async_`; what it returns is dropped, what it raises is logged.
            args: for the function.
            restart: `permanent` and `transient` run it again after it has ended.
            shutdown_s: as of `async_`.

        Returns:
            The address of the task, for `terminate_child`.

        Raises:
            MaxChildrenError: there are `max_children` tasks.
            ChildSpecError: an option is wrong.
        """
        address: Address = self._start(
            Job(partial(function, *args)), shutdown_s, choose(Restart, restart, "restart")
        )
        return address

    def terminate_child(self, task: Task[Any] | Address | Pid) -> None:
        """Stop a task and wait until it has ended, at most its `shutdown_s`.

        Raises:
            ChildNotFoundError: it has ended.
        """
        self.address.terminate_child(task.pid if isinstance(task, Task) else task)

    def children(self) -> tuple[Pid, ...]:
        """Return the tasks that run, the one started last first."""
        return tuple(child.pid for child in self.address.which_children() if child.pid is not None)

    def count_children(self) -> ChildCounts:
        """Count the tasks."""
        return self.address.count_children()

    def async_stream(
        self,
        function: Callable[[_Item], _T],
        items: Iterable[_Item],
        *,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = 5.0,
        on_timeout: OnTimeout = "exit",
        link: bool = True,
    ) -> Iterator[TaskFinished[_T] | TaskExited]:
        """Run `function(item)` in a task for each item, and yield the outcomes.

        Lazy: items are taken, and tasks started, in the consuming thread, as there is room. Whatever ends the
        iteration, or the consuming actor, ends the tasks still under way. No message to that actor is left
        behind. A function that calls it waits in vain, as it is busy with the stream.

        Args:
            function: runs in the tasks' threads.
            items: taken one by one; may be endless.
            max_concurrency: tasks at a time, >= 1; the number of processors by default.
            ordered: yield in the order of the items, which keeps early outcomes until it is their turn.
            timeout: seconds for each task; None means no limit.
            on_timeout: "exit" raises here, "kill_task" yields a `TaskExited` instead.
            link: a task that fails ends the consuming actor too, when its handler is through; not one that
                traps exits, which finds the outcome in the stream and no `Exit`.

        Raises:
            ChildSpecError: an option is wrong; raised at once.
            CallTimeoutError: a task took too long and `on_timeout` is "exit".
            MaxChildrenError: there are `max_children` tasks.
        """
        concurrency = (os.cpu_count() or 1) if max_concurrency is None else max_concurrency
        if type(concurrency) is not int or concurrency < 1:
            raise ChildSpecError(f"max_concurrency is {max_concurrency!r}; it must be a whole number >= 1")
        if timeout is not None and not timeout >= 0:
            raise ChildSpecError(f"timeout is {timeout!r}; it must be None or a number of seconds >= 0")
        if on_timeout not in ("exit", "kill_task"):
            raise ChildSpecError(f"on_timeout is {on_timeout!r}; allowed are 'exit', 'kill_task'")

        def begin(item: _Item) -> Task[_T]:
            traps = running.actor is not None and running.actor.trap_exit
            run = partial(function, item)
            return self._begin(run, TASK_SHUTDOWN_S, follows=True, tells=link and not traps)

        options = StreamOptions(concurrency, ordered, timeout, on_timeout)
        return stream(begin, items, options, self.address.system.timers)

    def _begin(self, run: Callable[[], _T], shutdown_s: float, *, follows: bool, tells: bool) -> Task[_T]:
        job = Job(run, TaskFuture(), follows, tells)
        address = self._start(job, shutdown_s, Restart.TEMPORARY)
        future = job.future
        assert future is not None  # noqa: S101 -- given above
        assert future.target is not None  # noqa: S101 -- set in the init that was waited for
        return Task(address, future.target, future, job.caller)

    def _start(self, job: Job, shutdown_s: float, restart: Restart) -> Address:
        spec = TaskActor.child_spec(job, id="task", restart=restart, shutdown_s=shutdown_s)
        address: Address = self.address.start_child(spec)
        return address
