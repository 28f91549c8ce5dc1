"""Values as bytes that are kept: in files, in databases, for years, read by others.

    serializer = Serializer(format="msgpack", compression="zstd")
    data = serializer.dumps({"weights": array, "seen": {1, 2}}, schema_version="3")
    loaded = serializer.loads(data)
    loaded.value, loaded.header.schema_version

An envelope (`_envelope` has the table of its bytes) holds the value in one of five formats, with a header
that says which, checksums over every byte, and on demand a signature and encryption.

| format | for | refuses |
|---|---|---|
| `msgpack` (default) | speed, size | objects |
| `json` | people | objects |
| `etf` | Erlang and Elixir: real External Term Format | objects |
| `protobuf` | other languages, by `state.proto` | objects |
| `pickle` | any Python object | to be loaded, unless allowed and signed or trusted |

The first four carry the same values and give back exactly what was written: tuples, sets, keys of any type,
big integers, NaN, dates, decimals, numpy arrays; see `dspex_actors.values`. Classes are never looked up.

Data that is read may come from anyone: it becomes a value or an error of this package, within `Bounds`, and
runs no code. A key in `signing` decides whose data is read; the header's checksum alone finds accidents only.
"""

from __future__ import annotations

from dspex_actors.serialization._bare import loads_bare
from dspex_actors.serialization._bounds import Bounds
from dspex_actors.serialization._compression import Compression
from dspex_actors.serialization._detect import Kind, detect
from dspex_actors.serialization._errors import (
    ChecksumError,
    CodecUnavailableError,
    DataError,
    MalformedError,
    PickleRefusedError,
    SerializationError,
    SignatureError,
    TooLargeError,
    TruncatedError,
    UnknownFormatError,
)
from dspex_actors.serialization._files import read_file, sweep, write_file
from dspex_actors.serialization._format import Format
from dspex_actors.serialization._header import Header
from dspex_actors.serialization._keys import KeyRing
from dspex_actors.serialization._protobuf import canonical, content_hash
from dspex_actors.serialization._serializer import Loaded, Serializer

__all__ = [
    "Bounds",
    "ChecksumError",
    "CodecUnavailableError",
    "Compression",
    "DataError",
    "Format",
    "Header",
    "KeyRing",
    "Kind",
    "Loaded",
    "MalformedError",
    "PickleRefusedError",
    "SerializationError",
    "Serializer",
    "SignatureError",
    "TooLargeError",
    "TruncatedError",
    "UnknownFormatError",
    "canonical",
    "content_hash",
    "detect",
    "loads_bare",
    "read_file",
    "sweep",
    "write_file",
]
