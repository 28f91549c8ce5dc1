"""Values to envelopes and back, with one set of choices."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from dspex_actors._errors import ConfigError, one_of
from dspex_actors.serialization import _etf, _etf_read, _json, _msgpack, _pickle, _protobuf, _protobuf_read
from dspex_actors.serialization._bounds import DEFAULT, Bounds
from dspex_actors.serialization._compression import Compression, compress, decompress
from dspex_actors.serialization._detect import Kind, detect
from dspex_actors.serialization._envelope import MAGIC, Opened, open_envelope, seal
from dspex_actors.serialization._errors import (
    PickleRefusedError,
    SignatureError,
    TooLargeError,
    UnknownFormatError,
)
from dspex_actors.serialization._files import read_file, write_file
from dspex_actors.serialization._format import Format
from dspex_actors.serialization._header import Header, aware, dependencies, render, short_text
from dspex_actors.serialization._keys import OVERHEAD, KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

_ENCODERS: Final[dict[Format, Callable[[object, Bounds], bytes]]] = {
    Format.MSGPACK: _msgpack.encode,
    Format.JSON: _json.encode,
    Format.ETF: _etf.encode,
    Format.PROTOBUF: _protobuf.encode,
    Format.PICKLE: _pickle.encode,
}
DECODERS: Final[dict[Format, Callable[[bytes, Bounds], object]]] = {
    Format.MSGPACK: _msgpack.decode,
    Format.JSON: _json.decode,
    Format.ETF: _etf_read.decode,
    Format.PROTOBUF: _protobuf_read.decode,
}
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value with the header that it was stored with."""

    value: Any
    header: Header


@dataclass(frozen=True, slots=True, kw_only=True)
class Serializer:
    """Turns values into envelopes and back; may be shared by threads.

    An envelope says its own format and compression, so one serializer reads what any other wrote, as long as
    it has the keys. Every byte is checked before it is used.

    Attributes:
        format: how values become bytes; a `Format` or its name.
        compression: how bodies are compressed; a `Compression` or its name.
        signing: keys that sign, and of which one has to have signed what is read. None writes and reads
            without signatures, and refuses to read what is signed.
        accept_unsigned: read data without a signature too, although there are keys: for the time until all
            that is stored is signed.
        encryption: keys that encrypt. None writes in the clear, and refuses to read what is encrypted. The
            header is never encrypted. Needs the extra `crypto`.
        bounds: what one value may cost, in both directions.
        allow_pickle: write and read the format pickle. A pickle runs code when it is loaded, so it has to be
            signed by one of the keys, or `trusted` has to be set; and its writer has to have been the same
            minor version of Python.
        trusted: nobody but this program can write where the data comes from.

    Raises:
        ConfigError: a setting is wrong, or the format is pickle and it is not allowed, or neither signed nor
            trusted.
    """

    format: Format | str = Format.MSGPACK
    compression: Compression | str = Compression.LZ4
    signing: KeyRing | None = None
    accept_unsigned: bool = False
    encryption: KeyRing | None = None
    bounds: Bounds = DEFAULT
    allow_pickle: bool = False
    trusted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", _member("Serializer.format", self.format, Format))
        object.__setattr__(
            self, "compression", _member("Serializer.compression", self.compression, Compression)
        )
        if not isinstance(self.bounds, Bounds):
            raise ConfigError("Serializer.bounds", self.bounds, "a Bounds object")
        for name in ("signing", "encryption"):
            ring = getattr(self, name)
            if ring is not None and not isinstance(ring, KeyRing):
                raise ConfigError(f"Serializer.{name}", type(ring).__name__, "a KeyRing or None")
        if self.format is Format.PICKLE and not (self.allow_pickle and (self.signing or self.trusted)):
            allowed = (
                "another format, unless allow_pickle=True and there are keys in `signing` or trusted=True"
            )
            raise ConfigError("Serializer.format", "pickle", allowed)

    def dumps(
        self,
        value: object,
        *,
        schema_version: str | None = None,
        module_version: str | None = None,
        dependencies: Mapping[str, str] | None = None,
        created_at: datetime | None = None,
    ) -> bytes:
        """Return the envelope of a value. Equal calls give equal bytes, unless they encrypt.

        Args:
            value: what to store; it is not changed.
            schema_version: of the value, as you count; for the header.
            module_version: of the code that writes it; for the header.
            dependencies: versions of packages worth noting, by name; for the header.
            created_at: the time, with a time zone; for the header.

        Raises:
            ValueEncodeError: a part of the value has no form in this format; says which and why.
            TooLargeError: it exceeds the bounds.
            ConfigError: what is for the header is not of its form.
            CodecUnavailableError: compression or encryption needs a package that is not installed.
        """
        kind, how = self._choices()
        about = _about(schema_version, module_version, dependencies or {}, created_at)
        raw = _ENCODERS[kind](value, self.bounds)
        body = compress(raw, how)
        header = Header(
            format=kind,
            compression=how,
            python=_pickle.PYTHON,
            raw_size=len(raw),
            size=len(body) + (OVERHEAD if self.encryption else 0),
            sha256="" if self.encryption else sha256(body).hexdigest(),
            key_id=self.signing.current if self.signing else None,
            encryption_key_id=self.encryption.current if self.encryption else None,
            **about,
        )
        if self.encryption is not None:
            body = self.encryption.encrypt(body, os.urandom(_NONCE_BYTES), render(header))
            header = replace(header, sha256=sha256(body).hexdigest())
        data = seal(header, body, self.signing)
        if len(data) > self.bounds.stored_bytes:
            raise TooLargeError("stored_bytes", len(data), self.bounds.stored_bytes)
        return data

    def loads(self, data: bytes) -> Loaded:
        """Return the value of an envelope from anyone, with its header.

        Raises:
            DataError: it is no envelope, or was torn or changed, or does not hold what it says.
            TooLargeError: it exceeds the bounds.
            SignatureError: it is not signed or encrypted as this serializer's keys demand.
            PickleRefusedError: it holds a pickle that may not be loaded.
            CodecUnavailableError: it needs a package that is not installed.
            UnknownFormatError: it is no envelope but something else that is known, which the error names.
        """
        opened = self._opened(data)
        header = opened.header
        if header.raw_size > self.bounds.raw_bytes:
            raise TooLargeError("raw_bytes", header.raw_size, self.bounds.raw_bytes)
        if header.format is Format.PICKLE:
            reason = _pickle.refusal(header, allowed=self.allow_pickle, trusted=self.trusted)
            if reason is not None:
                raise PickleRefusedError(reason)
            return Loaded(_pickle.decode(self._raw(opened), header), header)
        return Loaded(DECODERS[header.format](self._raw(opened), self.bounds), header)

    def read_header(self, data: bytes) -> Header:
        """Return the header of an envelope, after checking every byte of it, without decoding the body.

        Raises:
            SerializationError: as `loads`, but for what only decoding finds.
        """
        return self._opened(data).header

    def save(self, path: str | Path, value: object, **about: Any) -> None:  # noqa: ANN401 -- as `dumps`
        """Write the envelope of a value to a file that is there as a whole or not at all; see `write_file`.

        Args:
            path: where to.
            value: what to store.
            about: as for `dumps`.

        Raises:
            ValueEncodeError, TooLargeError, ConfigError, CodecUnavailableError: as `dumps`.
            OSError: the file cannot be written; what was there before still is.
        """
        write_file(path, self.dumps(value, **about))

    def load(self, path: str | Path) -> Loaded:
        """Return what `save` wrote to a file.

        Raises:
            SerializationError: as `loads`.
            OSError: the file cannot be read.
        """
        return self.loads(read_file(path, self.bounds.stored_bytes))

    def _raw(self, opened: Opened) -> bytes:
        """Return the body, decrypted and decompressed."""
        header, body = opened.header, opened.body
        if header.encryption_key_id is not None:
            if self.encryption is None:
                reason = "it encrypted this data, and no keys were given to read that"
                raise SignatureError(header.encryption_key_id, reason)
            body = self.encryption.decrypt(header.encryption_key_id, body, render(replace(header, sha256="")))
        return decompress(body, header.compression, header.raw_size)

    def _choices(self) -> tuple[Format, Compression]:
        """Return format and compression, which are members since `__post_init__`."""
        return cast("Format", self.format), cast("Compression", self.compression)

    def _opened(self, data: bytes) -> Opened:
        if len(data) > self.bounds.stored_bytes:
            raise TooLargeError("stored_bytes", len(data), self.bounds.stored_bytes)
        if data[: len(MAGIC)] != MAGIC and (kind := detect(data)) is not Kind.UNKNOWN:
            raise UnknownFormatError(f"bare {kind.value}, without an envelope; see loads_bare")
        return open_envelope(data, self.signing, unsigned=self.accept_unsigned)


def _member(field: str, value: object, kind: type[Any]) -> Any:  # noqa: ANN401 -- a member of `kind`
    try:
        return kind(value)
    except ValueError:
        raise ConfigError(field, value, one_of(member.value for member in kind)) from None


def _about(
    schema_version: str | None,
    module_version: str | None,
    versions: Mapping[str, str],
    created_at: datetime | None,
) -> dict[str, Any]:
    """Return what the caller adds to the header, checked as its reader will check it."""
    if schema_version is module_version is None and created_at is None and not versions:
        return {}
    try:
        return {
            "schema_version": short_text("schema_version", schema_version),
            "module_version": short_text("module_version", module_version),
            "dependencies": dependencies(dict(versions)),
            "created_at": None if created_at is None else aware(created_at),
        }
    except (TypeError, ValueError) as fault:
        raise ConfigError("dumps", str(fault), "what a header can hold") from None
