"""Pid namespaces for workers, each with a nanny: its first process, which does nothing but live.

A zygote stays among the host's process ids. It has its next child born in the namespace of a nanny, and is
that child's parent all the same, so pidfd and exit status are its own to have. When a nanny dies the kernel
kills all that lives in its namespace, and a nanny dies with its zygote.

Once a process has pointed its children to another pid namespace, the kernel lets it make no new one, and back
it may not go from a user namespace. So nannies are started by a process apart, as children of the zygote.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from dspex_actors.workers.confine import _libc, _own_network, _users

if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

_NEW_PID_NAMESPACE = 0x20000000
_SAME_PARENT = 0x8000
_REQUEST = struct.Struct("I")  # more flags for clone
_ANSWER = struct.Struct("ii")  # process id, errno
_PAST_ANY_FD = 1 << 20


class Nanny(NamedTuple):
    """The first process of a pid namespace.

    Attributes:
        pid: its process id.
        pidfd: a descriptor of it.
        listener: what the host is to listen on in her network namespace; None if she has none of her own.
    """

    pid: int
    pidfd: int
    listener: _socket.socket | None = None

    def adopt(self) -> None:
        """Become one of the user that only her namespace's processes have, with all rights there.

        Raises:
            OSError: she has no user namespace of her own, or is gone.
        """
        _libc.setns(self.pidfd, _users.NEW_USER_NAMESPACE)

    def adopt_children(self) -> None:
        """Have the processes that we fork from now on be born in this namespace.

        Raises:
            OSError: it is gone.
        """
        _libc.setns(self.pidfd, _NEW_PID_NAMESPACE)

    def lend_network(self) -> None:
        """Move this process into her network namespace.

        Raises:
            OSError: she is gone, or we have not the right any more.
        """
        _libc.setns(self.pidfd, _own_network.NEW_NETWORK)

    def dismiss(self) -> None:
        """Kill her, a child of ours, and reap her."""
        self.kill()
        os.waitpid(self.pid, 0)
        self.close()

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self.pidfd)
        if self.listener is not None:
            self.listener.close()

    def kill(self) -> None:
        """Kill all that lives in the namespace; quiet if it is gone. It is over once we have reaped it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)


class Nursery:
    """Starts nannies. Made by a zygote before its first worker.

    Attributes:
        pid: of the process that does it; ends with the zygote, or when this object is closed.
        gives_networks: whether nannies are to have network namespaces, see `_own_network`.
    """

    gives_networks = False

    def __init__(self) -> None:
        parent = os.pidfd_open(os.getpid())
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            _live_with(parent, theirs, lambda: _start_nannies(parent, theirs))
        theirs.close()
        os.close(parent)

    def start_nanny(self, proc: int | None = None) -> Nanny:
        """Make a pid namespace; return its nanny, a child of ours that ends with us.

        Args:
            proc: descriptor of the folder /proc, for a nanny with a user namespace of her own too.

        Raises:
            OSError: the kernel refused.
        """
        flags = 0 if proc is None else _users.NEW_USER_NAMESPACE
        self._channel.send(_REQUEST.pack(flags | (_own_network.NEW_NETWORK if self.gives_networks else 0)))
        answer, listener = _own_network.receive_listener(self._channel, _ANSWER.size)
        if len(answer) != _ANSWER.size:
            raise OSError(3, "the process that starts nannies is gone")
        pid, code = _ANSWER.unpack(answer)
        if code:
            raise OSError(code, f"clone: {os.strerror(code)}")
        nanny = Nanny(pid, os.pidfd_open(pid), listener)
        if proc is not None:
            uid, gid = os.geteuid(), os.getegid()
            try:
                _users.map_ids(str(pid), f"{uid} {uid} 1", f"{gid} {gid} 1", proc=proc)
            except OSError:
                nanny.dismiss()
                raise
        return nanny

    def close(self) -> None:
        """End the process and reap it; nannies live on."""
        self._channel.close()
        os.waitpid(self.pid, 0)


def _start_nannies(parent: int, channel: socket.socket) -> None:
    """Start a nanny for every message, until there are no more."""
    while request := channel.recv(_REQUEST.size):
        (flags,) = _REQUEST.unpack(request)
        listener = None
        try:
            if flags & _own_network.NEW_NETWORK:
                listener = _own_network.make(parent)
            try:
                pid = _libc.fork_with(_NEW_PID_NAMESPACE | _SAME_PARENT | flags & ~_own_network.NEW_NETWORK)
                if pid == 0:
                    channel.close()
                    _live_with(parent, None, lambda: _wait_end(parent))
            finally:
                if listener is not None:
                    _own_network.go_back(parent)
        except OSError as error:
            if listener is not None:
                listener.close()
            channel.send(_ANSWER.pack(0, error.errno or 0))
            continue
        _own_network.send_listener(channel, _ANSWER.pack(pid, 0), listener)


def _live_with(parent: int, channel: socket.socket | None, work: Callable[[], None]) -> NoReturn:
    """Do some work as a process that ends with its parent and holds nothing that it does not need."""
    try:
        _libc.prctl(_libc.PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # orphans of the namespace are reaped by the kernel
        kept = sorted({parent} if channel is None else {parent, channel.fileno()})
        first = 0
        for descriptor in kept:
            os.closerange(first, descriptor)
            first = descriptor + 1
        os.closerange(first, _PAST_ANY_FD)
        if not _has_ended(parent):  # it may have been faster than its death signal
            work()
    finally:
        os._exit(0)


def _has_ended(process: int) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(0))


def _wait_end(process: int) -> None:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.poll()
