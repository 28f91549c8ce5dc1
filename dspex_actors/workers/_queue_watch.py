"""The host's look at what a guest's own network holds: bytes on their way between sockets of the same guest.

The kernel counts them neither as a process's memory nor, as long as nobody has accepted the connection, as a
control group's. All sockets of the machine share one limit for them, beyond which none of them gets along.
"""

from __future__ import annotations

import os
import re

_PAGE = os.sysconf("SC_PAGE_SIZE")
_LISTENS = "0A"
_MUCH = 32 * 2**20  # bytes in all sockets of the machine
_MANY = 8  # sockets of one network; to look at them takes 30 ms where the machine has tables for many
_TCP_MEMORY = re.compile(r"^TCP: .*\bmem (\d+)", re.MULTILINE)
_SOCKETS = re.compile(r"^TCP6?: inuse (\d+)", re.MULTILINE)


def is_worth_a_look(sockstat: str, sockstat6: str) -> bool:
    """Whether a network could hold much, from the content of its files `sockstat` and `sockstat6`.

    Those have the number of its own sockets, and the bytes in all sockets of the machine.
    """
    sockets = sum(int(count) for text in (sockstat, sockstat6) for count in _SOCKETS.findall(text))
    pages = _TCP_MEMORY.search(sockstat)
    return sockets >= _MANY and pages is not None and int(pages[1]) * _PAGE >= _MUCH


def queued(table: str) -> int:
    """Return the bytes in the queues of a network's sockets; those that listen have counts in their place.

    Args:
        table: the content of a `tcp` file, see proc_pid_net(5).
    """
    total = 0
    for line in table.splitlines()[1:]:
        _, _, _, state, queues, *_ = line.split()
        if state != _LISTENS:
            sending, _, received = queues.partition(":")
            total += int(sending, 16) + int(received, 16)
    return total


def queued_in_network_of(pid: int) -> int:
    """Return the bytes in the TCP queues of a process's network; 0 if it is gone, or they are few."""
    folder = f"/proc/{pid}/net"
    try:
        if not is_worth_a_look(_content(f"{folder}/sockstat"), _content(f"{folder}/sockstat6")):
            return 0
        return sum(queued(_content(f"{folder}/{name}")) for name in ("tcp", "tcp6"))
    except (OSError, ValueError):
        return 0


def _content(path: str) -> str:
    with open(path, encoding="ascii") as file:  # noqa: PTH123 -- half the time of pathlib
        return file.read()
