"""What a zygote tells of itself when it starts, and of a worker, on a socket that the worker never holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

import msgspec

from dspex_actors._errors import EngineStartError, WorkerLostError
from dspex_actors.workers import _protocol

if TYPE_CHECKING:
    import socket

    from dspex_actors.workers._protocol import EngineConfig

_News: TypeAlias = "_protocol.Born | _protocol.Unborn | _protocol.Exited"

_Answer = TypeVar("_Answer", _protocol.Up, _protocol.Tried)

_decode_control = msgspec.msgpack.Decoder(_protocol.Born | _protocol.Unborn | _protocol.Exited).decode


def answer_of(
    channel: socket.socket, kind: type[_Answer], engine: EngineConfig | None, timeout_s: float
) -> _Answer:
    """Wait for what a zygote answers to its configuration.

    Args:
        channel: the socket to it.
        kind: of the answer that is due.
        engine: of its language, None for Python.
        timeout_s: seconds it may take.

    Raises:
        EngineStartError: the engine does not start.
        WorkerLostError: it ended, failed or did not answer in time.
    """
    channel.settimeout(timeout_s)
    try:
        answer = channel.recv(1 << 20)
        if not answer:
            raise WorkerLostError("the zygote ended before it was up")
        said = msgspec.msgpack.decode(answer, type=kind)
    except TimeoutError:
        raise WorkerLostError(f"the zygote was not up within {timeout_s:g} s") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise WorkerLostError(f"the zygote's handshake failed: {error}") from error
    if said.error:
        raise WorkerLostError(f"the zygote could not start: {said.error}")
    if said.engine_error and engine is not None:
        raise EngineStartError(engine.language, said.engine_error, engine.install)
    channel.settimeout(None)
    return said


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
