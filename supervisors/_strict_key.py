"""Keys that are equal only when their types are: in a dict 1, 1.0 and True are one key, in OTP three."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


def strict(key: Hashable) -> Hashable:
    """Return what stands for a key in a dict.

    Two results are equal exactly when the keys are and their types are the same, inside tuples too. A plain
    str or int stands for itself; everything else becomes a tuple that starts with its type, and so meets
    neither.

    Raises:
        TypeError: the key is not hashable.
    """
    kind = type(key)
    if kind is str or kind is int:
        return key
    if isinstance(key, tuple):
        return (kind, tuple(map(strict, key)))
    hash(key)
    return (kind, key)
