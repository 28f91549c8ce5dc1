"""Which descriptors a worker is left with."""

from __future__ import annotations

import os

_PAST_ANY_FD = 1 << 20

DATA_FD = 3
"""Descriptor of a worker's socket; all others but the null device at 0, 1 and 2 are closed."""

RULESET_FD, NEXT_FD = 4, 5
MEETING_FD = RULESET_FD
"""Descriptor of a session's worker on which it reports to its keeper; the ruleset is closed by then."""


def arrange(null: int, data_fd: int, ruleset: int | None, meeting: int | None) -> None:
    """Leave the null device at 0 to 2, the socket at 3, the ruleset at 4, and for a session one at 5.

    The zygote keeps its own descriptors out of these numbers, so none is overwritten before it was copied.
    """
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor, inheritable=False)
    os.dup2(data_fd, DATA_FD, inheritable=False)
    first_closed = DATA_FD + 1
    if ruleset is not None:
        os.dup2(ruleset, RULESET_FD, inheritable=False)
        first_closed = RULESET_FD + 1
    if meeting is not None:
        os.dup2(meeting, NEXT_FD, inheritable=False)
        os.closerange(first_closed, NEXT_FD)
        first_closed = NEXT_FD + 1
    os.closerange(first_closed, _PAST_ANY_FD)
