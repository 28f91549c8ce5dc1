"""The guest's stdout and stderr: text streams whose bytes go to the host as they are written.

Every finished line goes out at once for the first lines, so that a program that prints and then hangs shows
what it printed; a program that prints a lot sends in batches.
"""

from __future__ import annotations

import io
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROMPT_WRITES = 64
_BATCH_BYTES = 16 * 1024
_BATCH_S = 0.001
_UNFINISHED_S = 0.02


class OutputBuffer(io.BufferedIOBase):
    """A binary stream that sends what it is given, up to a limit, and counts the rest."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._send = send
        self.reset(None)

    def reset(self, limit: int | None) -> None:
        """Forget what was counted; keep at most `limit` bytes from now on, None for all."""
        self._limit = self._room = limit if limit is not None else 1 << 62
        self._pending = bytearray()
        self._writes = 0
        self._sent_at = 0.0
        self.dropped = 0

    @property
    def taken(self) -> int:
        """Bytes written since `reset`, whatever became of them."""
        return self._limit - self._room + self.dropped

    def writable(self) -> bool:
        """Return True: it can be written to."""
        return True

    def write(self, data: object) -> int:
        """Take bytes; send them now or with the next batch.

        Args:
            data: any bytes-like object.
        """
        view = memoryview(data).cast("B")  # type: ignore[arg-type]  # raises TypeError for what is not bytes-like
        size = len(view)
        if size > self._room:
            self.dropped += size - self._room
            view = view[: self._room]
        if len(view):
            self._room -= len(view)
            self._pending += view
            self._writes += 1
            if not self._room or len(self._pending) >= _BATCH_BYTES or self._is_due():
                self.flush_now()
        return size

    def _is_due(self) -> bool:
        """Whether what is pending should go out: a finished line soon, an unfinished one after a while."""
        finished = self._pending.endswith(b"\n")
        if finished and self._writes <= _PROMPT_WRITES:
            return True
        return time.monotonic() - self._sent_at >= (_BATCH_S if finished else _UNFINISHED_S)

    def flush_now(self) -> None:
        """Send what is pending."""
        if self._pending:
            data, self._pending = bytes(self._pending), bytearray()
            for start in range(0, len(data), 60_000):
                self._send(data[start : start + 60_000])
            self._sent_at = time.monotonic()


class OutputStream(io.TextIOWrapper):
    """Text over an `OutputBuffer`; characters that UTF-8 cannot encode are written as escapes."""

    def __init__(self, send: Callable[[bytes], None], name: str) -> None:
        self.output = OutputBuffer(send)
        super().__init__(self.output, encoding="utf-8", errors="backslashreplace", write_through=True)  # type: ignore[arg-type]  # typeshed wants a full BufferedIOBase
        self._label = name

    @property
    def name(self) -> str:
        """`<stdout>` or `<stderr>`, as Python's own streams are named."""
        return self._label


def finish(stream: OutputStream, output: OutputBuffer) -> int:
    """Send all that is pending, also an unfinished line; return the number of bytes dropped.

    Args:
        stream: the text layer, which the guest may have closed or detached.
        output: what is below it.
    """
    with suppress(ValueError):
        stream.flush()
    output.flush_now()
    return output.dropped
