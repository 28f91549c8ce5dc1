"""What the host does with the descriptors of processes; -1 stands for no process."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress


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
