"""Compressing a body, and decompressing one from anyone to exactly the size that its header declares."""

from __future__ import annotations

import sys
import zlib
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

from dspex_actors.serialization._errors import (
    CodecUnavailableError,
    DataError,
    MalformedError,
    TooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


class Compression(Enum):
    """How a body is compressed. `ZSTD` needs the extra `zstd` before Python 3.14."""

    NONE = "none"
    LZ4 = "lz4"
    ZSTD = "zstd"
    GZIP = "gzip"


# 2.1 times smaller at a quarter of the time of level 6 (954 kB of MessagePack, CPython 3.11).
_GZIP_LEVEL: Final = 1
_ZSTD_LEVEL: Final = 3
_GZIP: Final = 16 + zlib.MAX_WBITS  # zlib's way to say: with the header of gzip
_ZSTD_WINDOW_LOG: Final = 23  # a frame may ask for 128 MiB before its first byte; levels to 19 need 8 MiB

# More than these times its size a stream cannot hold, plus a little for what is very short.
_MOST_TIMES: Final = {
    Compression.NONE: 1,
    Compression.LZ4: 256,
    Compression.GZIP: 1040,
    Compression.ZSTD: 2**17,
}
_SLACK: Final = 1024


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes | None: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def compress(body: bytes, how: Compression) -> bytes:
    """Return the compressed body.

    Raises:
        CodecUnavailableError: the package for it is not installed.
    """
    match how:
        case Compression.NONE:
            return body
        case Compression.GZIP:
            stream = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
            return stream.compress(body) + stream.flush()
        case Compression.LZ4:
            return bytes(_lz4().compress(body, store_size=False))
        case Compression.ZSTD:
            return bytes(_zstd().compress(body, level=_ZSTD_LEVEL))


def decompress(data: bytes, how: Compression, size: int) -> bytes:
    """Return the `size` bytes that `data` holds.

    Raises:
        DataError: it is not one whole stream of that size.
        CodecUnavailableError: the package for it is not installed.
    """
    if size > _MOST_TIMES[how] * len(data) + (0 if how is Compression.NONE else _SLACK):
        raise MalformedError(f"{len(data)} bytes of {how.value} cannot hold the declared {size}")
    if how is Compression.NONE:
        body = data
    else:
        body, whole = _unpacked(data, how, size + 1)
        if not whole:
            raise MalformedError(f"not one whole stream of {how.value} that holds the declared {size} bytes")
    if len(body) != size:
        raise MalformedError(f"{len(body)} bytes, and {size} are declared")
    return body


def decompress_at_most(data: bytes, how: Compression, most: int) -> bytes:
    """Return what a stream without a declared size holds.

    Raises:
        TooLargeError: it holds more than `most` bytes.
        DataError: it is not one whole stream.
        CodecUnavailableError: the package for it is not installed.
    """
    body, whole = _unpacked(data, how, most + 1)
    if len(body) > most:
        raise TooLargeError("raw_bytes", len(body), most)
    if not whole:
        raise MalformedError(f"not one whole stream of {how.value}")
    return body


def _unpacked(data: bytes, how: Compression, most: int) -> tuple[bytes, bool]:
    """Return at most `most` bytes, and whether the stream ended there and the data with it."""
    stream = _STREAMS[how]()
    pieces: list[bytes] = []
    left, piece = most, data
    try:
        while left > 0 and not stream.eof:
            # In steps: lz4 takes all that it may take before it looks at the data.
            made = stream.decompress(piece, min(left, 2**22))
            if not made and not stream.eof:
                break
            pieces.append(made)
            left -= len(made)
            piece = b""
    except DataError:
        raise
    except Exception as fault:  # noqa: BLE001 -- each library has an error of its own; lz4's is RuntimeError
        raise MalformedError(f"not {how.value}: {fault}") from None
    return b"".join(pieces), stream.eof and not stream.unused_data


class _GzipStream:
    """zlib's stream with the surface that the others have."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_GZIP)

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._stream.decompress(data or self._stream.unconsumed_tail, max_length)


def _lz4() -> ModuleType:
    import lz4.frame  # noqa: PLC0415 -- only who uses it pays for it

    module: ModuleType = lz4.frame
    return module


def _lz4_stream() -> _Stream:
    stream: _Stream = _lz4().LZ4FrameDecompressor()
    return stream


def _zstd() -> Any:  # noqa: ANN401 -- the module of one name or the other, with the same contents
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 -- see `_lz4`
        else:
            from backports import zstd  # noqa: PLC0415 -- see `_lz4`
    except ImportError:
        raise CodecUnavailableError("zstd", "install dspex-actors[zstd]") from None
    return zstd


def _zstd_stream() -> _Stream:
    zstd = _zstd()
    options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    stream: _Stream = zstd.ZstdDecompressor(options=options)
    return stream


_STREAMS: Final[dict[Compression, Callable[[], _Stream]]] = {
    Compression.GZIP: _GzipStream,
    Compression.LZ4: _lz4_stream,
    Compression.ZSTD: _zstd_stream,
}
