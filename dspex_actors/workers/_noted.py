"""Collecting a worker's notes in the host, within bounds."""

from __future__ import annotations

from dspex_actors._errors import ProtocolError
from dspex_actors._execution import ConsoleMessage, Diagnostic
from dspex_actors.workers._decoding import decode_message
from dspex_actors.workers._notes import MOST_DIAGNOSTICS, MOST_MESSAGES, decode_notes


class NoteCollector:
    """Keeps what one execution tells beside its output.

    Args:
        limit: bytes of UTF-8 that the texts of the console may have in all; None for no limit.

    Attributes:
        console: messages of the console, in order.
        diagnostics: what compilers have said, in order.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._size = 0
        self.console: list[ConsoleMessage] = []
        self.diagnostics: list[Diagnostic] = []

    def add(self, payload: bytes | memoryview) -> None:
        """Take the payload of a frame.

        Raises:
            ProtocolError: it holds no notes, or more than an honest worker would send.
        """
        notes = decode_message(decode_notes, [payload])
        for kept, more, most in (
            (self.console, notes.console, MOST_MESSAGES),
            (self.diagnostics, notes.diagnostics, MOST_DIAGNOSTICS),
        ):
            if len(kept) + len(more) > most:
                raise ProtocolError(f"more than {most} notes of a kind")
        self._size += sum(len(note.text.encode()) for note in notes.console)
        if self._limit is not None and self._size > self._limit:
            raise ProtocolError(f"more than {self._limit} bytes of the console")
        self.console += [ConsoleMessage(note.level, note.text) for note in notes.console]
        self.diagnostics += [
            Diagnostic(
                each.level,
                each.message,
                each.code,
                each.line,
                each.column,
                each.end_line,
                each.end_column,
            )
            for each in notes.diagnostics
        ]
