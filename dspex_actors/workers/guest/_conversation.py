"""A worker's side of the conversation with the host, whatever language it runs.

Say ready, then answer one request after the other until the host closes the socket or kills the worker. What
a request's code does is the business of a subclass: `_loop` runs Python in this very process, `engines` has
other languages run.

Nothing here is a protection: guest code shares this process, or its sandbox, and can change all of it. What
it can gain is to lie about its own result.
"""

from __future__ import annotations

import io
import os
import resource
import sys
from _thread import RLock
from typing import TYPE_CHECKING, Any

import msgspec

from dspex_actors import values
from dspex_actors._errors import ValueEncodeError
from dspex_actors.workers import _framing, _protocol
from dspex_actors.workers._protocol import Final, FrameType
from dspex_actors.workers.confine import _limits
from dspex_actors.workers.guest import _output
from dspex_actors.workers.guest._memory_channel import MemoryChannel
from dspex_actors.workers.guest._tools import ToolClient

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from dspex_actors.workers.guest._copies import Copies

_encode = msgspec.msgpack.encode
_decode_request = msgspec.msgpack.Decoder(_protocol.Request).decode


class Conversation:
    """One worker's side of the conversation.

    It is made in the zygote: a fork then shares its memory.

    Args:
        channel: the socket to the host; in the zygote a stand-in on the same descriptor.

    Attributes:
        baseline: what an idle worker uses, for the memory limit.
        counted_beside: processes that count against its limit beside its own; None if they cannot be limited.
        look: starts what runs the code for nothing and tells what it uses, for a trial; None if that is the
            worker itself.
        builds: whether it was started to compile a program, or to be tried: it runs nothing of a guest's.
    """

    look: Callable[[], _protocol.Footprint] | None = None
    builds = False

    def __init__(self, channel: socket.socket) -> None:
        self._channel: _framing.Stream = channel
        self.baseline = _limits.Baseline.measure()
        self._reader = _framing.FrameReader(
            channel,
            dict.fromkeys(
                (FrameType.EXECUTE, FrameType.TOOL_RESULT, FrameType.FREEZE), _protocol.REQUEST_CAP
            ),
        )
        self._sending = RLock()  # of the guest's threads; a signal handler may print while its thread sends
        self._tools = ToolClient(lambda parts: self._send(FrameType.TOOL_CALL, parts), self._reader.read)
        self.counted_beside: int | None = None
        self._nonce = 0
        self._pid = 0  # until it serves
        self._stdin = io.TextIOWrapper(io.BytesIO())  # reads as empty
        self._stdout = _output.OutputStream(
            lambda data: self._send_output(_protocol.STDOUT, data), "<stdout>"
        )
        self._stderr = _output.OutputStream(
            lambda data: self._send_output(_protocol.STDERR, data), "<stderr>"
        )
        # Kept apart: the guest may detach what is below its streams.
        self._outputs = [(stream, stream.output) for stream in (self._stdout, self._stderr)]

    def offer_network(self, proxy: tuple[str, int] | None = None) -> None:
        """Let guests ask the host for connections; see `_loop`. Runs in the zygote."""

    def rehearse(self, host: socket.socket) -> None:
        """Do once what workers will do, so that forks find it done. Runs in the zygote.

        Args:
            host: the other end of `channel`.
        """

    def serve(self, copies: Copies | None = None) -> None:  # noqa: ARG002 -- for workers that can be copied
        """Answer requests until the host closes the socket. Runs in the confined worker.

        Args:
            copies: makes copies of the process; None if the host will not ask for any.
        """
        for name, stream in (("stdin", self._stdin), ("stdout", self._stdout), ("stderr", self._stderr)):
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        error = self._get_ready()
        self._nonce = 0
        self._pid = os.getpid()
        self._say_ready(error)
        self._use_idle_time()
        while self._serve_one():
            pass

    def _get_ready(self) -> str:
        """Do what is left to do before the first request; return why that failed, empty if it did not.

        Runs in the confined worker.
        """
        return ""

    def _use_idle_time(self) -> None:
        """Get quicker while no request comes; a worker that is a spare has the time."""

    def _execute(
        self, request: _protocol.Request, parts: list[memoryview]
    ) -> tuple[Final, values.Encoded | None]:
        """Run the guest's code; return how it ended and its encoded value.

        Args:
            request: what to run.
            parts: of the frame; from the second on the encoded variables.
        """
        raise NotImplementedError

    def _usage(self) -> tuple[float, int]:
        """Return the CPU seconds used so far, and the largest resident size in bytes."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024

    def _freeze(self, payload: bytes | memoryview) -> None:
        """Become two, for workers that can be copied."""

    def _say_ready(self, error: str = "") -> None:
        self._send(FrameType.READY, [_encode(_protocol.Ready(_protocol.VERSION, error))])

    def _serve_one(self) -> bool:
        """Answer one request; False when the host has closed the socket."""
        frame = self._reader.read()
        while frame is not None and frame.type == FrameType.TOOL_RESULT:  # the guest has not waited for it
            frame = self._reader.read()
        if frame is None:
            return False
        if frame.type == FrameType.FREEZE:
            self._freeze(frame.payload)
            return True
        self._nonce = frame.nonce
        self._send(FrameType.FINAL, self._answer(frame.payload))
        return True

    def _serve_for_nothing(self, parts: Sequence[_framing.Block]) -> None:
        """Answer a request that nobody has sent: the first one touches the pages that all later ones use.

        Args:
            parts: of its frame. It should have no limits, which would stay.
        """
        memory = MemoryChannel(b"")
        _framing.send_frame(memory, FrameType.EXECUTE, 0, _framing.pack_parts(parts))
        host, self._channel = self._channel, memory
        self._reader.sock = memory
        self._serve_one()
        self._channel = self._reader.sock = host

    def _answer(self, payload: bytes | memoryview) -> list[bytes | bytearray | memoryview]:
        """Run one request; return the parts of its final frame."""
        parts = _framing.split_parts(payload)
        request = _decode_request(parts[0])
        started, _ = self._usage()
        final, encoded = self._execute(request, parts)
        dropped = sum(_output.finish(stream, output) for stream, output in self._outputs)
        used, peak = self._usage()
        final = msgspec.structs.replace(
            final,
            cpu_s=max(0.0, used - started),
            memory_peak_bytes=peak,
            dropped_bytes=dropped,
        )
        rest = [encoded.structure, *encoded.buffers] if encoded is not None else []
        return _framing.pack_parts([_encode(final), *rest])

    def _encode_value(self, value: object, request: _protocol.Request) -> tuple[Final, values.Encoded | None]:
        """Encode the value; say so when it cannot cross or is too big."""
        try:
            encoded = value if type(value) is values.Encoded else values.encode(value)
        except ValueEncodeError as error:
            return Final("failed", "ValueEncodeError", str(error)), None
        if request.result_bytes is not None and encoded.size > request.result_bytes:
            return Final("result", used=encoded.size), None
        return Final("completed"), encoded

    def _send_output(self, stream: bytes, data: bytes) -> None:
        self._send(FrameType.OUTPUT, [stream, data])

    def _send(self, kind: FrameType, parts: Sequence[Any]) -> None:
        if self._pid and self._pid != os.getpid():  # a copy that the guest forked: it has no host to talk to
            if kind is FrameType.FINAL:
                os._exit(0)
            return
        with self._sending:
            _framing.send_frame(self._channel, kind, self._nonce, parts)


def decode_variables(parts: list[memoryview]) -> dict[str, Any]:
    """Decode the variables of a request; the host is trusted, so it may send pickled objects.

    Args:
        parts: of the request's frame.

    Raises:
        ValueDecodeError: an object cannot be made here.
    """
    if len(parts) < 2:
        return {}
    values.prepare(parts[1])
    return dict(values.decode(parts[1], parts[2:], opaque=_load_opaque))


def _load_opaque(data: bytes) -> object:
    """Rebuild an object that the host sent: this direction, and only this one, is trusted."""
    import pickle  # noqa: PLC0415 -- most guests never need it

    return pickle.loads(data)  # noqa: S301 -- see above
