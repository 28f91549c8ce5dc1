"""Refusing keys that were made to collide.

Python randomises the hashes of str and bytes only. Of numbers, tuples and the like a sender can make any
number with one hash, and a set or dict of n of those takes n * n comparisons to build. Honest keys rarely
share a hash at all.
"""

from __future__ import annotations

from collections import Counter
from types import NoneType
from typing import Any, Final

MAX_SAME_HASH: Final = 64

# Of these at most a few dozen distinct values have one hash.
_SAFE_TYPES: Final = frozenset({NoneType, bool, float, str, bytes})
_INT_ONLY: Final = {int}


def collide(keys: list[Any]) -> bool:
    """Return whether more than 64 of the keys have one hash.

    Raises:
        TypeError: a key is not hashable.
    """
    if len(keys) <= MAX_SAME_HASH:
        return False
    kinds = set(map(type, keys))
    if kinds <= _SAFE_TYPES or (kinds == _INT_ONLY and -(2**64) < min(keys) <= max(keys) < 2**64):
        return False
    return max(Counter(map(hash, keys)).values()) > MAX_SAME_HASH
