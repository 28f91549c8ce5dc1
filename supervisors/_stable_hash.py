"""A hash that is the same in every run and every process, unlike Python's own for text."""

from __future__ import annotations

import zlib
from enum import Enum
from typing import TYPE_CHECKING

from supervisors._errors import UnstableKeyError

if TYPE_CHECKING:
    from collections.abc import Hashable


def partition_of(key: Hashable, count: int) -> int:
    """Return the partition that serves a key.

    Args:
        key: an int goes to `abs(key) % count`, anything else by `stable_hash`.
        count: of partitions, >= 1.

    Raises:
        UnstableKeyError: see `stable_hash`.
    """
    return (abs(key) if type(key) is int else stable_hash(key)) % count


def stable_hash(key: Hashable) -> int:
    """Return 32 bits made of the key's type and value.

    Known are None, bool, int, float, str, bytes, enum members, tuples and frozensets of these, and every
    object whose class describes its value in a `__repr__`.

    Raises:
        UnstableKeyError: the text of the object holds its place in memory, so each run would differ.
    """
    return zlib.crc32(_encode(key))


def _encode(key: Hashable) -> bytes:
    match key:
        case Enum():
            body = f"{type(key).__qualname__}.{key.name}".encode()
        case bytes():
            body = key
        case str():
            body = key.encode("utf-8", "surrogatepass")
        case tuple():
            body = b"".join(map(_encode, key))
        case frozenset():
            body = b"".join(sorted(map(_encode, key)))
        case _:
            if type(key).__repr__ is object.__repr__ or callable(key):
                raise UnstableKeyError(repr(key))
            body = repr(key).encode("utf-8", "surrogatepass")
    return f"{type(key).__name__}:{len(body)}:".encode() + body
