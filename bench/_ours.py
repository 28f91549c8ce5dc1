"""Our own parts, taken out of the tree so that they can be measured alone."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dspex_actors import Limits, Policy
from dspex_actors.workers import ZygoteHandle, zygote_command, zygote_config, zygote_environment
from supervisors import GenServer, System

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supervisors import Sender

LIMITS = Limits()
START_S = 10.0


@contextmanager
def bare_zygote(policy: Policy | None = None) -> Iterator[ZygoteHandle]:
    """Start a zygote without actors; give the handle that workers are asked for with."""
    chosen = policy or Policy()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, ours:
        command = zygote_command(theirs.fileno(), chosen)
        process = subprocess.Popen(command, env=zygote_environment(), pass_fds=(theirs.fileno(),))
        theirs.close()
        handle = ZygoteHandle(ours, chosen.profile.value)  # type: ignore[union-attr] -- a Policy holds the member
        handle.handshake(zygote_config(chosen, scratch), START_S)
        try:
            yield handle
        finally:
            handle.close()
            process.wait()


class Keeper(GenServer):
    """An actor that keeps one worker and runs every call in it, as a session would."""

    def init(self, zygote: ZygoteHandle) -> None:
        """Get the worker."""
        self._worker = zygote.spawn()
        self._worker.wait_ready(START_S, self.system.timers)

    def handle_call(self, message: str, sender: Sender) -> object:  # noqa: ARG002 -- the hook's signature
        """Run code in the kept worker."""
        return self._worker.execute(message, None, LIMITS, self.system.timers, keep=True)

    def terminate(self, reason: object) -> None:  # noqa: ARG002 -- the same for every reason
        """Give the worker back."""
        self._worker.close()


def new_system() -> System:
    """Return what actors share: here the timers of a worker that no actor owns."""
    return System()
