"""What a worker has to tell beside output and value, sent to the host as it comes; see `workers._notes`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dspex_actors.workers._notes import (
    CODE_CHARS,
    DIAGNOSTIC_CHARS,
    LEVEL_CHARS,
    LEVELS,
    MOST_DIAGNOSTICS,
    MOST_MESSAGES,
    ConsoleNote,
    DiagnosticNote,
    Notes,
    encode_notes,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_PROMPT_NOTES = 64
_BATCH_BYTES = 16 * 1024
_BATCH_S = 0.001
_NOTE_BYTES = 32  # what one takes beside its texts
_LAST_POSITION = 2**31 - 1


def _drop(data: bytes) -> None:
    """Take notes that nobody asked for."""


class NoteBuffer:
    """Sends the notes of one request, up to the bounds, and counts the rest.

    The first ones go out at once, later ones in batches.

    Args:
        send: takes the payload of a frame.
        output_bytes: bytes of UTF-8 that the texts of the console may have in all; None for no limit.

    Attributes:
        dropped: notes beyond the bounds, that which was cut included.
    """

    def __init__(self, send: Callable[[bytes], object] = _drop, output_bytes: int | None = None) -> None:
        self._send = send
        self._room = 1 << 62 if output_bytes is None else output_bytes
        self._messages = MOST_MESSAGES
        self._diagnostics = MOST_DIAGNOSTICS
        self._pending = Notes([], [])
        self._size = 0
        self._taken = 0
        self._sent_at = 0.0
        self.dropped = 0

    def console(self, level: str, text: str) -> None:
        """Tell a message of the console. The one that passes the limit is cut, and none follows it.

        Args:
            level: how it was called, like `"warn"`; cut at 32 characters.
            text: the message, without the end of its line.
        """
        if not self._messages:
            self.dropped += 1
            return
        self._messages -= 1
        data = text.encode("utf-8", "backslashreplace")
        if len(data) > self._room or not self._messages:
            self.dropped += len(data) > self._room
            self._messages = 0
        kept = data[: self._room]
        self._room -= len(kept)
        if kept or not data:
            text = kept.decode("utf-8", "ignore")
            self._pending.console.append(ConsoleNote(_plain(level, LEVEL_CHARS), text))
            self._took(len(kept))

    def diagnostic(
        self,
        level: str,
        message: str,
        *,
        code: str = "",
        line: int = 0,
        column: int = 0,
        end_line: int = 0,
        end_column: int = 0,
    ) -> None:
        """Tell what a compiler has to say; see `Diagnostic`. Texts that are too long are cut.

        Raises:
            ValueError: there is no such level.
        """
        if level not in LEVELS:
            raise ValueError(f"the level of a diagnostic must be one of {', '.join(LEVELS)}, got {level!r}")
        if not self._diagnostics:
            self.dropped += 1
            return
        self._diagnostics -= 1
        places = (max(0, min(each, _LAST_POSITION)) for each in (line, column, end_line, end_column))
        text = _plain(message, DIAGNOSTIC_CHARS)
        note = DiagnosticNote(level, text, _plain(code, CODE_CHARS), *places)  # type: ignore[arg-type]  # one of LEVELS
        self._pending.diagnostics.append(note)
        self._took(len(text.encode()))

    def _took(self, size: int) -> None:
        self._size += size + _NOTE_BYTES
        self._taken += 1
        late = time.monotonic() - self._sent_at >= _BATCH_S
        if self._taken <= _PROMPT_NOTES or self._size >= _BATCH_BYTES or late:
            self.flush_now()

    def flush_now(self) -> None:
        """Send what is pending."""
        if self._size:
            notes, self._pending, self._size = self._pending, Notes([], []), 0
            self._send(encode_notes(notes))
            self._sent_at = time.monotonic()


def _plain(text: str, most: int) -> str:
    """Return the beginning of a text, as UTF-8 can encode it."""
    return text[:most].encode("utf-8", "replace").decode()
