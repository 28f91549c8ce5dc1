"""The processes that the branches of one session share."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from dspex_actors.workers import _pidfds

if TYPE_CHECKING:
    import socket


class Group:
    """The processes that all lines of a session share: the keeper, and the first of their pid namespace.

    Any thread may use it.

    Args:
        keeper_pid: process id of the keeper.
        pidfds: of the keeper, and of the first process, whose end is everybody's.
        control: on which the zygote tells of the keeper's end.
    """

    def __init__(self, keeper_pid: int, pidfds: tuple[int, int], control: socket.socket) -> None:
        self.keeper_pid = keeper_pid
        self._lock = threading.Lock()
        self._pidfds = pidfds
        self._control = control
        self._lines = 1

    def join(self) -> None:
        """Count one line more."""
        with self._lock:
            self._lines += 1

    def leave(self, *, in_order: bool, wait_s: float) -> bool:
        """Count one line less; with the last one the processes end, and are seen dead.

        Args:
            in_order: whether the line is known to be over; if not, everything is killed now.
            wait_s: seconds the end may take.

        Returns:
            Whether all that should be dead is.
        """
        with self._lock:
            self._lines -= 1
            last = not self._lines
        if not in_order:
            _pidfds.kill(self._pidfds[1])
        elif not last:
            return True
        dead = self._wait_ended(wait_s)
        if not dead:
            _pidfds.kill(self._pidfds[1])
            dead = self._wait_ended(wait_s)
        if last:
            for pidfd in self._pidfds:
                os.close(pidfd)
            self._control.close()
        return dead

    def _wait_ended(self, seconds: float) -> bool:
        ended = True
        for pidfd in self._pidfds:
            ended = _pidfds.wait_ended(pidfd, seconds) and ended
            _pidfds.reap_if_adopted(pidfd)
        return ended
