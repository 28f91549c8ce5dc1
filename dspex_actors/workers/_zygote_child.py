"""What a zygote knows of a child of its own."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import socket

    from dspex_actors.workers.confine._enter import Slot


class Child(NamedTuple):
    """A child of the zygote that is no nanny.

    Attributes:
        pid: its process id.
        slot: what it was lent.
        control: the socket on which the host waits for its end; None for one that cleans a scratch folder.
        group: descriptor that kills all in its control group; None without one.
    """

    pid: int
    slot: Slot
    control: socket.socket | None
    group: int | None = None

    def kill_group(self) -> None:
        """Kill what it has left in its control group."""
        if self.group is not None:
            with suppress(OSError):  # the host has removed it
                os.write(self.group, b"1")
            os.close(self.group)
