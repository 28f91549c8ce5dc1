"""Reading data that has no envelope, such as a JSON file of another program's or a term from Erlang."""

from __future__ import annotations

from typing import Any, Final

from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._compression import Compression, decompress_at_most
from dspex_actors.serialization._detect import Kind, detect
from dspex_actors.serialization._errors import PickleRefusedError, TooLargeError, UnknownFormatError
from dspex_actors.serialization._format import Format
from dspex_actors.serialization._serializer import DECODERS

_COMPRESSED: Final = {Kind.GZIP: Compression.GZIP, Kind.LZ4: Compression.LZ4, Kind.ZSTD: Compression.ZSTD}
_FORMATS: Final = {Kind.MSGPACK: Format.MSGPACK, Kind.JSON: Format.JSON, Kind.ETF: Format.ETF}


def loads_bare(data: bytes, *, bounds: Bounds = DEFAULT) -> Any:  # noqa: ANN401 -- a value of any type
    """Return the value of bare msgpack (of this package), json or etf, which may be compressed once.

    What it is is told by its first bytes. There is no checksum, so what changed and still can be read is not
    noticed. Pickles are never loaded.

    Args:
        data: from anyone.
        bounds: what the value may cost.

    Raises:
        PickleRefusedError: it looks like a pickle.
        UnknownFormatError: it looks like nothing that is read here.
        DataError: it is not what it looks like.
        TooLargeError: it exceeds the bounds.
        CodecUnavailableError: it needs a package that is not installed.
    """
    if len(data) > bounds.stored_bytes:
        raise TooLargeError("stored_bytes", len(data), bounds.stored_bytes)
    kind = detect(data)
    if kind in _COMPRESSED:
        data = decompress_at_most(data, _COMPRESSED[kind], bounds.raw_bytes)
        kind = detect(data)
    if kind is Kind.PICKLE:
        raise PickleRefusedError("bare pickles never are; store it in an envelope that is signed")
    if kind not in _FORMATS:
        raise UnknownFormatError(kind.value)
    return DECODERS[_FORMATS[kind]](data, bounds)
