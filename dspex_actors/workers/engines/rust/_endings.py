"""What became of a program that did not end well, from what it wrote last and how its process ended."""

from __future__ import annotations

import re
import signal
from typing import Final

from dspex_actors.workers.engines._engine import GuestFailedError, OutOfMemoryError
from dspex_actors.workers.engines.rust._source import FILE, is_program

# How panics begin on stderr: `panicked at 'text', file:1:2` before Rust 1.73, `panicked at file:1:2:` and the
# text in the lines after it since.
_OLD_PANIC = re.compile(r"panicked at '(.*)', ([^\n']+:\d+:\d+)\n", re.DOTALL)
_NEW_PANIC = re.compile(r"panicked at ([^\n']+:\d+:\d+):\n(.*?)\n(?:note: |stack backtrace:|$)", re.DOTALL)
_FIRST_LINE: Final = f"{FILE}:1:"
_PANICKED: Final = 101
_HUNGER: Final = "memory allocation of"

_WHY: Final[dict[int, str]] = {
    signal.SIGSEGV: "it used memory that is not its own, or its stack was full",
    signal.SIGBUS: "it used memory that is not there",
    signal.SIGILL: "it came to what is no instruction",
    signal.SIGFPE: "it made a calculation that the processor refuses",
    signal.SIGABRT: "it gave up",
    signal.SIGTRAP: "it came to a breakpoint",
    signal.SIGSYS: "it made a system call that is refused",
    signal.SIGXFSZ: "it wrote a larger file than it may",
}


def name_of(number: int) -> str:
    """Return the name of a signal, or its number if it has none, as most real-time signals."""
    return next((each.name for each in signal.Signals if each == number), f"signal {number}")


def panic_in(words: str, code: str) -> tuple[str, str] | None:
    """Return the message and the place of a panic, from the end of what a program wrote to stderr.

    The place has no column in the first line of a snippet, which begins with more than the user wrote.

    Args:
        words: that end.
        code: the user's.
    """
    old, new = _OLD_PANIC.search(words), _NEW_PANIC.search(words)
    if old is not None:
        message, place = old[1], old[2]
    elif new is not None:
        message, place = new[2], new[1]
    else:
        return None
    if place.startswith(_FIRST_LINE) and not is_program(code):
        place = _FIRST_LINE.removesuffix(":")
    return message, place


def ending_of(exit_code: int, words: str, code: str) -> Exception:
    """Return the error that says how a native program has ended that did not end well.

    Args:
        exit_code: of its process, negative for the signal that ended it.
        words: the end of what it wrote to stderr.
        code: the user's.
    """
    if exit_code >= 0:
        panic = panic_in(words, code) if exit_code == _PANICKED else None
        if panic is not None:
            return GuestFailedError("Panic", panic[0], f"  {panic[1]}")
        return GuestFailedError("ExitError", f"the program ended with exit code {exit_code}")
    if exit_code == -signal.SIGABRT and _HUNGER in words:  # what Rust's allocator says before it gives up
        return OutOfMemoryError(is_last=False)
    why = f": {_WHY[-exit_code]}" if -exit_code in _WHY else ""
    panic = panic_in(words, code)  # a panic within a panic, or one that must not unwind
    return GuestFailedError(
        "Crash",
        f"the program was ended by {name_of(-exit_code)}{why}",
        "" if panic is None else f"  {panic[1]}",
    )
