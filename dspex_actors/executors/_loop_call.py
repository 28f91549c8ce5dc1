"""An awaitable that runs in an event loop while a thread waits for it."""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import Awaitable

    Settled = tuple[Any, BaseException | None]


class LoopCall:
    """Awaits something in a loop of another thread.

    What `asyncio.run_coroutine_threadsafe` does, for awaitables of any kind; SystemExit and its like end
    neither the loop nor the waiting thread, and a coroutine that is cancelled before it began is closed.

    Args:
        loop: is running.
        awaitable: what to await; it belongs to this object.
    """

    def __init__(self, loop: AbstractEventLoop, awaitable: Awaitable[Any]) -> None:
        self._loop = loop
        self._awaitable = awaitable
        self._settled: Future[Settled] = Future()
        self._task: Task[Settled]  # set in the loop

    def start(self) -> None:
        """Have the loop begin.

        Raises:
            RuntimeError: it is closed.
        """
        try:
            self._loop.call_soon_threadsafe(self._begin)
        except RuntimeError:
            close_awaitable(self._awaitable)
            raise

    def result(self) -> Any:  # noqa: ANN401 -- whatever it gives
        """Wait for the value.

        Raises:
            CancelledError: it was cancelled, here or in the loop.
            BaseException: what it raised.
        """
        value, error = self._settled.result()
        if error is not None:
            raise error
        return value

    def cancel(self) -> None:
        """Cancel it; `result` raises at once, and does not wait for what the awaitable does about it."""
        self._settled.cancel()
        with suppress(RuntimeError):  # the loop is closed: it has cancelled its tasks
            self._loop.call_soon_threadsafe(self._cancel)

    # -- in the loop

    def _begin(self) -> None:
        import asyncio  # noqa: PLC0415 -- whoever runs a loop has it

        self._task = asyncio.ensure_future(_settle(self._awaitable))
        self._task.add_done_callback(self._done)

    def _cancel(self) -> None:
        self._task.cancel()

    def _done(self, task: Task[Settled]) -> None:
        close_awaitable(self._awaitable)
        if task.cancelled():
            self._settled.cancel()
            return
        with suppress(InvalidStateError):  # it was cancelled
            self._settled.set_result(task.result())


async def _settle(awaitable: Awaitable[Any]) -> Settled:
    """Await something; return its value, or its error: SystemExit raised in a task would end the loop."""
    from asyncio import CancelledError  # noqa: PLC0415 -- whoever runs a loop has it

    try:
        return await awaitable, None
    except (CancelledError, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 -- raised again in the waiting thread
        return None, error


def close_awaitable(awaitable: Awaitable[Any]) -> None:
    """Close a coroutine that will not be awaited; nothing happens to one that is through."""
    if iscoroutine(awaitable):
        awaitable.close()
