"""What the host does with the descriptors of processes; -1 stands for no process."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


def kill(pidfd: int) -> None:
    """Kill a process; quiet if it is gone."""
    if pidfd >= 0:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def wait_ended(pidfd: int, seconds: float) -> bool:
    """Wait until a process is gone; True if it is, or if there is none."""
    if pidfd < 0:
        return True
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def reap_if_adopted(pidfd: int) -> None:
    """Collect a dead process that became a child of ours when its zygote was killed.

    That happens where the host is the first process of a container. What nobody collects would keep its pid
    namespace from ending.
    """
    if pidfd >= 0:
        with suppress(OSError):  # usually: it is no child of ours
            os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)


def pid_behind(pidfd: int) -> int:
    """Return the process id, as the host sees it; 0 if the process has ended."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid":
            return max(0, int(value))
    return 0


def is_hung_up(channel: socket.socket) -> bool:
    """Whether nobody holds the other end of a socket."""
    poll = select.poll()
    poll.register(channel, 0)  # whatever it asks for, poll tells of a closed end
    return any(events & select.POLLHUP for _, events in poll.poll(0))
