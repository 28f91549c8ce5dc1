"""What host, keeper and the processes of a session say to each other.

Host and keeper, on a seqpacket socket for each line of the session: the messages below as MessagePack. The
processes of a session tell the keeper, on one seqpacket socket that they share, what became of a fork:
`REPORT`. Who sent that is told by the kernel. Each copy has a stream socket of its own to the keeper; one
byte on it, with the worker's end of a new data socket, wakes the copy.

A line is a worker that runs calls, with its copies. A session has one line; a branch of it is another line
that has the same keeper.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Annotated

import msgspec

REPORT = Struct("<BIII")
"""A datagram of a process to its keeper: what, line, number of the copy, errno."""

WAKE = b"w"

Number = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class What(IntEnum):
    """The kinds of report."""

    LISTENER = 1  # comes with the descriptor on which the kernel asks
    FROZEN = 2  # comes with the keeper's end of the copy's own socket
    SPLIT = 3  # comes with the like; the sender is the first worker of a new line
    FAILED = 4


class Freeze(msgspec.Struct, array_like=True, frozen=True):
    """To a worker: become two, and let the new one sleep as a copy.

    Attributes:
        line, number: for the report.
        split: whether it is to be the first worker of a new line instead.
        reseed: whether random generators start anew in a copy that is woken.
    """

    line: int
    number: int
    split: bool
    reseed: bool


# -- to the keeper


class Allow(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """Let the line's worker fork once; the new process is a copy.

    Attributes:
        number: the copy's.
        superfluous: numbers of copies to end once it exists.
    """

    number: int
    superfluous: list[int]


class Wake(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """End the line's worker if it lives and some copies, then let a copy take its place; with a data socket.

    Attributes:
        number: the copy's.
        newer: numbers of copies to end.
    """

    number: int
    newer: list[int]


class Split(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """Let the line's worker make the first worker of a new line; with that one's data and line sockets."""


class End(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """End all that belongs to the line. So does closing its socket."""


Order = Allow | Wake | Split | End

# -- from the keeper


class Started(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The line has a worker; its pidfd comes along.

    Attributes:
        line: the line's number.
    """

    line: int


class Frozen(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """A copy exists."""

    number: int


class NotFrozen(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """A copy was not made, or a line was not split. It may take seconds until that is sure.

    Attributes:
        number: the copy's; 0 for a split.
        reason: why.
    """

    number: int
    reason: str


class Ended(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """The line's worker has ended; `status` as waitpid(2) gives it, `cpu_s` what it used in all."""

    status: int
    cpu_s: float


class Missing(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """There is no such copy, or not any more. Asked to wake it, the keeper has left the worker as it was."""

    number: int


class Over(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """Nothing of the line is left."""


News = Started | Frozen | NotFrozen | Ended | Missing | Over

decode_order = msgspec.msgpack.Decoder(Order).decode
decode_news = msgspec.msgpack.Decoder(News).decode
encode = msgspec.msgpack.encode
