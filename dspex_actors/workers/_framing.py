"""Frames on a stream socket: a header, then a payload of which the header says the length.

A header is little-endian: u32 payload length, u8 type, u64 nonce. What the types and nonces mean is the
protocol's business. The length is checked against the cap of its type before anything is allocated for it.

A payload that carries several blocks of bytes (a value's structure and its buffers) starts with a table: u32
number of blocks, then a u64 size for each. Each block starts at a multiple of 16 bytes from the payload's
start, so that arrays can be used where they arrived. `pack_parts` and `split_parts` write and read that
layout.

Small frames cost one system call on either side; large blocks are never copied on the way out, and are
received into memory of their own, which then belongs to the caller.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from dspex_actors._errors import FramingError
from dspex_actors.workers import _memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Block = bytes | bytearray | memoryview

MAX_PAYLOAD: Final = 2**32 - 1
MAX_PARTS: Final = 8192

_HEADER: Final = Struct("<IBQ")
_COUNT: Final = Struct("<I")
_ALIGN: Final = 16
_PADDING: Final = tuple(bytes(size) for size in range(_ALIGN))
_JOIN_UP_TO: Final = 64 * 1024  # bytes; below, one copy costs less than gathering
_IOV_MAX: Final = 1024  # Linux's limit of blocks in one sendmsg


class Stream(Protocol):
    """What frames cross: a stream socket, or what stands in for one."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Put what has arrived into the buffer and return its size, 0 at the end."""

    def sendall(self, data: bytes, /) -> None:
        """Send all of it."""

    def sendmsg(self, buffers: Iterable[memoryview], /) -> int:
        """Send a part of the buffers and return its size."""


class Frame(NamedTuple):
    """One received frame. The payload is the caller's own: bytes, or writable memory if it was large."""

    type: int
    nonce: int
    payload: bytes | memoryview


class FrameReader:
    """Reads frames from a socket, blocking or not.

    A timeout or a would-block error may come at any point and loses nothing: the next `read` goes on where it
    stopped. One thread at a time.

    Args:
        sock: where to read. The reader may read ahead, so all reading has to go through it.
        caps: the largest payload, in bytes, of each type; any other type is refused.
        buffer_size: bytes of the buffer that small frames are read into.
    """

    def __init__(self, sock: Stream, caps: Mapping[int, int], *, buffer_size: int = _JOIN_UP_TO) -> None:
        self.sock = sock
        self._caps = caps
        self._buffer = bytearray(max(buffer_size, 2 * _HEADER.size))
        self._view = memoryview(self._buffer)
        self._start = self._stop = 0  # what was read and not yet returned
        self._large: tuple[int, int, memoryview] | None = None  # type, nonce, payload that is being received
        self._filled = 0

    def read(self) -> Frame | None:
        """Return the next frame, or None if the other side closed the connection between two frames.

        Raises:
            FramingError: the type is unknown, the length is above its cap, or the connection ended within a
                frame. The stream is of no further use.
            OSError: from the socket, timeouts included.
        """
        while self._large is None:
            if (frame := self._buffered()) is not None:
                return frame
            if self._large is None and not self._fill():
                return None
        return self._finish_large(self._large)

    def _buffered(self) -> Frame | None:
        """Return the frame in the buffer, if a whole one is there; set up a payload too large for it."""
        have = self._stop - self._start - _HEADER.size
        if have < 0:
            return None
        length, kind, nonce = _HEADER.unpack_from(self._buffer, self._start)
        cap = self._caps.get(kind)
        if cap is None:
            raise FramingError(f"a frame of the unknown type {kind}")
        if length > cap:
            raise FramingError(f"a frame of type {kind} with {length} bytes, its cap is {cap}")
        start = self._start + _HEADER.size
        if length <= have:
            payload = bytes(self._view[start : start + length])
            self._start = start + length
            return Frame(kind, nonce, payload)
        if _HEADER.size + length > len(self._buffer):
            self._large = kind, nonce, _memory.new_block(length)
            self._large[2][:have] = self._view[start : self._stop]
            self._filled = have
            self._start = self._stop = 0
        return None

    def _fill(self) -> bool:
        """Read once into the buffer; return False at the end of the stream."""
        if self._start:
            rest = self._stop - self._start
            self._buffer[:rest] = self._buffer[self._start : self._stop]
            self._start, self._stop = 0, rest
        count = self.sock.recv_into(self._view[self._stop :])
        self._stop += count
        if not count and self._stop:
            raise FramingError(f"the connection ended after {self._stop} bytes of a frame")
        return count > 0

    def _finish_large(self, large: tuple[int, int, memoryview]) -> Frame:
        kind, nonce, payload = large
        while self._filled < len(payload):
            count = self.sock.recv_into(payload[self._filled :])
            if not count:
                raise FramingError(
                    f"the connection ended after {self._filled} of {len(payload)} bytes of a payload"
                )
            self._filled += count
        self._large = None
        return Frame(kind, nonce, payload)


def send_frame(sock: Stream, kind: int, nonce: int, parts: Sequence[Block] = ()) -> None:
    """Send one frame whose payload is the parts, one after the other.

    Blocks until all is sent. One thread at a time. If it raises, a part of the frame may have been sent, and
    the stream is of no further use.

    Args:
        sock: a blocking stream socket, or one with a timeout (which then applies to each system call).
        kind: type of the frame, 0 to 255.
        nonce: 0 to 2**64 - 1.
        parts: blocks of bytes; large ones are sent from where they are.

    Raises:
        FramingError: the parts are longer than a header can say.
        OSError: from the socket.
    """
    length = sum(map(len, parts))
    if length > MAX_PAYLOAD:
        raise FramingError(f"a payload of {length} bytes, a frame takes {MAX_PAYLOAD}")
    header = _HEADER.pack(length, kind, nonce)
    if length <= _JOIN_UP_TO:
        sock.sendall(b"".join((header, *parts)))
    else:
        _send_blocks(sock, [memoryview(block) for block in (header, *parts) if len(block)])


def _send_blocks(sock: Stream, blocks: list[memoryview]) -> None:
    first = 0
    while first < len(blocks):
        sent = sock.sendmsg(blocks[first : first + _IOV_MAX])
        while first < len(blocks) and sent >= len(blocks[first]):
            sent -= len(blocks[first])
            first += 1
        if sent:
            blocks[first] = blocks[first][sent:]


def pack_parts(parts: Sequence[Block]) -> list[Block]:
    """Return the blocks of a payload that `split_parts` splits into `parts` again. No part is copied.

    Raises:
        FramingError: there are more than 8192 parts.
    """
    if len(parts) > MAX_PARTS:
        raise FramingError(f"{len(parts)} parts, at most {MAX_PARTS} make a payload")
    sizes = [len(part) for part in parts]
    blocks: list[Block] = [Struct(f"<I{len(sizes)}Q").pack(len(sizes), *sizes)]
    at = len(blocks[0])
    for part in parts:
        if gap := -at % _ALIGN:
            blocks.append(_PADDING[gap])
        blocks.append(part)
        at += gap + len(part)
    return blocks


def split_parts(payload: Block) -> list[memoryview]:
    """Return the parts of a payload, as views of it.

    Raises:
        FramingError: the table is cut short, has more than 8192 entries, or its sizes are not exactly the
            payload's.
    """
    view = memoryview(payload)
    if len(view) < _COUNT.size:
        raise FramingError("a payload without a table of parts")
    (count,) = _COUNT.unpack_from(view)
    at = _COUNT.size + 8 * count
    if count > MAX_PARTS or at > len(view):
        raise FramingError(f"a table of {count} parts in a payload of {len(view)} bytes")
    parts = []
    for size in Struct(f"<{count}Q").unpack_from(view, _COUNT.size):
        at += -at % _ALIGN
        if size > len(view) - at:
            raise FramingError("a part that is longer than what is left of its payload")
        parts.append(view[at : at + size])
        at += size
    if at != len(view):
        raise FramingError(f"{len(view) - at} bytes after the last part")
    return parts
