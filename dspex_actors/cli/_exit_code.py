"""What the exit code of the command means."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How the command ended.

    Attributes:
        COMPLETED: 0, it did what it was asked to; the guest ran to its end.
        GUEST_FAILED: 1, the guest's code raised, did not compile, ended its own process, or gave a value
            that cannot cross.
        FOUND: 1 too, `state verify` found damage, or `state diff` a difference.
        FAILED: 1 too, a reload or a roll-back of `modules` failed, and everything is as it was.
        USAGE: 2, the command line, a file or the output stream is wrong, or there is no such state or module.
        LIMIT_EXCEEDED: 3, the guest was stopped at a limit.
        UNCONTAINED: 4, the sandbox is not available, or was lost.
        STORE_FAILED: 5, the state store cannot be reached, or a part of it cannot be read.
        RUNTIME_LOST: 5 too, the runtime cannot be reached, or ended before it had answered.
        NO_ENGINE: 6, what runs the language is not there, too old, or does not start.

    A signal `n` ends the command with 128 + `n`: Ctrl-C with 130, a reader that closed the pipe with 141.
    """

    COMPLETED = 0
    GUEST_FAILED = 1
    FOUND = 1
    FAILED = 1
    USAGE = 2
    LIMIT_EXCEEDED = 3
    UNCONTAINED = 4
    STORE_FAILED = 5
    RUNTIME_LOST = 5
    NO_ENGINE = 6
