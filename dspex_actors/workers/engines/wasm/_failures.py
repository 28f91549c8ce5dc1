"""What became of a program that did not end well, from what wasmtime says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import wasmtime

from dspex_actors.workers.engines._engine import (
    GuestFailedError,
    OutOfFuelError,
    OutOfMemoryError,
    OutOfTimeError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_FRAMES = 50
_FULL = 8
_PLACE = re.compile(r"^ *--> <anon>:(\d{1,9}):(\d{1,9})$", re.MULTILINE)
_MARK = "wasm trap: "
_OUT_OF_FUEL, _INTERRUPTED = "all fuel consumed", "interrupt"
_OF_LIMITS = ("exceeds memory limits", "exceeds table limits")
_BAD_EXIT = "invalid exit status"

# What allocators of several languages write before they give up, in lower case.
_CRIES = (b"memory allocation of", b"out of memory", b"memoryerror", b"bad_alloc", b"cannot allocate memory")


def ending_of(
    error: Exception, memory_bytes: int | None, memories: Sequence[int], last_words: bytes
) -> Exception:
    """Return the error that says what a failure of wasmtime's means.

    A module is told that it gets no more memory, and what it does then is its own affair. It is taken to have
    ended for want of memory if it ends badly with less than an eighth of its limit left, or after it has
    written so.

    Args:
        error: what was raised.
        memory_bytes: the limit.
        memories: sizes of the program's memories at the end.
        last_words: the end of what it wrote to stderr.
    """
    hungry = _is_hungry(memory_bytes, memories, last_words)
    match error:
        case wasmtime.Trap(trap_code=wasmtime.TrapCode.OUT_OF_FUEL):
            ending: Exception = OutOfFuelError()
        case wasmtime.Trap(trap_code=wasmtime.TrapCode.INTERRUPT):
            ending = OutOfTimeError()
        case wasmtime.Trap() | wasmtime.ExitTrap() if hungry:
            ending = OutOfMemoryError(is_last=False)
        case wasmtime.Trap(trap_code=code):
            name = "" if code is None else f"{code.name}: "
            ending = GuestFailedError("Trap", name + _first_line(error.message), frames_of(error.frames))
        case wasmtime.ExitTrap():
            ending = GuestFailedError("ExitError", f"the program ended with exit code {error.code}")
        case wasmtime.WasmtimeError() if _MARK in str(error):  # of a component: its code is not told
            ending = _component_trap(str(error), hungry=hungry)
        case wasmtime.WasmtimeError() if any(each in str(error) for each in _OF_LIMITS):
            ending = OutOfMemoryError(is_last=False)
        case wasmtime.WasmtimeError() if _BAD_EXIT in str(error):
            ending = GuestFailedError("ExitError", "the program ended with an exit code above 125")
        case wasmtime.WasmtimeError():
            ending = GuestFailedError("LinkError", str(error).strip())
        case _:
            ending = error
    return ending


def misplaced(message: str, source: bytes) -> list[dict[str, Any]]:
    """Return the fields of a `Diagnostic` for a text that is no module; nothing if no place is told.

    Columns are told in bytes, so behind other than ASCII the line alone is sure.

    Args:
        message: what wasmtime has said.
        source: the text.
    """
    place = _PLACE.search(message)
    if place is None:
        return []
    line, column = int(place[1]), int(place[2])
    before = source.split(b"\n")[line - 1 : line]
    sure = bool(before) and before[0][:column].isascii()
    told = message[: place.start()].strip()
    return [{"level": "error", "message": told, "line": line, "column": column if sure else 0}]


def _component_trap(message: str, *, hungry: bool) -> Exception:
    """Return what a trap in a component means, from its text."""
    told = _first_line(message)
    if _OUT_OF_FUEL in told:
        return OutOfFuelError()
    if told == _INTERRUPTED:
        return OutOfTimeError()
    return OutOfMemoryError(is_last=False) if hungry else GuestFailedError("Trap", told)


def frames_of(frames: Sequence[wasmtime.Frame]) -> str:
    """Return the lines of a traceback, the innermost call last.

    Args:
        frames: the innermost first.
    """
    lines = [
        f"  guest module, byte {frame.module_offset:#x}, in "
        + (frame.func_name or f"function {frame.func_index}")
        for frame in frames[:_MOST_FRAMES]
    ]
    if len(frames) > _MOST_FRAMES:
        lines.append(f"  ... {len(frames) - _MOST_FRAMES} calls more")
    return "\n".join(reversed(lines))


def _is_hungry(memory_bytes: int | None, memories: Sequence[int], last_words: bytes) -> bool:
    if memory_bytes is None:
        return False
    told = last_words.lower()
    return sum(memories) > memory_bytes - memory_bytes // _FULL or any(cry in told for cry in _CRIES)


def _first_line(message: str) -> str:
    """Return what a trap's message says beside the frames that it also shows."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith(_MARK)]
    return (marked or lines or [""])[-1 if marked else 0].removeprefix(_MARK)
