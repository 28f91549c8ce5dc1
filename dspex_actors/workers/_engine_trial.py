"""The trial of an engine: its driver is started for nothing and looked at, in a child of the zygote.

It begins before the zygote gives up any right, and goes on while that builds and tries the sandbox, which
takes less time than the start of a runtime. Nothing of that driver is used for guests; it is killed.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, NoReturn

import msgspec

from dspex_actors.workers import _protocol
from dspex_actors.workers.confine import _libc
from dspex_actors.workers.guest._make import no_use

if TYPE_CHECKING:
    from collections.abc import Callable

    Look = Callable[[], _protocol.Footprint]

_PIPE_BYTES = 65536


class EngineTrial:
    """A trial under way. For one thread.

    Args:
        look: starts a driver, looks at it and ends it; raises EngineFailureError if that fails.

    Raises:
        OSError: there is no process for it.
    """

    def __init__(self, look: Look) -> None:
        self._pipe, theirs = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _try(look, theirs)
        os.close(theirs)

    def fileno(self) -> int:
        """Return the descriptor that can be read when the trial is over."""
        return self._pipe

    def outcome(self) -> bytes:
        """Return what came of it, a `Tried` as it is sent; waits until it is over."""
        said = b""
        while data := os.read(self._pipe, _PIPE_BYTES):
            said += data
        _, status = os.waitpid(self._pid, 0)
        os.close(self._pipe)
        ended = f"its trial ended with status {status} and said nothing"
        return said or msgspec.msgpack.encode(_protocol.Tried(engine_error=ended))

    def close(self) -> None:
        """End it before it is over; its driver dies with it."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._pipe)


def _try(look: Look, told: int) -> NoReturn:
    """Be the child that tries."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the zygote's own handler shuts its socket
        _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        try:
            tried = _protocol.Tried(look())
        except Exception as error:  # noqa: BLE001 -- the boundary of this process: the host is to know
            unfit = no_use(error)
            tried = _protocol.Tried(error=unfit.error, engine_error=unfit.engine_error)
        os.write(told, msgspec.msgpack.encode(tried))
    finally:
        os._exit(0)
