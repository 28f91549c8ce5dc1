"""Collecting a worker's frames of output and of notes in the host, within bounds."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Any

from dspex_actors._errors import ProtocolError
from dspex_actors.workers._noted import NoteCollector
from dspex_actors.workers._protocol import STDERR, STDOUT, STREAM_NAMES
from dspex_actors.workers._request import Program

if TYPE_CHECKING:
    from collections.abc import Callable


class OutputCollector:
    """Keeps what a guest writes to stdout and stderr.

    Args:
        limit: bytes kept of each stream, None for all. An honest worker sends no more.
        on_output: called with stream name and text as output arrives; dropped after it raised once, see
            `callback_error`.
    """

    def __init__(self, limit: int | None, on_output: Callable[[str, str], None] | None = None) -> None:
        self._limit = limit
        self._on_output = on_output
        self._kept = {1: bytearray(), 2: bytearray()}
        self._decoders: dict[int, codecs.IncrementalDecoder] = {}
        self._notes: NoteCollector | None = None
        self.callback_error: BaseException | None = None

    def add(self, payload: memoryview) -> None:
        """Take the payload of one output frame.

        Args:
            payload: one byte for the stream, then what was written to it.

        Raises:
            ProtocolError: not such a frame, or more bytes than an honest worker would send.
        """
        if not payload or payload[0] not in self._kept:
            raise ProtocolError("an output frame that is none")
        stream, data = payload[0], payload[1:]
        kept = self._kept[stream]
        if self._limit is not None and len(kept) + len(data) > self._limit:
            raise ProtocolError(f"more than {self._limit} bytes of output")
        kept += data
        if self._on_output is not None:
            self._stream(stream, bytes(data))

    def note(self, payload: bytes | memoryview) -> None:
        """Take the payload of one frame of notes.

        Raises:
            ProtocolError: see `NoteCollector.add`.
        """
        if self._notes is None:
            self._notes = NoteCollector(self._limit)
        self._notes.add(payload)

    def _stream(self, stream: int, data: bytes, *, final: bool = False) -> None:
        decoder = self._decoders.setdefault(stream, codecs.getincrementaldecoder("utf-8")("replace"))
        text = decoder.decode(data, final)
        try:
            if text and self._on_output is not None:
                self._on_output(STREAM_NAMES[stream], text)
        except BaseException as error:  # noqa: BLE001 -- the user's callback; its failure must not cost the guest its result
            self._on_output = None
            self.callback_error = error

    def finish(self) -> None:
        """Pass on what is left of a character that never came to its end."""
        for stream in list(self._decoders):
            self._stream(stream, b"", final=True)

    def text(self, stream: bytes) -> str:
        """Return what a stream held, undecodable bytes replaced."""
        return self._kept[stream[0]].decode("utf-8", "replace")

    def kept(self, code: str | Program) -> dict[str, Any]:
        """Return what results have of it, by the names of their fields.

        Args:
            code: what was run; a program that was compiled before has what was said of it then.
        """
        kept: dict[str, Any] = {"stdout": self.text(STDOUT), "stderr": self.text(STDERR)}
        said = code.diagnostics if isinstance(code, Program) else ()
        if self._notes is not None:
            kept["console"] = tuple(self._notes.console)
            said += tuple(self._notes.diagnostics)
        if said:
            kept["diagnostics"] = said
        return kept
