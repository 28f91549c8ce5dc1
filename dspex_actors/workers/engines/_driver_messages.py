"""What a worker and its driver say to each other; see `_driver_engine`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from dspex_actors.workers._protocol import REHEARSAL, STDERR, STDOUT
from dspex_actors.workers.engines._engine import EngineFailureError

if TYPE_CHECKING:
    from dspex_actors.workers._protocol import Request
    from dspex_actors.workers.engines._engine import Call

# With what a worker adds, both are within what the host takes of it; see `Final`.
_Size = Annotated[int, msgspec.Meta(ge=0, lt=2**61)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e8)]


class Finding(msgspec.Struct):
    """What a driver's compiler has to say; see `Diagnostic`."""

    level: str
    message: str
    code: str = ""
    line: int = 0
    column: int = 0
    end_line: int = 0
    end_column: int = 0


class DriverNotes(msgspec.Struct):
    """The part of NOTES.

    Attributes:
        console: messages, each with its level and its text.
        diagnostics: what a compiler has said.
    """

    console: list[tuple[str, str]] = []
    diagnostics: list[Finding] = []


class Head(msgspec.Struct, omit_defaults=True):
    """Part 0 of a frame between worker and driver.

    Attributes:
        code, keep, read, tools, result_bytes, output_bytes: of EXECUTE, as in `Request`.
        tool: of TOOL_CALL: its name; the value is `[args, kwargs]`.
        error_type, message: of TOOL_RESULT: how it failed; empty if it did not, then there is a value.
        time_s: of EXECUTE, for a driver that stops a call by itself.
        rehearsal: of EXECUTE: whether the code is ours, and nothing of it is to stay.
        outcome: of FINAL: `"completed"`, with a value; `"failed"`, `"missing"` if there is no variable of the
            name, `"memory"`, `"result"` or `"time"`.
        traceback: of FINAL, with `error_type` and `message`.
        used: of FINAL: bytes of a result that is too big.
        diagnostics: of FINAL: what the compiler has said, if that was not in NOTES.
        dropped_notes: of FINAL: how much more there was to tell.
        cpu_s, memory_peak_bytes: of READY and FINAL: what the driver has used since it was started.
        version: of READY.
    """

    code: str = ""
    keep: bool = False
    read: str = ""
    tools: tuple[str, ...] = ()
    result_bytes: int | None = None
    tool: str = ""
    error_type: str = ""
    message: str = ""
    outcome: str = ""
    traceback: str = ""
    used: _Size = 0
    cpu_s: _Seconds = 0.0
    memory_peak_bytes: _Size = 0
    version: str = ""
    time_s: float | None = None
    output_bytes: int | None = None
    rehearsal: bool = False
    diagnostics: list[Finding] = []
    dropped_notes: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] = 0


encode_head = msgspec.json.encode
decode_head = msgspec.json.Decoder(Head).decode
decode_notes = msgspec.json.Decoder(DriverNotes).decode


def head_of(request: Request) -> Head:
    """Return the head of the frame that asks for a request."""
    return Head(
        code=request.code,
        keep=request.keep,
        read=request.read,
        tools=request.tools,
        result_bytes=request.result_bytes,
        output_bytes=request.output_bytes,
        rehearsal=request.step == REHEARSAL,
    )


def pass_on(parts: list[memoryview], call: Call) -> None:
    """Pass on output that came in a frame.

    Raises:
        EngineFailureError: it names no stream.
    """
    streams = {STDOUT: call.stdout, STDERR: call.stderr}
    stream = streams.get(bytes(parts[0])) if len(parts) == 2 else None
    if stream is None:
        raise EngineFailureError("the driver sent output without a stream")
    stream.write(parts[1])


def note(told: DriverNotes | Head, call: Call) -> None:
    """Pass on what a driver has told beside output.

    Raises:
        EngineFailureError: a diagnostic has a level that there is not.
    """
    if isinstance(told, DriverNotes):
        for level, text in told.console:
            call.notes.console(level, text)
    else:
        call.notes.dropped += told.dropped_notes
    try:
        for each in told.diagnostics:
            call.notes.diagnostic(**msgspec.structs.asdict(each))
    except ValueError as error:
        raise EngineFailureError(f"the driver sent what is no diagnostic: {error}") from error
