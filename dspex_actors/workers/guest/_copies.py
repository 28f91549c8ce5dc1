"""Copies of a worker: how it becomes two when the host asks for it, and how the new one sleeps.

The new process says to the keeper that it is there, on a socket that it makes for that, and waits on the
socket for a data socket of its own. With that it goes on where the old one was.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._keeping_protocol import Freeze, What
from dspex_actors.workers._protocol import receive_with_fds, send_with_fds
from dspex_actors.workers.confine import _descriptors, _limits

if TYPE_CHECKING:
    from collections.abc import Callable

_decode = msgspec.msgpack.Decoder(Freeze).decode


class Outcome(Enum):
    """What came of a FREEZE frame, for the process that goes on."""

    MADE = "another process exists"
    FAILED = "there is no other process"
    WOKEN = "this is the other process"


class Copies:
    """Makes copies of this process.

    Args:
        meeting: where the keeper is told.
    """

    def __init__(self, meeting: socket.socket) -> None:
        self._meeting = meeting

    def reap(self) -> None:
        """Reap copies that have ended, where the guest has made the kernel keep them."""
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue

    def freeze(self, payload: bytes | memoryview) -> Outcome:
        """Become two.

        Args:
            payload: of a FREEZE frame.

        Returns:
            `WOKEN` in the new process, once it is awake; here whether there is one.
        """
        order = _decode(payload)
        _limits.widen()
        generators = [] if order.reseed else _generators()
        child = self._fork(order)
        if child:
            return Outcome.MADE if child > 0 else Outcome.FAILED
        if order.split and self._fork(order):
            os._exit(0)  # so that the keeper becomes the parent of the second one
        try:
            self._sleep(order)
        except BaseException as error:  # noqa: BLE001 -- this process must not do what it was not asked to
            self._report_failure(order, error)
            os._exit(1)
        if order.reseed:
            _reseed()
        _restore(generators)
        return Outcome.WOKEN

    def _fork(self, order: Freeze) -> int:
        """Fork; return 0 in the child, something else here, also when it failed."""
        try:
            return os.fork()
        except OSError as error:
            self._report_failure(order, error)
            return -1

    def _sleep(self, order: Freeze) -> None:
        """Say that this process is there, and wait for its data socket; exits if it is not to wake."""
        os.dup2(0, _descriptors.DATA_FD, inheritable=False)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        what = What.SPLIT if order.split else What.FROZEN
        with ours:
            with theirs:
                report = protocol.REPORT.pack(what, order.line, order.number, 0)
                send_with_fds(self._meeting, report, [theirs.fileno()])
            _, fds = receive_with_fds(ours, 16, 1)
        if not fds:
            os._exit(0)
        os.dup2(fds[0], _descriptors.DATA_FD, inheritable=False)
        os.close(fds[0])

    def _report_failure(self, order: Freeze, error: BaseException) -> None:
        code = (error.errno if isinstance(error, OSError) else None) or errno.ENOMEM
        with suppress(OSError):
            self._meeting.send(protocol.REPORT.pack(What.FAILED, order.line, order.number, code))


def _generators() -> list[tuple[Callable[[Any], object], Any]]:
    """Return the states of the shared random generators, each with what sets it.

    They start anew in every new process: Python's by itself, numpy's where the zygote has loaded it.
    """
    found = []
    for name, get, put in (("random", "getstate", "setstate"), ("numpy.random", "get_state", "set_state")):
        module = sys.modules.get(name)
        if module is not None:
            with suppress(Exception):  # the guest may have changed the module
                found.append((getattr(module, put), getattr(module, get)()))
    return found


def _restore(generators: list[tuple[Callable[[Any], object], Any]]) -> None:
    for put, state in generators:
        with suppress(Exception):  # as above
            put(state)


def _reseed() -> None:
    """Start numpy's shared generator anew; Python has done so with its own."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        with suppress(Exception):  # as above
            numpy_random.seed()
