"""What a zygote tells of a worker, on a socket that the worker never holds: its birth and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

from dspex_actors._errors import WorkerLostError
from dspex_actors.workers import _protocol

if TYPE_CHECKING:
    import socket

_News: TypeAlias = "_protocol.Born | _protocol.Unborn | _protocol.Exited"

_decode_control = msgspec.msgpack.Decoder(_protocol.Born | _protocol.Unborn | _protocol.Exited).decode


def birth_of(control: socket.socket, timeout_s: float) -> tuple[_News, list[int]]:
    """Wait for what the zygote tells of the fork; return it with the descriptors.

    Raises:
        WorkerLostError: it tells of none.
    """
    control.settimeout(timeout_s)
    try:
        message, fds = _protocol.receive_with_fds(control, 4096, 4)
    except OSError as error:
        raise WorkerLostError(f"the zygote did not start a worker: {error}") from error
    if not message:
        raise WorkerLostError("the zygote ended before it started a worker")
    return _decode_control(message), fds


def end_of(control: socket.socket, timeout_s: float) -> _protocol.Exited | None:
    """Wait for what the zygote tells of the worker's end; None if it ended without telling."""
    control.settimeout(timeout_s)
    try:
        message, _ = _protocol.receive_with_fds(control, 4096, 1)
    except OSError:
        return None
    exited = _decode_control(message) if message else None
    return exited if isinstance(exited, _protocol.Exited) else None
