"""Names of files for ids of any kind: the same on file systems that do not tell `A` from `a`."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_LONGEST: Final = 200  # characters; file systems take 255 bytes
_SHOWN: Final = 100
_HASHED: Final = "~"
_REVISION: Final = re.compile(r"\d{16}", re.ASCII)


def quoted(text: str) -> str:
    """Return the name for an id: itself where it is plain, `%` and two digits for each other byte.

    One that would be too long is cut and ends with a hash; `unquoted` does not know it, see `is_cut`.
    """
    data = text.encode()
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in data)
    return name if len(name) <= _LONGEST else f"{name[:_SHOWN]}{_HASHED}{sha256(data).hexdigest()}"


def is_cut(name: str) -> bool:
    """Return whether a name does not hold all of its id."""
    return _HASHED in name


def unquoted(name: str) -> str | None:
    """Return the id that a name stands for; None if it is no such name, or cut."""
    try:
        text = re.sub(rb"%([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), name.encode())
        return text.decode() if quoted(text.decode()) == name else None
    except UnicodeError:
        return None


def revision_name(revision: int) -> str:
    """Return the name of a version's file."""
    return f"{revision:016d}"


def revision_of(name: str) -> int | None:
    """Return the revision that a file's name stands for, None if it is no such name."""
    return int(name) if _REVISION.fullmatch(name) else None
