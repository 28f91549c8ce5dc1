"""The tools of one request: the host's functions that its code may call.

Guarantees: a function runs in a thread that the request has for its tools, started by the first call, in the
context variables of whoever asked for the execution; an async one runs in an event loop, for which that
thread waits. Neither the actor of the worker nor any event loop ever waits for a function. What a function
raises reaches the guest as the name of its class and its text.

When the request is over, an async function is cancelled. Any other cannot be ended: its thread goes on, is
recorded in `system.abandoned` until it is through, and what it returns is dropped.
"""

from __future__ import annotations

import threading
import time
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from dspex_actors import _events, values
from dspex_actors._errors import RuntimeClosedError, ValueEncodeError
from dspex_actors.executors._loop_call import LoopCall, close_awaitable
from dspex_actors.workers import ToolFailure

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Callable

    from dspex_actors.executors._messages import Run
    from dspex_actors.executors._tool_loop import ToolLoop
    from supervisors import System
    from supervisors._threads import ActorThread

MOST_ABANDONED = 64
"""Threads of a tree that may be left in functions whose requests are over, before no more tools are run.

A guest that calls a slow tool and is killed leaves one behind; a thousand of them would hurt the host.
"""

_MESSAGE_CHARS = 8_000


class _Call(NamedTuple):
    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    answer: Callable[[values.Encoded | ToolFailure], None]


class RequestTools:
    """Runs the tools of one request; see the module. One call at a time: the next after an answer.

    `call` and `close` never wait for a function.

    Args:
        run: the execution.
        system: of the tree.
        own_loop: runs async functions if the request has no loop.
    """

    def __init__(self, run: Run, system: System, own_loop: ToolLoop) -> None:
        context = run.request.context
        self._functions = dict(context.tools)
        self._facts = {"execution": run.id, "tag": context.tag}
        self._system = system
        self._loop: AbstractEventLoop | None = context.loop
        self._own_loop = own_loop
        self._context = copy_context()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: ActorThread | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._running: str | None = None  # the function that has the thread now
        self._awaiting: LoopCall | None = None  # the async one that the thread waits for
        self._forget: Callable[[], object] | None = None  # takes the record of an abandoned thread back

    @property
    def names(self) -> tuple[str, ...]:
        """What the guest may call."""
        return tuple(self._functions)

    def call(
        self,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        answer: Callable[[values.Encoded | ToolFailure], None],
    ) -> None:
        """Have the thread run a function.

        Args:
            name: of the tool.
            args: for it.
            kwargs: for it.
            answer: called in that thread with what came of it; in this one if there can be no thread.
        """
        if self._thread is None:
            title = f"dspex-tools-{self._facts['execution']}"
            try:
                self._thread = self._system.run_in_thread(title, lambda: self._context.run(self._serve))
            except RuntimeError as error:  # there is no room for one more thread
                answer(_failure(error))
                return
        self._calls.put(_Call(name, args, kwargs, answer))

    def close(self) -> None:
        """Let the thread end; cancel the async function it waits for, record it in any other one."""
        self._calls.put(None)
        with self._lock:
            if self._closed:
                return
            self._closed = True
            running, awaiting = self._running, self._awaiting
        if awaiting is not None:
            awaiting.cancel()
        elif running is not None and self._thread is not None:
            forget = self._system.abandoned.add(
                f"tool {running} of execution {self._facts['execution']}", self._thread
            )
            with self._lock:
                over = self._running is None
                self._forget = forget
            if over:
                forget()

    # -- in the thread

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None and self._begin(call.name):
            begun = time.monotonic()
            outcome = self._outcome_of(call)
            kind = "late" if self._closed else "raised" if isinstance(outcome, ToolFailure) else "returned"
            measurements = {"duration_s": time.monotonic() - begun}
            facts = self._facts | {"tool": call.name, "outcome": kind}
            self._system.telemetry.emit(_events.TOOL_CALLED, measurements, facts)
            call.answer(outcome)

    def _begin(self, name: str) -> bool:
        """Note that a function has the thread; False if the request is over."""
        with self._lock:
            if not self._closed:
                self._running = name
            return not self._closed

    def _end(self) -> None:
        """Note that the function is through."""
        with self._lock:
            self._running = self._awaiting = None
            forget, self._forget = self._forget, None
        if forget is not None:
            forget()

    def _outcome_of(self, call: _Call) -> values.Encoded | ToolFailure:
        """Run a function and encode what it returns."""
        try:
            try:
                value = self._value_of(call)
            finally:
                self._end()
            return values.encode(value)
        except ValueEncodeError as error:
            path = f"{call.name}()" + error.path.removeprefix("value")
            return _failure(ValueEncodeError(path, error.type_name, error.reason))
        except BaseException as error:  # noqa: BLE001 -- the user's function: even SystemExit must not end this thread
            return _failure(error)

    def _value_of(self, call: _Call) -> object:
        if len(self._system.abandoned) >= MOST_ABANDONED:
            raise RuntimeError(f"{MOST_ABANDONED} tools are still running whose executions are over")
        value = self._functions[call.name](*call.args, **call.kwargs)
        return self._awaited(value) if hasattr(type(value), "__await__") else value

    def _awaited(self, awaitable: Awaitable[Any]) -> object:
        """Await something in the event loop; this thread waits.

        Raises:
            BaseException: what it raised.
            CancelledError: the request is over, or somebody has cancelled it in the loop.
            RuntimeError: the loop is closed.
        """
        try:
            loop = self._loop or self._own_loop.get()
        except RuntimeClosedError:
            close_awaitable(awaitable)
            raise
        call = LoopCall(loop, awaitable)
        call.start()
        with self._lock:
            self._awaiting = call
            closed = self._closed
        if closed:
            call.cancel()
        return call.result()


def _failure(error: BaseException) -> ToolFailure:
    """Return the name and the text of an error; its `__str__` may raise."""
    try:
        text = str(error)
    except BaseException as raised:  # noqa: BLE001 -- user code in an error path; the class is still worth telling
        text = f"<its __str__ raised {type(raised).__name__}>"
    if len(text) > _MESSAGE_CHARS:
        text = f"{text[:_MESSAGE_CHARS]}... ({len(text)} characters)"
    return ToolFailure(type(error).__name__, text.encode("utf-8", "backslashreplace").decode())
