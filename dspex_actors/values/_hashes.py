"""Refusing keys that were made to collide.

Python randomises the hashes of str and bytes only. Of numbers, tuples and the like a sender can make any
number with one hash, and a set or dict of n of those takes n * n comparisons to build. Honest keys rarely
share a hash at all.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SAME_HASH: Final = 64


def collide(keys: list[object]) -> bool:
    """Return whether more than 64 of the keys have one hash.

    Raises:
        TypeError: a key is not hashable.
    """
    if len(keys) <= MAX_SAME_HASH:
        return False
    hashes: Iterable[int] = map(hash, keys)
    return max(Counter(hashes).values()) > MAX_SAME_HASH
