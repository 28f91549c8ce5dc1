"""How a zygote's child becomes the keeper of a session, and that one's child the worker."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dspex_actors.workers import _keeping_protocol as protocol
from dspex_actors.workers._keeper import Keeper
from dspex_actors.workers._protocol import send_with_fds
from dspex_actors.workers.confine import _descriptors, _libc
from dspex_actors.workers.guest._copies import Copies

if TYPE_CHECKING:
    from dspex_actors.workers.confine._enter import Confinement, Slot
    from dspex_actors.workers.guest._conversation import Conversation

_PAST_ANY_FD = 1 << 20
_CAP_KILL = 1 << 5  # the guest may have a user of its own


class SessionFds(NamedTuple):
    """The descriptors that the host sends for a new session.

    Attributes:
        data: the worker's end of its data socket.
        control: on which the zygote tells of the keeper.
        line: the keeper's end of its socket to the host.
        meeting: the keeper's end of the socket that its processes report on.
        report: the other end.
    """

    data: int
    control: int
    line: int
    meeting: int
    report: int


def become_keeper(
    confinement: Confinement, slot: Slot, worker: Conversation, fds: SessionFds, zygote_pid: int
) -> NoReturn:
    """Keep a session in this freshly forked process; never returns.

    Args:
        confinement: the layers of the worker.
        slot: what the session was lent.
        worker: rehearsed.
        fds: from the host.
        zygote_pid: the parent.
    """
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() not in {zygote_pid, 0}:
            os._exit(0)
        _libc.prctl(_libc.PR_SET_CHILD_SUBREAPER, 1)  # copies of a worker that ends become our children
        keeper_pid = os.getpid()
        child = os.fork()
        if child == 0:
            _become_worker(confinement, slot, worker, fds, keeper_pid)
        proc = confinement.proc
        _close_all_but({fds.line, fds.meeting} | (set() if proc is None else {proc}))
        _libc.drop_capabilities(kept=_CAP_KILL)
        line, meeting = socket.socket(fileno=fds.line), socket.socket(fileno=fds.meeting)
        Keeper(line, meeting, proc).run(child)
    except BaseException:  # noqa: BLE001 -- the boundary of this process: its end is the session's
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    finally:
        os._exit(0)


def _become_worker(
    confinement: Confinement, slot: Slot, worker: Conversation, fds: SessionFds, keeper_pid: int
) -> NoReturn:
    """Confine this process and serve the host."""
    try:
        listener = confinement.enter(fds.data, slot, keeper_pid, meeting=fds.report)
        meeting = socket.socket(fileno=_descriptors.MEETING_FD)
        if listener is not None:
            send_with_fds(meeting, protocol.REPORT.pack(protocol.What.LISTENER, 0, 0, 0), [listener])
            os.close(listener)
        # Nobody waits for a copy that ends while its worker lives.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        gc.enable()
        worker.serve(Copies(meeting))
    finally:
        os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    """Close all descriptors but the null device's and some."""
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    with suppress(OSError):
        os.closerange(first, _PAST_ANY_FD)
