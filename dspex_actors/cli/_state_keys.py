"""The keys that a store was written with, from a file, and what may be read with them."""

from __future__ import annotations

import binascii
import tomllib
from base64 import b64decode
from pathlib import Path
from typing import Any

from dspex_actors.cli._usage import UsageError
from dspex_actors.serialization import KeyRing, Serializer

_TABLES = ("signing", "encryption")
_FORM = 'tables [signing] and [encryption] with lines such as "2026-12" = "64 hexadecimal digits, or base64"'


def serializer_of(
    file: str | None, *, accept_unsigned: bool = False, allow_pickle: bool = False
) -> Serializer:
    """Return what reads and writes states on behalf of the command.

    Args:
        file: of keys, in TOML; None for no keys. In each table the first key writes, and all of them read.
        accept_unsigned: read what is not signed too.
        allow_pickle: load pickles that one of the signing keys has signed.

    Raises:
        UsageError: the file cannot be used, or pickles are asked for without a key that says who wrote them.
        ConfigError: a key is no key.
    """
    rings = {} if file is None else _rings(file)
    if allow_pickle and "signing" not in rings:
        raise UsageError(
            "--allow-pickle needs --keys with a table [signing]: a pickle runs code when it is loaded,"
            " so its writer has to be known"
        )
    return Serializer(**rings, accept_unsigned=accept_unsigned, allow_pickle=allow_pickle)


def _rings(file: str) -> dict[str, Any]:
    try:
        tables = tomllib.loads(Path(file).read_bytes().decode())
    except (OSError, ValueError) as error:  # tomllib says where, and not what stands there
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"cannot read the keys in {file}: {reason}") from None
    wrong = [name for name in tables if name not in _TABLES or not isinstance(tables[name], dict)]
    if wrong or not tables:
        raise UsageError(f"the file of keys {file} must have {_FORM}; it has {', '.join(wrong) or 'nothing'}")
    return {
        name: KeyRing({key: _secret(file, key, secret) for key, secret in table.items()})
        for name, table in tables.items()
    }


def _secret(file: str, key: str, text: object) -> bytes:
    """Return the bytes of a secret; whether they are enough is for the ring to say.

    Raises:
        UsageError: it is neither hexadecimal nor base64.
    """
    if isinstance(text, str):
        for decode in (bytes.fromhex, lambda each: b64decode(each, validate=True)):
            try:
                return decode(text)
            except (ValueError, binascii.Error):
                continue
    raise UsageError(f"the key {key!r} in {file} must be hexadecimal or base64 text")
