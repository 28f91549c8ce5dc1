"""Telling by its first bytes what data is. Nothing is loaded on that ground alone, and never a pickle."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Kind(Enum):
    """What data looks like."""

    ENVELOPE = "envelope"
    GZIP = "gzip"
    LZ4 = "lz4"
    ZSTD = "zstd"
    PICKLE = "pickle"
    ETF = "etf"
    MSGPACK = "msgpack"
    JSON = "json"
    NPY = "npy"
    ZIP = "zip"
    UNKNOWN = "unknown"


_STARTS: Final = (
    (b"DSPX", Kind.ENVELOPE),
    (b"\x1f\x8b", Kind.GZIP),
    (b"\x04\x22\x4d\x18", Kind.LZ4),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    *((bytes([0x80, protocol]), Kind.PICKLE) for protocol in range(2, 6)),
    (b"\x83", Kind.ETF),
    (b"\x93NUMPY", Kind.NPY),
    (b"PK\x03\x04", Kind.ZIP),
    # Of our own only: the array of a number from 16 to 31 and the value, or an array of byte strings.
    *((bytes([0x92, head]), Kind.MSGPACK) for head in range(0x10, 0x20)),
    (b"\xdc", Kind.MSGPACK),
)
_SPACES: Final = b" \t\r\n"


def detect(data: bytes) -> Kind:
    """Return what `data` looks like. A pickle of protocol 0 or 1 has no first bytes of its own.

    protobuf has none either: a message of it is known only by the envelope around it.
    """
    for start, kind in _STARTS:
        if data[: len(start)] == start:
            return kind
    first = data[:64].lstrip(_SPACES)[:1]
    return Kind.JSON if first in {b"{", b"["} else Kind.UNKNOWN
