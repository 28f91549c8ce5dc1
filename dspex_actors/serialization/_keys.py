"""Secret keys by name: one to write with now, and older ones to read with still."""

from __future__ import annotations

import hmac
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from dspex_actors._errors import ConfigError
from dspex_actors.serialization._errors import CodecUnavailableError, SignatureError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

KEY_BYTES: Final = 32
KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
OVERHEAD: Final = _NONCE_BYTES + _TAG_BYTES


class KeyRing:
    """Secret keys of 32 bytes by their names; the first writes, all of them read.

    To change the key, put a new one in front. Drop an old one once nothing that it wrote is needed any more.

        KeyRing({"2026-12": new, "2026-11": old})

    Use one ring to sign and another, with other secrets, to encrypt. `repr` shows the names alone.

    Args:
        keys: name to secret; a name has 1 to 64 letters, digits, dots, underscores and dashes. Make a secret
            with `secrets.token_bytes(32)`.

    Raises:
        ConfigError: there is no key, a name is no such name, or a secret is not 32 bytes.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        if not self._keys:
            raise ConfigError("KeyRing.keys", "no key", "at least one key")
        for name, secret in self._keys.items():
            if type(name) is not str or not KEY_ID.fullmatch(name):
                raise ConfigError("KeyRing.keys", name, "a name of 1 to 64 letters, digits and . _ -")
            if type(secret) is not bytes or len(secret) != KEY_BYTES:
                raise ConfigError(f"the key {name!r}", f"{len(secret)} bytes", f"{KEY_BYTES} bytes")

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a KeyRing is not pickled: it would write down its secrets")

    @property
    def current(self) -> str:
        """The name of the key that writes."""
        return next(iter(self._keys))

    def secret(self, key_id: str) -> bytes:
        """Return the key of this name.

        Raises:
            SignatureError: there is none.
        """
        if key_id not in self._keys:
            raise SignatureError(key_id, f"it is not among this reader's: {', '.join(self._keys)}")
        return self._keys[key_id]

    def sign(self, data: bytes) -> bytes:
        """Return the HMAC-SHA-256 of `data` by the current key, 32 bytes."""
        return hmac.digest(self._keys[self.current], data, sha256)

    def verify(self, key_id: str, data: bytes, signature: bytes) -> None:
        """Compare a signature, in a time that does not tell where it is wrong.

        Raises:
            SignatureError: there is no such key, or it did not sign `data`.
        """
        if not hmac.compare_digest(hmac.digest(self.secret(key_id), data, sha256), signature):
            raise SignatureError(key_id, "it did not sign this data, or the data was changed")

    def encrypt(self, data: bytes, nonce: bytes, about: bytes) -> bytes:
        """Return nonce, `data` in AES-256-GCM by the current key, and the tag that vouches for `about` too.

        Args:
            data: what to keep secret.
            nonce: 12 random bytes, never twice with one key; of random ones use a key for at most 2**32.
            about: what is not secret and must not be changed either.

        Raises:
            CodecUnavailableError: the package for it is not installed.
        """
        sealed: bytes = _aes(self._keys[self.current]).encrypt(nonce, data, about)
        return nonce + sealed

    def decrypt(self, key_id: str, data: bytes, about: bytes) -> bytes:
        """Return what was encrypted.

        Raises:
            SignatureError: there is no such key, or it did not encrypt this data with this `about`.
            CodecUnavailableError: the package for it is not installed.
        """
        secret = self.secret(key_id)
        aes = _aes(secret)
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 -- see `_aes`

        try:
            plain: bytes = aes.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], about)
        except (InvalidTag, ValueError):  # the latter of a nonce that is too short
            raise SignatureError(key_id, "it did not encrypt this data, or the data was changed") from None
        return plain


def _aes(secret: bytes) -> Any:  # noqa: ANN401 -- the type of a package that need not be installed
    try:
        from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415 -- only who uses it needs it
            AESGCM,
        )
    except ImportError:
        raise CodecUnavailableError("encryption", "install dspex-actors[crypto]") from None
    return AESGCM(secret)
