"""The envelope around a stored value: header, body and seal.

| bytes | what |
|---|---|
| 4 | `DSPX` |
| 1 | version, 1 |
| 4 | size of the header, big-endian, at most 64 KiB |
| n | header: JSON in one form, see `_header` |
| m | body, `Header.size` bytes |
| 32 | seal: the HMAC-SHA-256 of all before the body by the key `Header.key_id`; without one, its SHA-256 |

The header holds the SHA-256 of the body, so the seal covers every byte of the envelope with one pass over the
body. A SHA-256 finds accidents. It does not find an attacker, who computes it anew; a signature does.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Final

from dspex_actors.serialization._errors import (
    ChecksumError,
    MalformedError,
    SignatureError,
    TruncatedError,
)
from dspex_actors.serialization._header import MAX_HEADER_BYTES, Header, parse, render

if TYPE_CHECKING:
    from dspex_actors.serialization._keys import KeyRing

MAGIC: Final = b"DSPX"
VERSION: Final = 1
_PREFIX: Final = Struct(">4sBI")
_SEAL_BYTES: Final = 32
LEAST: Final = _PREFIX.size + _SEAL_BYTES


@dataclass(frozen=True, slots=True)
class Opened:
    """An envelope whose every byte was checked."""

    header: Header
    body: bytes


def seal(header: Header, body: bytes, signing: KeyRing | None) -> bytes:
    """Return the envelope around `body`, which has the size and the SHA-256 of `header`.

    Args:
        header: what to write before the body; its `key_id` is the current one of `signing`, or None.
        body: what to store.
        signing: who signs; None for a SHA-256 alone.

    Raises:
        MalformedError: the header is too large.
    """
    text = render(header)
    if len(text) > MAX_HEADER_BYTES:
        raise MalformedError(f"a header of {len(text)} bytes, at most {MAX_HEADER_BYTES}")
    front = _PREFIX.pack(MAGIC, VERSION, len(text)) + text
    end = sha256(front).digest() if signing is None else signing.sign(front)
    return b"".join((front, body, end))


def open_envelope(data: bytes, signing: KeyRing | None, *, unsigned: bool) -> Opened:
    """Return header and body after every check that needs no decompression and no decryption.

    Args:
        data: from anyone.
        signing: the keys that may have signed it.
        unsigned: whether to take data without a signature although there are keys.

    Raises:
        DataError: it is no envelope, or was torn or changed.
        SignatureError: it is not signed by one of the keys, or is signed and there are no keys.
    """
    front, body, end = _split(data)
    text = front[_PREFIX.size :]
    actual = sha256(front).digest()
    try:
        header = parse(text)
    except MalformedError:
        if actual != end:  # it was damaged; what the damage looks like is of no interest
            raise ChecksumError("header", end.hex(), actual.hex()) from None
        raise
    _check_size(header, body)
    _check_seal(header, front, end, signing, actual, unsigned=unsigned)
    actual_body = sha256(body).hexdigest()
    if actual_body != header.sha256:
        raise ChecksumError("body", header.sha256, actual_body)
    return Opened(header, body)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    """Return prefix and header, what lies between, and the seal."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise MalformedError("no envelope: it does not start with DSPX")
    if len(data) < LEAST:
        raise TruncatedError(LEAST, len(data))
    _, version, size = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise MalformedError(f"an envelope of version {version}; this reads version {VERSION}")
    if size > MAX_HEADER_BYTES:
        raise MalformedError(f"a header of {size} bytes, at most {MAX_HEADER_BYTES}")
    start = _PREFIX.size + size
    if start + _SEAL_BYTES > len(data):
        raise TruncatedError(start + _SEAL_BYTES, len(data))
    return data[:start], data[start:-_SEAL_BYTES], data[-_SEAL_BYTES:]


def _check_seal(
    header: Header, front: bytes, end: bytes, signing: KeyRing | None, actual: bytes, *, unsigned: bool
) -> None:
    if header.key_id is None:
        if actual != end:
            raise ChecksumError("header", end.hex(), actual.hex())
        if signing is not None and not unsigned:
            raise SignatureError(None, "it is not signed, and only signed data is read with these keys")
    elif signing is None:
        raise SignatureError(header.key_id, "it signed this data, and no keys were given to check that")
    else:
        signing.verify(header.key_id, front, end)


def _check_size(header: Header, body: bytes) -> None:
    if len(body) < header.size:
        raise TruncatedError(header.size, len(body))
    if len(body) > header.size:
        raise MalformedError(f"{len(body) - header.size} bytes more than the header declares")
