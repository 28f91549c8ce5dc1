"""A function applied to many items by tasks, a few at a time."""

from __future__ import annotations

import math
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from supervisors._errors import CallTimeoutError
from supervisors._reasons import Crash
from supervisors._task import TaskExited, TaskFinished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from supervisors._clock import Timer, TimerService
    from supervisors._future import CallFuture
    from supervisors._task import Task

_T = TypeVar("_T")
_Item = TypeVar("_Item")

OnTimeout = Literal["exit", "kill_task"]


class StreamOptions(NamedTuple):
    """How a stream of tasks goes; see `TaskSupervisor.async_stream`."""

    max_concurrency: int
    ordered: bool
    timeout: float | None
    on_timeout: OnTimeout


class _Running:
    """One item under way."""

    __slots__ = ("outcome", "task", "timer")

    def __init__(self, task: Task[Any]) -> None:
        self.task = task
        self.timer: Timer | None = None
        self.outcome: TaskFinished[Any] | TaskExited | None = None


def stream(
    begin: Callable[[_Item], Task[_T]], items: Iterable[_Item], options: StreamOptions, timers: TimerService
) -> Iterator[TaskFinished[_T] | TaskExited]:
    """Yield the outcome for each item; runs, and takes items, in the consuming thread.

    Whatever ends the iteration, the tasks that are still under way are killed.

    Raises:
        CallTimeoutError: a task took too long and `on_timeout` is "exit".
    """
    source = iter(items)
    settled: SimpleQueue[tuple[_Running, bool]] = SimpleQueue()
    under_way: set[_Running] = set()
    line: deque[_Running] = deque()  # those not yielded yet, in the order of their items
    exhausted = False
    try:
        while True:
            while not exhausted and len(under_way) < options.max_concurrency:
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                    break
                one = _Running(begin(item))
                under_way.add(one)
                line.append(one)
                _follow(one, settled, options.timeout, timers)
            if not under_way:
                return
            one, late = settled.get()
            if one.outcome is not None:
                continue  # its result and its timer came together
            one.outcome = _outcome(one, options, late=late)
            under_way.discard(one)
            if options.ordered:
                while line and line[0].outcome is not None:
                    yield _taken(line.popleft())
            else:
                line.remove(one)
                yield _taken(one)
    finally:
        for one in under_way:
            _stop(one)


def _follow(
    one: _Running,
    settled: SimpleQueue[tuple[_Running, bool]],
    timeout: float | None,
    timers: TimerService,
) -> None:
    def done(_: CallFuture) -> None:
        settled.put((one, False))

    if timeout is not None and timeout != math.inf:
        one.timer = timers.arm(timeout, partial(settled.put, (one, True)))
    one.task.future.add_done_callback(done)


def _outcome(one: _Running, options: StreamOptions, *, late: bool) -> TaskFinished[Any] | TaskExited:
    if not late:
        if one.timer is not None:
            one.timer.cancel()
        return _known(one)
    if options.on_timeout == "exit":
        raise CallTimeoutError(one.task.pid.name, options.timeout or 0.0)
    outcome = _stop(one)
    if isinstance(outcome, TaskFinished):
        return outcome  # it came between the timer and the kill
    return TaskExited(Crash("TimeoutError", f"no result within {options.timeout} s"))


def _known(one: _Running) -> TaskFinished[Any] | TaskExited:
    outcome = one.task.yield_(timeout=None)
    assert outcome is not None  # noqa: S101 -- its future is done
    return outcome


def _stop(one: _Running) -> TaskFinished[Any] | TaskExited:
    if one.timer is not None:
        one.timer.cancel()
    return one.task.shutdown(timeout=0)


def _taken(one: _Running) -> TaskFinished[Any] | TaskExited:
    assert one.outcome is not None  # noqa: S101 -- looked at by the caller
    return one.outcome
