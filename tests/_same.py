"""What makes a value that came back the same as the one that was sent or stored."""

from __future__ import annotations

import struct
from datetime import datetime, time
from decimal import Decimal

import numpy as np


def same(left, right) -> bool:  # noqa: C901, PLR0911 -- a table of one rule per type
    """Return whether two values are equal with all their types, nan and -0.0 told apart by their bits."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is float:
        return struct.pack("d", left) == struct.pack("d", right)
    if kind is complex:
        return same(left.real, right.real) and same(left.imag, right.imag)
    if kind is list or kind is tuple:
        return len(left) == len(right) and all(map(same, left, right))
    if kind is dict:
        return same(list(left), list(right)) and same(list(left.values()), list(right.values()))
    if kind is set or kind is frozenset:
        return len(left) == len(right) and all(any(same(x, y) for y in right) for x in left)
    if kind is np.ndarray:
        laid_alike = left.flags.f_contiguous == right.flags.f_contiguous
        return (
            left.dtype == right.dtype
            and left.shape == right.shape
            and laid_alike
            and left.tobytes() == right.tobytes()
        )
    if isinstance(left, np.generic):
        return left.tobytes() == right.tobytes()
    if kind is Decimal:
        return str(left) == str(right)
    if kind is datetime or kind is time:
        return repr(left) == repr(right) and left.fold == right.fold
    return left == right
