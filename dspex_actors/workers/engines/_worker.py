"""The worker that has an engine run its guests' code; see `Engine`."""

from __future__ import annotations

import importlib
import select
from functools import partial
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dspex_actors.workers._protocol import TRIAL, Final, FrameType
from dspex_actors.workers.confine import _limits
from dspex_actors.workers.confine._descriptors import DATA_FD
from dspex_actors.workers.engines._engine import (
    Call,
    Engine,
    EngineFailureError,
    GuestFailedError,
    OutOfFuelError,
    OutOfMemoryError,
    OutOfTimeError,
    ResultTooBigError,
)
from dspex_actors.workers.guest._conversation import Conversation
from dspex_actors.workers.guest._failure import clip
from dspex_actors.workers.guest._notes import NoteBuffer

if TYPE_CHECKING:
    import socket

    from dspex_actors import values
    from dspex_actors.workers._protocol import EngineConfig, Request

_PATIENCE_S = 0.025
"""Seconds without a request after which a worker counts as a spare."""

_TYPE_CHARS, _MESSAGE_CHARS, _TRACEBACK_CHARS = 200, 8_000, 32_000


class EngineWorker(Conversation):
    """See the module.

    Args:
        channel: as for `Conversation`.
        engine: what runs the code.
    """

    def __init__(self, channel: socket.socket, engine: Engine) -> None:
        super().__init__(channel)
        self._engine = engine
        self.look = getattr(engine, "look", None)  # of those that have a driver

    def rehearse(self, host: socket.socket) -> None:  # noqa: ARG002 -- nothing is said while trying
        """Try the engine. Runs in the zygote.

        Args:
            host: the other end of the channel.

        Raises:
            EngineFailureError: it does not work.
        """
        self._engine.rehearse()

    def _get_ready(self) -> str:
        try:
            if not self.builds:
                self._engine.start()
        except EngineFailureError as error:
            return clip(str(error), _MESSAGE_CHARS // 4)
        return ""

    def _use_idle_time(self) -> None:
        """Rehearse in this very process: half of what a first request takes is the faults of fresh pages.

        A worker that was started for a request gets that first, as a rule, and rehearses nothing.
        """
        seconds, rehearsals = _PATIENCE_S, getattr(self._engine, "rehearsals", None)
        for parts in () if rehearsals is None else rehearsals(builds=self.builds):
            if is_readable(DATA_FD, seconds):
                return
            self._serve_for_nothing(parts)
            seconds = 0.0

    def _usage(self) -> tuple[float, int]:
        cpu_s, peak = super()._usage()
        used = self._engine.usage()
        return cpu_s + used.cpu_s, peak + used.memory_peak_bytes

    def _execute(self, request: Request, parts: list[memoryview]) -> tuple[Final, values.Encoded | None]:
        notes = NoteBuffer(lambda data: self._send(FrameType.NOTES, [data]), request.output_bytes)
        final, encoded = self._run(request, parts, notes)
        notes.flush_now()
        return (replace(final, dropped_notes=notes.dropped) if notes.dropped else final), encoded

    def _run(
        self, request: Request, parts: list[memoryview], notes: NoteBuffer
    ) -> tuple[Final, values.Encoded | None]:
        for _, output in self._outputs:
            output.reset(request.output_bytes)
        module = parts.pop() if request.module else None
        try:
            if request.step == TRIAL:
                return self._encode_value(_tried(request.code), request)
            tools = self._tools.begin(request.tools, request.result_bytes)
            call = Call(
                request,
                parts,
                tools,
                self._outputs[0][1],
                self._outputs[1][1],
                partial(self._limit, request),
                self.counted_beside,
                module,
                notes,
            )
            try:
                value = self._engine.run(call)
            finally:
                self._tools.end()
            return self._encode_value(value, request)
        except Exception as error:  # noqa: BLE001 -- the worker loop: every way guest code can end becomes a result
            return _ending(error, request), None

    def _limit(self, request: Request, *, address_bytes: int = 0, data_bytes: int = 0) -> None:
        """Apply the limits of a request to this process; see `Call.limit_worker`."""
        idle = self.baseline
        _limits.apply_limits(
            _limits.Baseline(idle.address_bytes + address_bytes, idle.data_bytes + data_bytes),
            cpu_s=request.cpu_s,
            memory_bytes=request.memory_bytes,
            file_bytes=request.file_bytes,
            open_files=request.open_files,
            for_good=not request.keep,
            processes=self._process_limit(request.processes),
        )

    def _process_limit(self, processes: int | None) -> int | None:
        counts = processes is not None and self.counted_beside is not None
        return processes + self.counted_beside if counts else None  # type: ignore[operator]  # `counts`


def _tried(code: str) -> object:
    """Run code of the host's, and return its `result`: what it tries is what guests could."""
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 -- the host is trusted, and so is its code
    return names["result"]


def _ending(error: Exception, request: Request) -> Final:
    """Return what a request came to whose engine has raised."""
    match error:
        case GuestFailedError():
            return _failed(error.kind, error.message, error.traceback)
        case OutOfMemoryError():
            final = Final("memory", is_last=error.is_last)
        case MemoryError():
            _limits.widen()
            final = Final("memory")
        case OutOfFuelError():
            final = Final("fuel", used=request.fuel or 0)
        case OutOfTimeError():
            final = Final("time", is_last=error.is_last)
        case ResultTooBigError():
            final = Final("result", used=error.used)
        case EngineFailureError():  # whatever state there was, it is not to be relied on
            final = Final(
                "failed", EngineFailureError.__name__, clip(str(error), _MESSAGE_CHARS), is_last=True
            )
        case _:
            final = _failed(type(error).__qualname__, str(error), "")
    return final


def _failed(kind: str, message: str, traceback: str) -> Final:
    return Final(
        "failed", clip(kind, _TYPE_CHARS), clip(message, _MESSAGE_CHARS), clip(traceback, _TRACEBACK_CHARS)
    )


def is_readable(descriptor: int, seconds: float) -> bool:
    """Wait until something can be read; False if nothing can within the time."""
    ready, _, _ = select.select([descriptor], [], [], seconds)
    return bool(ready)


def make_worker(channel: socket.socket, config: EngineConfig) -> EngineWorker:
    """Return the worker of a language. Runs in the zygote.

    Args:
        channel: the socket to the host.
        config: what the zygote was told of the engine.

    Raises:
        EngineFailureError: what makes the engine cannot be imported, or refuses.
    """
    module, _, function = config.maker.partition(":")
    try:
        maker = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise EngineFailureError(f"{config.maker} cannot be imported: {error}") from error
    return EngineWorker(channel, maker(config))
