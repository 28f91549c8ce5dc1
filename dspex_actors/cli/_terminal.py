"""Guest text on its way to the user: bytes as they are into a pipe, no control of the terminal on a terminal.

A terminal obeys what is printed to it: escape sequences move the cursor, rename the window, and make some
terminals type. So on a terminal a guest's control characters are shown instead of sent.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

# Controls but tab and newline; marks that reorder the text around them; line separators; lone surrogates.
_DRIVES_A_TERMINAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def neutralised(text: str) -> str:
    """Return the text with each character that drives a terminal as an escape; tab and newline stay."""
    return _DRIVES_A_TERMINAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


class Sink:
    """One of the process's own streams, for text that others wrote.

    Args:
        stream: where it goes. A terminal gets it neutralised, anything else gets its UTF-8 bytes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._inside_line = False

    def write(self, text: str) -> None:
        """Write text and see it leave.

        Raises:
            BrokenPipeError: whoever read the stream has gone.
        """
        if not text:
            return
        self._inside_line = not text.endswith("\n")
        shown = neutralised(text) if self._terminal else text
        encoding = self._stream.encoding if self._terminal else "utf-8"
        self._stream.flush()
        self._stream.buffer.write(shown.encode(encoding, "backslashreplace"))
        self._stream.buffer.flush()

    def write_line(self, text: str) -> None:
        """Write text as lines of its own.

        Raises:
            BrokenPipeError: whoever read the stream has gone.
        """
        self.write(("\n" if self._inside_line else "") + text.removesuffix("\n") + "\n")
