"""What an execution tells beside output and value: messages of its console, and what a compiler has said.

A NOTES frame is a `Notes` in MessagePack. An honest worker stays within the bounds that stand here; the host
does not rely on that.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dspex_actors.workers._protocol import REQUEST_CAP

MOST_MESSAGES = 10_000
"""Messages of the console in one execution; their texts together are bounded by the limit of output."""

MOST_DIAGNOSTICS = 100
"""Diagnostics in one execution."""

LEVELS = ("error", "warning")
"""Levels of a diagnostic."""

LEVEL_CHARS, DIAGNOSTIC_CHARS, CODE_CHARS = 32, 8_000, 100

NOTES_OVERHEAD = 64 * 1024
"""Bytes a frame may take beside one text of the console."""

_Position = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class ConsoleNote(msgspec.Struct, array_like=True, frozen=True):
    """See `ConsoleMessage`."""

    level: Annotated[str, msgspec.Meta(max_length=LEVEL_CHARS)]
    text: str


class DiagnosticNote(msgspec.Struct, array_like=True, frozen=True):
    """See `Diagnostic`."""

    level: Literal["error", "warning"]
    message: Annotated[str, msgspec.Meta(max_length=DIAGNOSTIC_CHARS)]
    code: Annotated[str, msgspec.Meta(max_length=CODE_CHARS)] = ""
    line: _Position = 0
    column: _Position = 0
    end_line: _Position = 0
    end_column: _Position = 0


class Notes(msgspec.Struct, array_like=True, frozen=True):
    """Some of what an execution tells, in the order in which it came."""

    console: Annotated[list[ConsoleNote], msgspec.Meta(max_length=MOST_MESSAGES)] = []
    diagnostics: Annotated[list[DiagnosticNote], msgspec.Meta(max_length=MOST_DIAGNOSTICS)] = []


encode_notes = msgspec.msgpack.encode
decode_notes = msgspec.msgpack.Decoder(Notes).decode


def notes_cap(output_bytes: int | None) -> int:
    """Return how many bytes a frame of notes may have.

    Args:
        output_bytes: the limit of output; None for none.
    """
    return REQUEST_CAP if output_bytes is None else min(REQUEST_CAP, output_bytes + NOTES_OVERHEAD)
