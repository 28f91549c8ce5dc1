"""Giving the entries of a key to a function, in one thread or shared out among several."""

from __future__ import annotations

import contextvars
import threading
from functools import partial
from typing import TYPE_CHECKING

from supervisors._future import CallFuture

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervisors._registry_tables import Registration

    Deliver = Callable[[list[Registration]], object]


def share_out(entries: list[Registration], deliver: Deliver, *, threads: int) -> None:
    """Call `deliver` with all entries, each in one of at most `threads` lists; returns when all are through.

    One thread is the caller's own. More are new ones, each with a copy of the caller's context.

    Raises:
        Exception: the first that `deliver` raised, in the order of the lists.
    """
    shares = [share for first in range(threads) if (share := entries[first::threads])]
    if threads == 1 or len(shares) == 1:
        deliver(entries)
        return
    running = [_Share(partial(deliver, share)) for share in shares]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    for thread in running:
        thread.outcome.get()


class _Share(threading.Thread):
    """Runs a function in the context of the thread that made this, and keeps what came of it."""

    def __init__(self, deliver: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.outcome = CallFuture()
        self._context = contextvars.copy_context()
        self._deliver = deliver

    def run(self) -> None:
        """Run the function; its error is raised in the thread that waits."""
        try:
            self.outcome.reply(self._context.run(self._deliver))
        except BaseException as error:  # noqa: BLE001 -- see above
            self.outcome.fail(error)
