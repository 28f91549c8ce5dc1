"""Being asked by the kernel whether a process under a filter may make a system call. See seccomp_unotify(2).

The answer is about registers only: what they point to may change after it was looked at, so no caller of this
looks there.
"""

from __future__ import annotations

import fcntl
import struct
from contextlib import suppress
from typing import NamedTuple

_RECEIVE, _SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND
_QUESTION = struct.Struct("QIIiIQ6Q")  # id, pid, flags; nr, arch, instruction pointer, arguments
_ANSWER = struct.Struct("QqiI")  # id, value, error, flags
_CONTINUE = 1
_EPERM = 1


class Question(NamedTuple):
    """A call that waits for an answer.

    Attributes:
        id: of the question.
        thread: id of the thread that makes it, as the listener's pid namespace knows it.
        number: of the system call.
        first: its first argument.
    """

    id: int
    thread: int
    number: int
    first: int


def receive(listener: int) -> Question | None:
    """Return the next question; None if who asked it is gone.

    Raises:
        OSError: nobody is left who could ask.
    """
    buffer = bytearray(_QUESTION.size)
    try:
        fcntl.ioctl(listener, _RECEIVE, buffer)
    except FileNotFoundError:
        return None
    ident, thread, _, number, _, _, first, *_ = _QUESTION.unpack(buffer)
    return Question(ident, thread, number, first)


def answer(listener: int, question: Question, *, allow: bool) -> bool:
    """Let the call be made, or fail with EPERM; False if who asked is gone, or was interrupted."""
    reply = _ANSWER.pack(question.id, 0, 0, _CONTINUE) if allow else _ANSWER.pack(question.id, 0, -_EPERM, 0)
    with suppress(FileNotFoundError):
        fcntl.ioctl(listener, _SEND, bytearray(reply))
        return True
    return False
